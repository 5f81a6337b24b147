#include "engine/logs/log_archive.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cstring>

#include "base/files.h"

namespace stack::logs {

namespace {

constexpr size_t kArchiveBlock = size_t{64} << 10;

// Our subfield of a gzip header's extra field (RFC 1952, 2.3.1.1): inode and time of the last change, both
// little-endian, 8 bytes each.
constexpr unsigned char kFieldId[] = {'S', 'k'};
constexpr size_t kFieldSize = 16;
constexpr size_t kExtraSize = 4 + kFieldSize;

void put_number(unsigned char* to, uint64_t value) {
  for (size_t i = 0; i < 8; ++i) to[i] = static_cast<unsigned char>(value >> (8 * i));
}

uint64_t get_number(const unsigned char* from) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) value = value << 8 | from[i];
  return value;
}

WallTime modified_of(const struct stat& info) {
  auto time = std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return WallTime(std::chrono::duration_cast<WallTime::duration>(time));
}

// For foreign gzip files: the file's own inode.
LogIdentity compressed_identity(int fd, const struct stat& info) {
  LogIdentity identity{info.st_ino, modified_of(info), true};
  std::array<unsigned char, 12 + kExtraSize> head{};
  if (::pread(fd, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) return identity;
  bool ours = head[0] == 0x1f && head[1] == 0x8b && (head[3] & 4) != 0 && head[10] == kExtraSize &&
              head[11] == 0 && head[12] == kFieldId[0] && head[13] == kFieldId[1] && head[14] == kFieldSize &&
              head[15] == 0;
  if (!ours) return identity;
  identity.inode = get_number(&head[16]);
  identity.modified = WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::nanoseconds(static_cast<int64_t>(get_number(&head[24])))));
  return identity;
}

Result<Fd> unnamed_file(const std::string& folder) {
  Fd made(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!made) return Error::last_errno("temporary file in " + folder);
  return made;
}

// Concatenated gzip members form one text. A truncated end is ignored, because the rest is still useful.
Result<> inflate_into(int from, int to) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return Error("inflate: out of memory");
  struct End {
    z_stream& stream;
    ~End() { ::inflateEnd(&stream); }
  } end{stream};
  std::array<unsigned char, kArchiveBlock> in{};
  std::array<unsigned char, kArchiveBlock> out{};
  for (;;) {
    if (stream.avail_in == 0) {
      ssize_t n = ::read(from, in.data(), in.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read compressed log");
      if (n == 0) return {};
      stream.next_in = in.data();
      stream.avail_in = static_cast<unsigned>(n);
    }
    stream.next_out = out.data();
    stream.avail_out = static_cast<unsigned>(out.size());
    int state = ::inflate(&stream, Z_NO_FLUSH);
    size_t made = out.size() - stream.avail_out;
    TRY(write_all(to, {reinterpret_cast<const char*>(out.data()), made}));
    if (state == Z_STREAM_END) {
      if (::inflateReset(&stream) != Z_OK) return {};
    } else if (state != Z_OK && state != Z_BUF_ERROR) {
      return {};
    }
  }
}

Result<> deflate_into(int from, int to, const struct stat& info) {
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return Error("deflate: out of memory");
  struct End {
    z_stream& stream;
    ~End() { ::deflateEnd(&stream); }
  } end{stream};
  std::array<unsigned char, kExtraSize> extra{kFieldId[0], kFieldId[1], kFieldSize, 0};
  put_number(&extra[4], info.st_ino);
  put_number(&extra[12],
             static_cast<uint64_t>(
                 std::chrono::duration_cast<Nanoseconds>(modified_of(info).time_since_epoch()).count()));
  gz_header header{};
  header.extra = extra.data();
  header.extra_len = extra.size();
  header.os = 3;  // Unix
  (void)::deflateSetHeader(&stream, &header);
  std::array<unsigned char, kArchiveBlock> in{};
  std::array<unsigned char, kArchiveBlock> out{};
  for (int flush = Z_NO_FLUSH; flush != Z_FINISH;) {
    ssize_t n = ::read(from, in.data(), in.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("read log");
    flush = n == 0 ? Z_FINISH : Z_NO_FLUSH;
    stream.next_in = in.data();
    stream.avail_in = static_cast<unsigned>(n);
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<unsigned>(out.size());
      (void)::deflate(&stream, flush);
      TRY(write_all(to, {reinterpret_cast<const char*>(out.data()), out.size() - stream.avail_out}));
    } while (stream.avail_out == 0);
  }
  return {};
}

