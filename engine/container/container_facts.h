// Facts about a container that follow from its record, its image, and the engine's paths. Changes nothing.
#pragma once

#include <string>
#include <vector>

#include "engine/container/container_parts.h"
#include "engine/container/oci_config.h"
#include "engine/state/context.h"
#include "runtime/spec/users.h"

namespace stack::engine {

class ContainerFacts {
 public:
  ContainerFacts(const Context& context, const ContainerParts& parts) : context_(context), parts_(parts) {}

  // Environment, user, and other defaults for exec sessions.
  Result<ImageDefaults> image_defaults(const Container& container) const;
  std::vector<std::string> environment_of(const Container& container) const;
  // The requested hostname; the machine's or the owner's if it shares their network; else the short ID.
  std::string hostname_of(const Container& container) const;
  // Resolves a user in the container's current file system.
  Result<runtime::User> resolve_user(const Container& container, const std::string& user) const;
  // The container's stop signal, its image's, or SIGTERM.
  Result<int> stop_signal(const Container& container) const;
  Result<runtime::LogSettings> log_settings_of(const Container& container) const;

  std::string cgroup_path(const Container& container) const {
    return context_.paths.cgroup_parent() + "/" + container.id;
  }
  std::string log_path(const Container& container) const;
  // The upper directory of its root, which contains its changes.
  std::string upper_directory(const Container& container) const {
    return context_.paths.container(container.id) + "/rootfs/upper";
  }
  // The host path of /etc/hosts and similar files; "" before the first start.
  std::string own_file(const Container& container, const std::string& name) const;

 private:
  const Context& context_;
  const ContainerParts& parts_;
};

}  // namespace stack::engine
