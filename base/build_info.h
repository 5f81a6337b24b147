// The version of these programs and the commit from which they were built.
#pragma once

#include <string>
#include <string_view>

namespace stack {

struct BuildInfo {
  std::string_view version;  // "0.1.0"
  std::string_view
      commit;             // abbreviated hash, with "-dirty" after local changes; "" if built from an archive
  std::string_view date;  // of the commit or SOURCE_DATE_EPOCH, RFC 3339 in UTC; "" if unknown
};
const BuildInfo& build_info();

// "0.1.0, commit 1234567, 2026-01-31": without the parts that are unknown.
std::string build_text();

// The Docker Engine APIs that are spoken: 1.24 to 1.52. Requests without a version get the newest.
inline constexpr int kOldestApi = 24;
inline constexpr int kNewestApi = 52;
inline constexpr const char* kApiVersion = "1.52";
inline constexpr const char* kOldestApiVersion = "1.24";

}  // namespace stack
