// The owner of a file descriptor, and common descriptor operations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stack {

// Move-only owner of a file descriptor; closes it on destruction. -1 means none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);
  // A second descriptor of the same open file, close-on-exec.
  Result<Fd> duplicate() const;

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};

// pipe2(2) with O_CLOEXEC.
Result<Pipe> make_pipe();

struct SocketPair {
  Fd ours;
  Fd theirs;
};

// socketpair(2), AF_UNIX, close-on-exec. `type` is SOCK_STREAM or SOCK_SEQPACKET.
Result<SocketPair> make_socket_pair(int type);

Result<> set_nonblocking(int fd, bool on);
// Clears or sets FD_CLOEXEC.
Result<> set_cloexec(int fd, bool on);

// Writes all bytes, retrying on EINTR and short writes.
Result<> write_all(int fd, std::string_view bytes);
// Reads until end of file, at most `limit` bytes (more is an error).
Result<std::string> read_all(int fd, size_t limit = size_t{64} << 20);

// A memfd with these contents, sealed against every change (F_SEAL_*), offset 0, close-on-exec.
Result<Fd> sealed_memfd(const std::string& name, std::string_view contents);

// One message with descriptors attached (SCM_RIGHTS), at most 250 of them.
Result<> send_with_fds(int socket, std::string_view bytes, std::span<const int> fds);

struct MessageWithFds {
  std::string bytes;    // empty at end of stream
  std::vector<Fd> fds;  // close-on-exec
};
// One recvmsg(2) of up to `limit` bytes. Truncated messages are an error.
Result<MessageWithFds> receive_with_fds(int socket, size_t limit = 256 * 1024);

}  // namespace stack
