#include "model/container_status.h"

#include <array>

namespace stack {

std::string_view to_text(ContainerStatus status) {
  constexpr std::array<std::string_view, 7> kNames{"created",  "running", "paused", "restarting",
                                                   "removing", "exited",  "dead"};
  return kNames[static_cast<size_t>(status)];
}

}  // namespace stack
