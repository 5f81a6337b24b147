#pragma once

namespace stack::engine {

inline constexpr const char* kVersion = "0.1.0";
// The newest Docker Engine API that is spoken.
inline constexpr const char* kApiVersion = "1.50";

}  // namespace stack::engine
