// The canonical text of a service, and the differences between two such texts.
#include <algorithm>
#include <map>
#include <set>

#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "orchestrator/plan/desired.h"

namespace stack::orchestrator {
namespace {

constexpr int kCanonicalVersion = 1;

// Drops the members that do not require a new container: replica count, start order, and how the image is obtained
// (the image ID is compared separately).
compose::Service without_what_does_not_matter(compose::Service service) {
  service.name.clear();
  service.profiles.clear();
  service.build.reset();
  service.pull_policy.clear();
  service.pull_refresh_after.clear();
  service.depends_on.clear();
  service.scale.reset();
  service.watch.clear();
  service.attach.reset();
  service.extensions.clear();
  if (service.deploy) {
    compose::Deploy effective;
    effective.limits = service.deploy->limits;
    effective.reservations = service.deploy->reservations;
    effective.restart_policy = service.deploy->restart_policy;
    service.deploy = effective;
    if (effective == compose::Deploy{}) service.deploy.reset();
  }
  return service;
}

// Stores digests instead of contents, because the text is kept and shown in causes.
void put_contents(Json& contents, const char* what, const std::vector<compose::FileMount>& mounts,
                  const std::map<std::string, compose::FileObject>& objects) {
  for (const compose::FileMount& mount : mounts) {
    auto object = objects.find(mount.source);
    if (object == objects.end()) continue;
    std::string digest = object->second.bytes ? sha256_hex(*object->second.bytes) : "";
    contents[std::string("content of ") + what + " " + mount.source] = digest + " " + object->second.file;
  }
}

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

std::string canonical_service(const compose::Project& project, const compose::Service& service) {
  Json canonical{{"v", kCanonicalVersion},
                 {"service", service_to_json(without_what_does_not_matter(service))}};
  // An image built under the service's default name counts as its image.
  canonical["service"]["image"] = image_name(project, service);
  Json contents = Json::object();
  put_contents(contents, "config", service.configs, project.configs);
  put_contents(contents, "secret", service.secrets, project.secrets);
  if (!contents.empty()) canonical["contents"] = std::move(contents);
  return to_text(canonical);
}

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
