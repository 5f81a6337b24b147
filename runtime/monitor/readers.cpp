#include "runtime/monitor/readers.h"

#include "runtime/monitor/socket_message.h"

namespace stack::runtime {

namespace {

// Buffer size for bursts, including kernel overhead. A frame either fits completely or not at all.
constexpr int kBuffer = 1 << 20;
// For lossless readers: less than the OutputHistory, which thus has all output that a dead engine did not pass on.
constexpr int kLosslessBuffer = 1 << 18;

struct Packet {
  wire::Frame frame;
  char bytes[kLargestFrame];
};
Packet packet;

void set_frame(wire::Stream stream, size_t size) {
  packet.frame.stream = stream;
  for (size_t i = 0; i < 4; ++i) packet.frame.length[i] = static_cast<uint8_t>(size >> (24 - 8 * i));
}

bool has_room(int fd) {
  sys::PollFd poll = {fd, sys::kPollOut, 0};
  sys::TimeSpec none = {0, 0};
  return sys::poll(&poll, 1, &none) == 1 && (poll.revents & sys::kPollOut) != 0;
}

}  // namespace

long Readers::attach(uint32_t flags, Reader*& place) {
  for (Reader& reader : readers_) {
    if (reader.fd >= 0) continue;
    place = &reader;
    int ends[2];
    long result = make_stream_pair(ends);
    if (result < 0) return result;
    set_send_buffer(ends[0], (flags & wire::kAttachLossless) != 0 ? kLosslessBuffer : kBuffer);
    reader = Reader();
    reader.fd = ends[0];
    reader.flags = flags;
    return ends[1];
  }
  return -sys::kEagain;
}

void Readers::close(Reader& reader) {
  sys::close(reader.fd);
  reader = Reader();
}

void Readers::close_all() {
  for (Reader& reader : readers_) {
    if (reader.fd >= 0) close(reader);
  }
}

int64_t Readers::holding(int64_t now) const {
  int64_t longest = 0;
  for (const Reader& reader : readers_) {
    if (reader.fd < 0 || !reader.full) continue;
    if ((reader.flags & wire::kAttachLossless) != 0) return -1;
    int64_t left = reader.full_since + kPatienceMs - now;
    if (left > longest) longest = left;
  }
  return longest;
}

void Readers::send(Reader& reader, wire::Stream stream, const char* bytes, size_t size) {
  set_frame(stream, size);
  for (size_t i = 0; i < size; ++i) packet.bytes[i] = bytes[i];
  long n = send_message(reader.fd, &packet, sizeof(wire::Frame) + size, nullptr, 0);
  if (n == -sys::kEagain) {
    reader.missed += size;
  } else if (n < 0) {
    close(reader);
  }
}

bool Readers::any_resumable() const {
  for (const Reader& reader : readers_) {
    if (reader.fd >= 0 && (reader.flags & wire::kAttachResume) != 0) return true;
  }
  return false;
}

void Readers::send_gap(Reader& reader, uint64_t missed) {
  char count[8];
  for (int i = 0; i < 8; ++i) count[i] = static_cast<char>(missed >> (56 - 8 * i));
  send(reader, wire::kStreamGap, count, sizeof(count));
}

void Readers::deliver_to(Reader& reader, wire::Stream stream, const char* bytes, size_t size,
                         uint64_t missed) {
  if (missed > 0) send_gap(reader, missed);
  while (size > 0 && reader.fd >= 0) {
    size_t n = size < kLargestFrame ? size : kLargestFrame;
    send(reader, stream, bytes, n);
    bytes += n;
    size -= n;
  }
}

void Readers::deliver(wire::Stream stream, const char* bytes, size_t size, int64_t now) {
  for (Reader& reader : readers_) {
    if (reader.fd < 0 || (reader.flags & wire::kAttachOutput) == 0) continue;
    if (reader.missed > 0 && has_room(reader.fd)) {
      uint64_t missed = reader.missed;
      reader.missed = 0;
      send_gap(reader, missed);
      if (reader.fd < 0) continue;
    }
    send(reader, stream, bytes, size);
    if (reader.fd < 0 || reader.full) continue;
    reader.full = !has_room(reader.fd);
    reader.full_since = now;
  }
}

}  // namespace stack::runtime
