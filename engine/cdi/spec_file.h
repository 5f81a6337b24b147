// One CDI spec file, checked.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace stack::engine {

// Edits are objects of lists: "env", "deviceNodes", "mounts", "hooks", "additionalGids".
struct CdiSpec {
  std::string kind;                     // "vendor.com/class"
  std::map<std::string, Json> devices;  // edits by device name
  Json edits = Json::object();          // for every device of the file
};

// JSON or YAML. Errors begin with the file, and with line and column for syntax errors. An edit that this program does not
// support is an error, because the device would not work without it.
Result<CdiSpec> read_cdi_spec(const std::string& path);
Result<CdiSpec> parse_cdi_spec(const std::string& path, std::string text);

}  // namespace stack::engine
