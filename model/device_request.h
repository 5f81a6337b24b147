// Requests for accelerators (`gpus`, `reservations.devices`, Docker's DeviceRequests) as names of the Container Device
// Interface.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace stack {

struct DeviceRequest {
  std::string driver;                   // "" and "nvidia", "amd", or "cdi"
  std::optional<int64_t> count;         // -1 = all
  std::vector<std::string> device_ids;  // with "cdi": complete names
  std::vector<std::string> capabilities;
};

// {"nvidia.com/gpu=all"}. Unsupported for another driver, or if the capabilities do not include "gpu".
Result<std::vector<std::string>> cdi_names(const DeviceRequest& request);

}  // namespace stack
