// Small helpers of the monitor's files.
#pragma once

#include <stdint.h>

#include "runtime/monitor/system_calls.h"

namespace stack::runtime {

constexpr int kMonotonic = 1, kRealtime = 0;  // clockid_t

inline int64_t milliseconds() {
  sys::TimeSpec now = {0, 0};
  sys::clock(kMonotonic, &now);
  return now.seconds * 1000 + now.nanoseconds / 1000000;
}

// Closes the descriptor and sets it to -1.
inline void close_fd(int& fd) {
  if (fd >= 0) sys::close(fd);
  fd = -1;
}

// A reader that disconnects this shortly before its engine did not leave intentionally.
constexpr int64_t kSameDeathMs = 1000;

}  // namespace stack::runtime
