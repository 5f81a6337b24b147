// Asking the user, who may not be there.
#pragma once

#include <string_view>

#include "base/result.h"

namespace stack::cli {

// "QUESTION [yN] " on stderr; true for y or yes. Without a terminal on stdin nobody is asked: an error that
// names -f.
Result<bool> ask(std::string_view question);

}  // namespace stack::cli
