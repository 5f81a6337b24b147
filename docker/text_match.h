// Comparison of name and ID filters: Docker treats their values as regular expressions.
#pragma once

#include <string>

namespace stack::docker {

// Whether `pattern` is a substring of the text or a regular expression that matches in it. Longer patterns than 256
// bytes and invalid expressions match only an equal text.
bool text_matches(const std::string& pattern, const std::string& text);

}  // namespace stack::docker
