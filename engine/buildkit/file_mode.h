// Bits of Go's os.FileMode, in which fsutil's stream has the modes of files.
#pragma once

#include <cstdint>

namespace stack::engine {

inline constexpr uint32_t kGoDirectory = 1U << 31;
inline constexpr uint32_t kGoSymlink = 1U << 27;
inline constexpr uint32_t kGoSetuid = 1U << 23;
inline constexpr uint32_t kGoSetgid = 1U << 22;
inline constexpr uint32_t kGoSticky = 1U << 20;
// All bits that say what is not a regular file.
inline constexpr uint32_t kGoTypes =
    kGoDirectory | kGoSymlink | 1U << 26 | 1U << 25 | 1U << 24 | 1U << 21 | 1U << 19;

}  // namespace stack::engine
