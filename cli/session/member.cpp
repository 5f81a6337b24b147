#include "cli/session/member.h"

namespace stack::cli {

const Json& member(const Json& object, std::string_view key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::vector<std::string> strings_of(const Json& array) {
  std::vector<std::string> strings;
  if (!array.is_array()) return strings;
  for (const Json& item : array) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::vector<Json> items_of(const Json& array) {
  if (!array.is_array()) return {};
  return {array.begin(), array.end()};
}

}  // namespace stack::cli
