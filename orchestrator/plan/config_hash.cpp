// The differences between the canonical texts of two versions of a service.
#include <algorithm>
#include <map>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "orchestrator/plan/desired.h"

namespace stack::orchestrator {
namespace {

const Json& empty_object() {
  static const Json kEmpty = Json::object();
  return kEmpty;
}

const Json& member_or_empty(const Json& object, const std::string& key) {
  auto at = object.find(key);
  return at == object.end() ? empty_object() : *at;
}

constexpr size_t kShownValue = 48;

// Values of fields with such names are hidden.
bool may_be_secret(std::string_view field) {
  std::string name = lower(field.substr(field.rfind('.') + 1));
  for (std::string_view word : {"pass", "secret", "token", "key", "credential", "auth", "cert", "private"})
    if (name.find(word) != std::string::npos) return true;
  return false;
}

bool has_credentials(const std::string& text) {
  size_t scheme = text.find("://");
  return scheme != std::string::npos && text.find('@', scheme) != std::string::npos;
}

std::string shown(const Json& value, std::string_view field) {
  if (value.is_null() || (value.is_object() && value.empty())) return "";
  std::string text = value.is_string() ? value.get<std::string>() : to_text(value);
  if (may_be_secret(field) || has_credentials(text)) return "***";
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  if (text.size() <= kShownValue) return text;
  size_t end = kShownValue;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // at a character boundary
  return text.substr(0, end) + "...";
}

using Differences = std::map<std::string, FieldChange>;  // by field

void note(Differences& found, const std::string& path, const Json& before, const Json& after) {
  FieldChange change{path, shown(before, path), shown(after, path)};
  // Digests and equal-looking values are not informative.
  if (path.starts_with("content of ") || change.before == change.after) change.before = change.after = "";
  found.emplace(path, std::move(change));
}

// Collects every path at which the objects differ. Lists are compared as a whole. A missing member counts as an empty
// object, so that the first variable of an environment is named as well.
void collect_differences(const Json& before, const Json& after, const std::string& path, Differences& found) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) return note(found, path, before, after);
  std::set<std::string> keys;
  for (const auto& [key, value] : before.items()) keys.insert(key);
  for (const auto& [key, value] : after.items()) keys.insert(key);
  for (const std::string& key : keys) {
    std::string inner = path.empty() ? key : path + "." + key;
    const Json& old_value = member_or_empty(before, key);
    const Json& new_value = member_or_empty(after, key);
    bool appeared = before.contains(key) != after.contains(key);
    if (appeared && old_value == new_value) note(found, inner, old_value, new_value);
    collect_differences(old_value, new_value, inner, found);
  }
}

}  // namespace

std::vector<FieldChange> changed_fields(std::string_view before, std::string_view after) {
  if (before.empty() || after.empty()) return {};
  auto old_text = parse_json(before);
  auto new_text = parse_json(after);
  if (!old_text || !new_text || !old_text->is_object() || !new_text->is_object()) return {};
  Differences found;
  for (const char* part : {"service", "contents"})
    collect_differences(member_or_empty(*old_text, part), member_or_empty(*new_text, part), "", found);
  std::vector<FieldChange> changes;
  for (auto& [field, change] : found) changes.push_back(std::move(change));
  return changes;
}

}  // namespace stack::orchestrator
