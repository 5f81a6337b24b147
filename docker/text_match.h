// How filters by name and id compare: Docker takes their values as regular expressions.
#pragma once

#include <string>

namespace stack::docker {

// Whether `pattern` is a part of the text, or a regular expression that is found in it. Longer ones than 256 bytes, and
// those that are none, match only themselves.
bool text_matches(const std::string& pattern, const std::string& text);

}  // namespace stack::docker
