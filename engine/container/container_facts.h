// Facts about a container that follow from its record, its image, and the engine's paths. Changes nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/container/container_parts.h"
#include "engine/container/oci_config.h"
#include "engine/state/context.h"
#include "runtime/spec/users.h"

namespace stack::engine {

class ContainerFacts {
 public:
  ContainerFacts(Context& context, const ContainerParts& parts) : context_(context), parts_(parts) {}

  // Environment, user, and other defaults for exec sessions.
  Result<ImageDefaults> image_defaults(const Container& container) const;
  Task<std::vector<std::string>> environment_of(ContainerPtr container) const;
  // The requested hostname; the machine's or the owner's if it shares their network; else the short ID.
  std::string hostname_of(const Container& container) const;
  // Resolves a user in the container's current file system, on the pool: reading it may require a mount.
  Task<Result<runtime::User>> resolve_user(ContainerPtr container, std::string user) const;
  // The container's stop signal, its image's, or SIGTERM.
  Result<int> stop_signal(const Container& container) const;
  Task<Result<runtime::LogSettings>> log_settings_of(ContainerPtr container) const;

  std::string cgroup_path(const Container& container) const {
    return context_.paths.cgroup_parent() + "/" + container.id.text();
  }
  std::string log_path(const Container& container) const;
  // The upper directory of its root, which contains its changes.
  std::string upper_directory(const Container& container) const {
    return context_.paths.container(container.id) + "/rootfs/upper";
  }
  // The host path of /etc/hosts and similar files; "" before the first start.
  std::string own_file(const Container& container, const std::string& name) const;

 private:
  // The returned function blocks.
  Result<std::function<Result<runtime::User>()>> user_lookup(const Container& container,
                                                             const std::string& user) const;

  Context& context_;
  const ContainerParts& parts_;
};

}  // namespace stack::engine