std::string rotated(const std::string& path, int number) { return path + "." + std::to_string(number); }

// Replaces the plain file, at its current name, with the compressed one. The lock prevents a rotation meanwhile
// (runtime/monitor/log_file.cpp).
Result<> exchange(const std::string& path, int max_file, uint64_t inode, const std::string& made) {
  TRY_ASSIGN(Fd folder, open_file(directory_name(path), O_RDONLY | O_DIRECTORY));
  if (::flock(folder.get(), LOCK_EX) != 0) return Error::last_errno("lock " + directory_name(path));
  for (int number = 1; number < max_file; ++number) {
    struct stat info{};
    std::string plain = rotated(path, number);
    if (::lstat(plain.c_str(), &info) != 0 || info.st_ino != inode) continue;
    if (::rename(made.c_str(), (plain + ".gz").c_str()) != 0) return Error::last_errno("rename " + made);
    ::unlink(plain.c_str());
    return {};
  }
  ::unlink(made.c_str());  // rotated away meanwhile
  return {};
}

Result<> compress_one(const std::string& path, int max_file, const std::string& plain) {
  Fd from(::open(plain.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from && errno == ENOENT) return {};
  if (!from) return Error::last_errno("open " + plain);
  struct stat info{};
  if (::fstat(from.get(), &info) != 0) return Error::last_errno("stat " + plain);
  std::string made = path + ".compressing";
  {
    TRY_ASSIGN(Fd to, open_file(made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640));
    Result<> done = deflate_into(from.get(), to.get(), info);
    if (!done) {
      ::unlink(made.c_str());
      return std::move(done).error().in("compress " + plain);
    }
  }
  return exchange(path, max_file, info.st_ino, made);
}

}  // namespace

bool is_same_log(const LogIdentity& held, const LogIdentity& other) {
  if (held.inode != other.inode) return false;
  return (!held.compressed && !other.compressed) || held.modified == other.modified;
}

LogIdentity identity_of_open(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return {};
  return {info.st_ino, modified_of(info), false};
}

std::optional<LogIdentity> identity_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) return LogIdentity{info.st_ino, modified_of(info), false};
  Fd compressed(::open((path + ".gz").c_str(), O_RDONLY | O_CLOEXEC));
  if (!compressed || ::fstat(compressed.get(), &info) != 0) return std::nullopt;
  return compressed_identity(compressed.get(), info);
}

Result<std::optional<OpenLog>> open_log(const std::string& path) {
  struct stat info{};
  Fd plain(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!plain && errno != ENOENT) return Error::last_errno("open " + path);
  if (plain) {
    if (::fstat(plain.get(), &info) != 0) return Error::last_errno("stat " + path);
    return std::optional(OpenLog{std::move(plain), LogIdentity{info.st_ino, modified_of(info), false}});
  }
  Fd compressed(::open((path + ".gz").c_str(), O_RDONLY | O_CLOEXEC));
  if (!compressed && errno == ENOENT) return std::optional<OpenLog>();
  if (!compressed || ::fstat(compressed.get(), &info) != 0) return Error::last_errno("open " + path + ".gz");
  TRY_ASSIGN(Fd text, unnamed_file(directory_name(path)));
  TRY(inflate_into(compressed.get(), text.get()).in(path + ".gz"));
  return std::optional(OpenLog{std::move(text), compressed_identity(compressed.get(), info)});
}

Result<> compress_rotated(const std::string& path, int max_file) {
  for (int number = max_file - 1; number >= 1; --number)
    TRY(compress_one(path, max_file, rotated(path, number)));
  return {};
}

}  // namespace stack::logs
