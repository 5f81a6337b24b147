#include "orchestrator/compose/service_hash.h"

#include <map>
#include <vector>

#include "base/identity.h"
#include "base/json.h"

namespace stack::compose {

namespace {

constexpr int kCanonicalVersion = 1;

// Drops the members that do not require a new container: replica count, start order, and how the image is obtained
// (the image ID is compared separately).
Service without_what_does_not_matter(Service service) {
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
    Deploy effective;
    effective.limits = service.deploy->limits;
    effective.reservations = service.deploy->reservations;
    effective.restart_policy = service.deploy->restart_policy;
    service.deploy = effective;
    if (effective == Deploy{}) service.deploy.reset();
  }
  return service;
}

// Stores digests instead of contents, because the text is kept and shown in causes.
void put_contents(Json& contents, const char* what, const std::vector<FileMount>& mounts,
                  const std::map<std::string, FileObject>& objects) {
  for (const FileMount& mount : mounts) {
    auto object = objects.find(mount.source);
    if (object == objects.end()) continue;
    std::string digest = object->second.bytes ? sha256_hex(*object->second.bytes) : "";
    contents[std::string("content of ") + what + " " + mount.source] = digest + " " + object->second.file;
  }
}

}  // namespace

std::string canonical_service(const Project& project, const Service& service) {
  Json canonical{{"v", kCanonicalVersion},
                 {"service", service_to_json(without_what_does_not_matter(service))}};
  // An image built under the service's default name counts as its image.
  canonical["service"]["image"] = image_name(project, service);
  Json contents = Json::object();
  put_contents(contents, "config", service.configs, project.configs);
  put_contents(contents, "secret", service.secrets, project.secrets);
  if (!contents.empty()) canonical["contents"] = std::move(contents);
  return stack::to_text(canonical);
}

std::string service_hash(const Project& project, const Service& service) {
  return sha256_hex(canonical_service(project, service));
}

}  // namespace stack::compose
