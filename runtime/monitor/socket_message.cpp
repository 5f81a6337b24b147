#include "runtime/monitor/socket_message.h"

#include "runtime/monitor/system_calls.h"

namespace stack::runtime {

namespace {

constexpr int kLocal = 1, kSocketLevel = 1, kRights = 1;
constexpr int kDontWait = 0x40, kNoSignal = 0x4000, kCloexecFds = 0x40000000;
constexpr int kPeerCredentials = 17, kSendBufferForce = 32, kSendBuffer = 7;

struct IoVec {
  void* base;
  size_t size;
};
struct MessageHeader {
  void* name;
  int name_size;
  IoVec* parts;
  size_t part_count;
  void* control;
  size_t control_size;
  int flags;
};
struct ControlHeader {
  size_t size;
  int level;
  int type;
};
struct Control {
  ControlHeader header;
  int fds[kMaxMessageFds + 1];
};

}  // namespace

long send_message(int socket, const void* bytes, size_t size, const int* fds, int fd_count) {
  IoVec part = {const_cast<void*>(bytes), size};
  Control control;
  MessageHeader message = {nullptr, 0, &part, 1, nullptr, 0, 0};
  if (fd_count > 0) {
    control.header.size = sizeof(ControlHeader) + static_cast<size_t>(fd_count) * sizeof(int);
    control.header.level = kSocketLevel;
    control.header.type = kRights;
    for (int i = 0; i < fd_count; ++i) control.fds[i] = fds[i];
    message.control = &control;
    message.control_size = control.header.size;
  }
  for (;;) {
    long n = sys::call(__NR_sendmsg, socket, sys::pointer(&message), kNoSignal | kDontWait);
    if (n == -sys::kEintr) continue;
    return n < 0 ? n : 0;
  }
}

void receive_message(int socket, void* to, size_t size, Received& out) {
  IoVec part = {to, size};
  Control control;
  MessageHeader message = {nullptr, 0, &part, 1, &control, sizeof(control), 0};
  do {
    out.size = sys::call(__NR_recvmsg, socket, sys::pointer(&message), kCloexecFds | kDontWait);
  } while (out.size == -sys::kEintr);
  out.fd_count = 0;
  if (out.size < 0 || message.control_size < sizeof(ControlHeader)) return;
  if (control.header.level != kSocketLevel || control.header.type != kRights) return;
  out.fd_count = static_cast<int>((control.header.size - sizeof(ControlHeader)) / sizeof(int));
  for (int i = 0; i < out.fd_count; ++i) out.fds[i] = control.fds[i];
}

long make_stream_pair(int (&out)[2]) {
  return sys::call(__NR_socketpair, kLocal, 1 /* SOCK_STREAM */ | sys::kCloexec | sys::kNonblock, 0,
                   sys::pointer(out));
}

long make_datagram_socket() { return sys::call(__NR_socket, kLocal, 2 /* SOCK_DGRAM */ | sys::kCloexec, 0); }

long send_datagram(int socket, const char* path, const void* bytes, size_t size) {
  struct {
    unsigned short family = kLocal;
    char path[108] = {};
  } address;
  size_t length = 0;
  for (; path[length] != '\0' && length + 1 < sizeof(address.path); ++length)
    address.path[length] = path[length];
  return sys::call(__NR_sendto, socket, sys::pointer(bytes), static_cast<long>(size), kNoSignal | kDontWait,
                   sys::pointer(&address), static_cast<long>(sizeof(address.family) + length + 1));
}

bool peer_is_us(int socket) {
  struct {
    int pid, uid, gid;
  } peer = {0, -1, -1};
  int size = sizeof(peer);
  if (sys::call(__NR_getsockopt, socket, kSocketLevel, kPeerCredentials, sys::pointer(&peer),
                sys::pointer(&size)) != 0)
    return false;
  return peer.uid == static_cast<int>(sys::call(__NR_geteuid));
}

void set_send_buffer(int socket, int bytes) {
  if (sys::call(__NR_setsockopt, socket, kSocketLevel, kSendBufferForce, sys::pointer(&bytes),
                sizeof(bytes)) != 0)
    sys::call(__NR_setsockopt, socket, kSocketLevel, kSendBuffer, sys::pointer(&bytes), sizeof(bytes));
}

long accept(int socket) { return sys::call(__NR_accept4, socket, 0, 0, sys::kCloexec | sys::kNonblock); }

}  // namespace stack::runtime
