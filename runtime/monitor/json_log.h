// Docker's json-file record: one line per line of output, or per 16 KiB of a longer line (then without "\n"). No standard
// library, no allocation, because the static monitor uses it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/text.h"

namespace stack::runtime {

constexpr size_t kLongestMessage = 16 * 1024;

// One message: a line, or a part of a line longer than kLongestMessage.
struct LogPiece {
  uint8_t stream = 1;                // wire::Stream
  bool newline = false;              // the message ends with a newline, which is not part of its bytes
  uint16_t ordinal = 0;              // 0: a complete line; otherwise the 1-based part of a long line
  sys::TimeSpec time = {0, 0};       // when it was read
  sys::TimeSpec line_time = {0, 0};  // time of the first part of the line, which identifies the line
};

// "2006-01-02T15:04:05.999999999Z" without trailing zeros in the fraction, like Go's RFC3339Nano.
void add_time(TextWriter& out, int64_t seconds, int64_t nanoseconds);

// Escapes the contents of a JSON string like Go's encoding/json (including < > &); invalid UTF-8 becomes U+FFFD. Calls
// `emit(context, bytes, size)` with the pieces.
void escape_json(const char* bytes, size_t size, void (*emit)(void*, const char*, size_t), void* context);

}  // namespace stack::runtime
