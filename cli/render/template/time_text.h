// Times and durations as Go prints them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stack::text_template {

// "2026-01-02T03:04:05.6Z" -> "2026-01-02 03:04:05.6 +0000 UTC"; the year 1 for text that is no time.
std::string time_text(std::string_view rfc3339);
// The same time for JSON: the text, or the year 1.
std::string time_json(std::string_view rfc3339);
// 90000000000 -> "1m30s"
std::string duration_text(int64_t nanoseconds);

}  // namespace stack::text_template
