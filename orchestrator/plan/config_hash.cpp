// The canonical text of a service, and what differs between two of them.
#include <set>

#include "base/identity.h"
#include "base/json.h"
#include "orchestrator/plan/desired.h"

namespace stack::orchestrator {
namespace {

constexpr int kCanonicalVersion = 1;

// What does not make a container another one: how many there are, in which order they start, and how the
// image came to be (the image's own id is compared).
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

// Digests stand for the contents: the text is kept, and shown in causes.
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

// Every path at which the objects differ; lists are compared whole. An absent member counts as an empty
// object, so that the first variable of an environment is named too.
void collect_differences(const Json& before, const Json& after, const std::string& path,
                         std::set<std::string>& found) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) {
    found.insert(path);
    return;
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : before.items()) keys.insert(key);
  for (const auto& [key, value] : after.items()) keys.insert(key);
  for (const std::string& key : keys) {
    std::string inner = path.empty() ? key : path + "." + key;
    bool appeared = before.contains(key) != after.contains(key);
    if (appeared && member_or_empty(before, key) == member_or_empty(after, key)) found.insert(inner);
    collect_differences(member_or_empty(before, key), member_or_empty(after, key), inner, found);
  }
}

}  // namespace

std::string canonical_service(const compose::Project& project, const compose::Service& service) {
  Json canonical{{"v", kCanonicalVersion},
                 {"service", service_to_json(without_what_does_not_matter(service))}};
  // An image that is built under the service's own name counts as its image.
  canonical["service"]["image"] = image_name(project, service);
  Json contents = Json::object();
  put_contents(contents, "config", service.configs, project.configs);
  put_contents(contents, "secret", service.secrets, project.secrets);
  if (!contents.empty()) canonical["contents"] = std::move(contents);
  return to_text(canonical);
}

std::vector<std::string> changed_fields(std::string_view before, std::string_view after, size_t limit) {
  if (before.empty() || after.empty()) return {};
  auto old_text = parse_json(before);
  auto new_text = parse_json(after);
  if (!old_text || !new_text || !old_text->is_object() || !new_text->is_object()) return {};
  std::set<std::string> found;
  collect_differences(member_or_empty(*old_text, "service"), member_or_empty(*new_text, "service"), "",
                      found);
  collect_differences(member_or_empty(*old_text, "contents"), member_or_empty(*new_text, "contents"), "",
                      found);
  std::vector<std::string> fields(found.begin(), found.end());
  if (fields.size() > limit) fields.resize(limit);
  return fields;
}

}  // namespace stack::orchestrator
