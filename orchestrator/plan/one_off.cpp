// The container of `run`.
#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "model/labels.h"
#include "model/mount_text.h"
#include "orchestrator/plan/desired.h"

namespace stack::orchestrator {
namespace {

std::string variable_name(const std::string& setting) { return setting.substr(0, setting.find('=')); }

// A later setting of the same variable replaces the earlier one.
void set_environment(std::vector<std::string>& env, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) {
    std::erase_if(env, [&](const std::string& old) { return variable_name(old) == variable_name(setting); });
    env.push_back(setting);
  }
}

void set_command(ContainerSpec& spec, const RunOptions& options) {
  if (options.entrypoint) {
    spec.entrypoint = options.entrypoint;
    // An empty text means no entrypoint, as in Docker.
    if (spec.entrypoint->size() == 1 && spec.entrypoint->front().empty()) spec.entrypoint->clear();
    spec.command.emplace();
  }
  if (options.command) spec.command = options.command;
}

void set_labels(ContainerSpec& spec, const std::string& name, const RunOptions& options) {
  for (const std::string& text : options.labels) {
    size_t equals = text.find('=');
    spec.labels[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  spec.name = name;
  spec.labels[label::kOneOff] = "True";
  spec.labels[label::kSlug] = options.slug;
  spec.labels[label::kContainerNumber] = "1";
}

// A mount given for the run replaces the service's mount at the same target.
Result<> add_volumes(ContainerSpec& spec, const compose::Project& project, const RunOptions& options) {
  for (std::string text : options.volumes) {
    size_t source_end = std::min(text.find(':'), text.size());
    if (text.starts_with('.')) {
      text = absolute_path(project.working_dir, text.substr(0, source_end)) + text.substr(source_end);
    }
    MountSpec mount;
    if (text.find(':') == std::string::npos) {
      if (!text.starts_with('/')) return invalid("volume \"" + text + "\": must be an absolute path");
      mount.target = clean_path(text);
    } else {
      TRY_ASSIGN(mount, parse_bind_mount(text).in("volume"));
      auto volume = project.volumes.find(mount.source);
      if (mount.kind == MountKind::Volume && volume != project.volumes.end())
        mount.source = volume->second.name;
    }
    std::erase_if(spec.mounts, [&](const MountSpec& old) { return old.target == mount.target; });
    spec.mounts.push_back(std::move(mount));
  }
  return {};
}

Result<> set_ports(ContainerSpec& spec, const RunOptions& options) {
  if (!options.service_ports) spec.ports.clear();
  for (const std::string& text : options.publish) {
    TRY_ASSIGN(auto port, parse_published_port(text));
    spec.ports.push_back(std::move(port));
  }
  return {};
}

// Without --use-aliases a one-off container does not have the aliases of its service.
void set_aliases(ContainerSpec& spec, const std::string& service, bool use_aliases) {
  for (EndpointSpec& endpoint : spec.endpoints) {
    if (!use_aliases) endpoint.aliases.clear();
    if (use_aliases) endpoint.aliases.insert(endpoint.aliases.begin(), service);
    endpoint.aliases.insert(endpoint.aliases.begin(), spec.name);
    // A fixed address belongs to the service's own container.
    endpoint.ipv4_address.reset();
    endpoint.ipv6_address.reset();
    endpoint.mac_address.reset();
  }
}

// Adds `given` to a list of capabilities and removes it from the opposite list.
void override_capabilities(std::vector<std::string>& list, std::vector<std::string>& opposite,
                           const std::vector<std::string>& given) {
  list.insert(list.end(), given.begin(), given.end());
  std::erase_if(opposite, [&](const std::string& capability) {
    return std::find(given.begin(), given.end(), capability) != given.end();
  });
}

}  // namespace

Result<ContainerSpec> one_off(const compose::Project& project, const std::string& service,
                              const RunOptions& options) {
  // Only this service: faults elsewhere in the project do not matter here.
  DesiredOptions only;
  only.services = {service};
  only.no_deps = true;
  only.scale = {{service, 1}};
  TRY_ASSIGN(auto state, desired_state(project, only));
  ContainerSpec spec = state.services.at(service).base;
  std::string name = options.name.empty() ? compose::default_name(project, service) + project.separator +
                                                "run" + project.separator + options.slug
                                          : options.name;
  set_labels(spec, name, options);
  set_command(spec, options);
  set_environment(spec.env, options.env);
  if (!options.user.empty()) spec.user = options.user;
  if (!options.workdir.empty()) spec.working_dir = options.workdir;
  spec.tty = options.tty;
  spec.open_stdin = options.interactive;
  spec.stdin_once = options.interactive && !options.detach;
  spec.auto_remove = options.remove;
  spec.restart = {};
  TRY(set_ports(spec, options));
  TRY(add_volumes(spec, project, options));
  set_aliases(spec, service, options.use_aliases);
  override_capabilities(spec.cap_add, spec.cap_drop, options.cap_add);
  override_capabilities(spec.cap_drop, spec.cap_add, options.cap_drop);
  return spec;
}

}  // namespace stack::orchestrator
