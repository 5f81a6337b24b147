// Lists directories.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace stack {

// The sorted names in a directory without "." and "..". May or may not include entries created or removed concurrently.
Result<std::vector<std::string>> names_in(const std::string& directory);
// The same for an open directory (not O_PATH), without changing its position.
Result<std::vector<std::string>> names_in(int directory);

}  // namespace stack
