// What the readers of a monitor receive.
#pragma once

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "container_fixture.h"

namespace stack::runtime::test {

struct Frame {
  int stream = 0;
  std::string bytes;
};

// Reads frames until the stream ends or `enough` bytes of payload have arrived.
inline std::vector<Frame> read_frames(int fd, size_t enough = SIZE_MAX) {
  std::string raw;
  std::vector<Frame> out;
  size_t payload = 0;
  char buffer[65536];
  for (;;) {
    pollfd poll{fd, POLLIN, 0};
    if (::poll(&poll, 1, 5000) <= 0) break;
    ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n <= 0) break;
    raw.append(buffer, static_cast<size_t>(n));
    while (raw.size() >= 8) {
      size_t length = 0;
      for (size_t i = 4; i < 8; ++i) length = length << 8 | static_cast<unsigned char>(raw[i]);
      if (raw.size() < 8 + length) break;
      out.push_back({raw[0], raw.substr(8, length)});
      payload += length;
      raw.erase(0, 8 + length);
    }
    if (payload >= enough) break;
  }
  return out;
}

inline std::string joined(const std::vector<Frame>& frames, int stream) {
  std::string out;
  for (const Frame& frame : frames) {
    if (frame.stream == stream) out += frame.bytes;
  }
  return out;
}

inline Fd attach(Container& box, AttachOptions options, uint32_t token = 1) {
  EXPECT_TRUE(request_attach(box.monitor().control.get(), token, options).has_value());
  observe(box.monitor().control.get(), box.seen(),
          [&](const Observed& seen) { return seen.attached.contains(token) || !seen.refused.empty(); });
  return std::move(box.seen().attached[token]);
}

inline void write_text(int fd, const std::string& text) { ASSERT_TRUE(write_all(fd, text).has_value()); }

inline bool process_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace stack::runtime::test
