// Decompression through libarchive's "raw" format: the library detects the filters, but TarReader reads the tar.
#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "images/archive/inflate.h"
#include "images/layer/layer_unpack.h"

namespace stack::images {

namespace {

struct CloseArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

struct Decompressor {
  std::unique_ptr<archive, CloseArchive> handle{archive_read_new()};
  bool empty = false;
};

Error archive_error(archive* handle) {
  const char* text = archive_error_string(handle);
  return invalid(std::string("decompress: ") + (text != nullptr ? text : "unknown error"));
}

// Plain tar needs no filter, and libarchive would refuse an empty file.
ByteSource plain_source(int fd) {
  return [fd](char* buffer, size_t size) -> Result<size_t> {
    for (;;) {
      ssize_t n = ::read(fd, buffer, size);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return Error::last_errno("read archive");
    }
  };
}

Result<std::string> peek(int fd, size_t size) {
  off_t start = ::lseek(fd, 0, SEEK_CUR);
  if (start < 0) return Error::last_errno("seek in archive");
  std::string head(size, '\0');
  ssize_t n = ::pread(fd, head.data(), head.size(), start);
  if (n < 0) return Error::last_errno("read archive");
  head.resize(static_cast<size_t>(n));
  return head;
}

}  // namespace

Result<ByteSource> open_decompressed(int fd) {
  Result<std::string> head = peek(fd, 8);
  if (head && compression_of(*head) == Compression::None) return plain_source(fd);
  auto state = std::make_shared<Decompressor>();
  archive* handle = state->handle.get();
  if (handle == nullptr) return Error("decompress: out of memory");
  archive_read_support_format_raw(handle);
  archive_read_support_format_empty(handle);
  archive_read_support_filter_gzip(handle);
  archive_read_support_filter_bzip2(handle);
  archive_read_support_filter_xz(handle);
  archive_read_support_filter_zstd(handle);
  if (archive_read_open_fd(handle, fd, 256 * 1024) != ARCHIVE_OK) return archive_error(handle);
  archive_entry* entry = nullptr;
  int status = archive_read_next_header(handle, &entry);
  if (status == ARCHIVE_EOF) state->empty = true;
  if (status != ARCHIVE_OK && status != ARCHIVE_EOF) return archive_error(handle);
  return ByteSource([state](char* buffer, size_t size) -> Result<size_t> {
    if (state->empty) return size_t{0};
    la_ssize_t n = archive_read_data(state->handle.get(), buffer, size);
    if (n < 0) return archive_error(state->handle.get());
    return static_cast<size_t>(n);
  });
}

Result<bool> looks_like_tar(int fd) {
  off_t start = ::lseek(fd, 0, SEEK_CUR);
  TRY_ASSIGN(std::string head, peek(fd, 8));
  Result<ByteSource> source = open_decompressed(fd);
  bool tar = false;
  if (source) {
    TarReader reader(*source);
    Result<std::optional<TarMember>> first = reader.next();
    tar = first && first->has_value();
  }
  if (::lseek(fd, start, SEEK_SET) < 0) return Error::last_errno("seek in archive");
  return tar;
}

}  // namespace stack::images
