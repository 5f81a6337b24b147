// Output formats of the commands.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runtime/oci/command.h"

namespace stack::runtime::oci {

Result<> print(const std::string& text);
// Indented JSON with a final newline.
std::string pretty(const Json& json);
std::string pretty(const OrderedJson& json);
// Columns as wide as their widest cell; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace stack::runtime::oci
