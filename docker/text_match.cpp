#include "docker/text_match.h"

#include <regex>

namespace stack::docker {

bool text_matches(const std::string& pattern, const std::string& text) {
  constexpr size_t kLongestPattern = 256;
  if (pattern.find_first_of("^$.*+?()[]{}|\\") == std::string::npos)
    return text.find(pattern) != std::string::npos;
  if (pattern == text || pattern.size() > kLongestPattern) return pattern == text;
  try {
    return std::regex_search(text, std::regex(pattern));
  } catch (const std::regex_error&) {
    return false;
  }
}

}  // namespace stack::docker
