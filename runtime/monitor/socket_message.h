// Messages with descriptors on a SOCK_SEQPACKET socket, for programs without a C library. unix(7), cmsg(3)
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace stack::runtime {

constexpr int kMaxMessageFds = 253;  // SCM_MAX_FD

// 0, or -errno. Never waits.
long send_message(int socket, const void* bytes, size_t size, const int* fds, int fd_count);

struct Received {
  long size = 0;  // bytes; 0: the other side closed the socket; -errno
  int fd_count = 0;
  int fds[kMaxMessageFds];
};
void receive_message(int socket, void* to, size_t size, Received& out);

// Two connected stream sockets; 0 or -errno.
long make_stream_pair(int (&out)[2]);
// A datagram socket, and one datagram to the socket at `path`; never waits. -errno on failure.
long make_datagram_socket();
long send_datagram(int socket, const char* path, const void* bytes, size_t size);
// Whether the peer of `socket` runs as our user.
bool peer_is_us(int socket);
void set_send_buffer(int socket, int bytes);
long accept(int socket);

}  // namespace stack::runtime
