#pragma once

namespace stack::engine {

inline constexpr const char* kVersion = "0.1.0";
// The supported versions of the Docker Engine API: 1.24 to 1.52. Requests without a version get the newest.
inline constexpr int kOldestApi = 24;
inline constexpr int kNewestApi = 52;
inline constexpr const char* kApiVersion = "1.52";
inline constexpr const char* kOldestApiVersion = "1.24";

}  // namespace stack::engine
