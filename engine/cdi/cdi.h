// The Container Device Interface: vendors describe their devices in spec files, and a container names them as
// "vendor.com/class=name". https://github.com/cncf-tags/container-device-interface/blob/v1.0.0/SPEC.md
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::engine {

// Whether a device is named in the form VENDOR/CLASS=NAME, unlike a path on the host.
bool is_cdi_device(std::string_view text);

// Reads the spec files (*.json, *.yaml) in `folders`, of which later ones have precedence, and returns the edits of the devices as one object in the form of
// "containerEdits". A spec's own edits are included once. NotFound if no file describes a device; the error lists the
// devices of that kind. Files that cannot be read are errors only if the device is not found elsewhere.
Result<Json> cdi_edits(const std::vector<std::string>& devices, const std::vector<std::string>& folders);

// Applies the edits to an OCI config.json.
Result<> apply_cdi_edits(const Json& edits, Json& config);

}  // namespace stack::engine
