// Reading tar streams: ustar, PAX (path, linkpath, size, uid, gid, mtime, SCHILY.xattr.*, LIBARCHIVE.xattr.*), GNU
// long names, base-256 numbers, GNU and PAX 1.0 sparse files. Input is untrusted: every length is checked against a
// limit before it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "images/archive/tar_writer.h"

namespace stack::images {

// Fills `buffer` with up to `size` bytes; 0 at the end of the stream.
using ByteSource = std::function<Result<size_t>(char* buffer, size_t size)>;

struct TarMember : TarEntry {
  // Sparse files: {offset, length} of the stored pieces; `size` is then the apparent size.
  std::optional<std::vector<std::pair<int64_t, int64_t>>> pieces;
};

class TarReader {
 public:
  explicit TarReader(ByteSource source) : source_(std::move(source)) {}

  // The next member, nullopt at the end of the archive. Unread content of the previous one is skipped. Names are
  // returned as stored: the caller cleans and checks them. Unknown types are skipped.
  Result<std::optional<TarMember>> next();

  // Stored content of the current member in pieces of up to `size` bytes; 0 at its end.
  Result<size_t> read(char* buffer, size_t size);

 private:
  struct Extended;
  Result<bool> read_block(char* block);
  Result<> read_exactly(char* buffer, size_t size);
  Result<std::string> read_text(int64_t size, size_t limit);
  Result<> skip_content();
  Result<> read_extended(const std::string& records, Extended& extended);
  Result<TarMember> member(const char* block, const Extended& extended, int64_t stored);
  Result<> read_gnu_sparse(const char* block, TarMember& member);
  Result<> read_pax_sparse(TarMember& member);

  ByteSource source_;
  int64_t remaining_ = 0;  // stored content bytes not yet read
  int64_t padding_ = 0;
};

}  // namespace stack::images
