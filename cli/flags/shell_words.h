// Splits a command line like a POSIX shell, without expansions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::cli {

// Blanks separate words; '...', "...", and \ quote. An unclosed quote is an error of kind Invalid.
Result<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace stack::cli
