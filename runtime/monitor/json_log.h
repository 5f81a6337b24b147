// Docker's json-file record: one line per line of output, or per 16 KiB of a longer one (without its "\n"
// then). No standard library, no allocation: also used by the static watch process.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/text.h"

namespace stack::runtime {

constexpr size_t kLongestMessage = 16 * 1024;

// One message as it is cut from a stream: a line, or a part of a line longer than kLongestMessage.
struct LogPiece {
  uint8_t stream = 1;                // wire::Stream
  bool newline = false;              // it ends with a newline, which is not among its bytes
  uint16_t ordinal = 0;              // 0: a whole line; else which part of a long one, from 1
  sys::TimeSpec time = {0, 0};       // when it was read
  sys::TimeSpec line_time = {0, 0};  // of the first part of its line: names the line
};

// "2006-01-02T15:04:05.999999999Z", without trailing zeros in the fraction, as Go's RFC3339Nano.
void add_time(TextWriter& out, int64_t seconds, int64_t nanoseconds);

// One JSON string's inside, escaped as Go's encoding/json does (< > & included); bytes that are no UTF-8
// become U+FFFD. `emit(context, bytes, size)` takes the pieces.
void escape_json(const char* bytes, size_t size, void (*emit)(void*, const char*, size_t), void* context);

}  // namespace stack::runtime
