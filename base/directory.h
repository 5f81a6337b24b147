// What a directory holds.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace stack {

// The names in a directory, sorted, "." and ".." left out. An entry that is made or removed meanwhile may be missing or not.
Result<std::vector<std::string>> names_in(const std::string& directory);
// The same for an open directory (not O_PATH), whose reading position stays as it is.
Result<std::vector<std::string>> names_in(int directory);

}  // namespace stack
