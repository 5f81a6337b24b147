#include "base/json.h"

namespace stack {

namespace {

bool is_too_deep(std::string_view text) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if ((c == '{' || c == '[') && ++depth > kDeepestJson) return true;
    if ((c == '}' || c == ']') && depth > 0) --depth;
  }
  return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (is_too_deep(text)) return invalid("json: nested deeper than " + std::to_string(kDeepestJson));
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    return invalid(std::string("json: ") + e.what());
  }
}

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

namespace {
const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}
}  // namespace

std::string string_or(const Json& object, std::string_view key, std::string fallback) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : fallback;
}

int64_t int_or(const Json& object, std::string_view key, int64_t fallback) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_number() ? value->get<int64_t>() : fallback;
}

bool bool_or(const Json& object, std::string_view key, bool fallback) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : fallback;
}

}  // namespace stack
