#include "model/device_request.h"

#include <algorithm>

namespace stack {

Result<std::vector<std::string>> cdi_names(const DeviceRequest& request) {
  constexpr int64_t kMostDevices = 1024;
  if (request.driver == "cdi") {
    if (request.device_ids.empty())
      return invalid("a device request with the driver cdi needs device_ids such as vendor.com/class=name");
    return request.device_ids;
  }
  std::string kind;
  if (request.driver.empty() || request.driver == "nvidia") kind = "nvidia.com/gpu=";
  if (request.driver == "amd") kind = "amd.com/gpu=";
  if (kind.empty())
    return unsupported("device requests for the driver \"" + request.driver +
                       "\" are not supported; use cdi, nvidia, or amd");
  const std::vector<std::string>& wanted = request.capabilities;
  bool gpu = std::any_of(wanted.begin(), wanted.end(), [](const std::string& one) {
    return one == "gpu" || one == "nvidia" || one == "amd";
  });
  if (!wanted.empty() && !gpu)
    return unsupported("device requests without the capability gpu are not supported");
  std::vector<std::string> names;
  for (const std::string& id : request.device_ids) names.push_back(kind + id);
  if (!names.empty()) return names;
  int64_t count = request.count.value_or(-1);
  if (count < 0) return std::vector<std::string>{kind + "all"};
  if (count > kMostDevices)
    return invalid("a device request for " + std::to_string(count) + " devices is too large");
  for (int64_t number = 0; number < count; ++number) names.push_back(kind + std::to_string(number));
  return names;
}

}  // namespace stack
