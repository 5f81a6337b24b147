// Types for quantities, and their notation in Compose.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

struct ByteSize {
  int64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

// Compose byte value: number, optional space, unit b k kb kib m ... p pib (any case, powers of 1024),
// decimals allowed; plain "-1" allowed.  https://github.com/compose-spec: "Specifying byte values".
Result<ByteSize> parse_byte_size(std::string_view text);
// "1.5GiB", "512MiB", "0B".
std::string human_size(ByteSize size);
// Docker's decimal format: "138MB", "1.2GB".
std::string decimal_size(ByteSize size);

using Nanoseconds = std::chrono::nanoseconds;

// Compose duration: "1h5m30.5s", units ns us ms s m h d w; the unit is required except for "0".
Result<Nanoseconds> parse_duration(std::string_view text);
// Go's format: "1m30s", "500ms", "0s".
std::string go_duration(Nanoseconds duration);

using WallTime = std::chrono::system_clock::time_point;

// RFC 3339 in UTC with nanoseconds, like Docker: "2026-01-02T03:04:05.123456789Z".
std::string rfc3339(WallTime time);
Result<WallTime> parse_rfc3339(std::string_view text);
// "About a minute", "2 hours", "3 days", like Docker.
std::string human_duration(std::chrono::seconds duration);

}  // namespace stack
