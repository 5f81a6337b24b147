#include "runtime/rootfs/mountinfo.h"

#include "base/text.h"

namespace stack::runtime {

namespace {

// Octal escapes: "\\040" is a blank.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<MountInfo> parse_mountinfo_line(const std::string& line) {
  size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  std::vector<std::string> left = split(line.substr(0, dash), ' ');
  std::vector<std::string> right = split(line.substr(dash + 3), ' ');
  if (left.size() < 6 || right.size() < 3) return std::nullopt;
  return MountInfo{unescape(left[4]), right[0], split(right[2], ',')};
}

}  // namespace stack::runtime
