#include "runtime/oci/bundle.h"

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/text.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::oci {

namespace {

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Engines deny all other devices and expect the devices that every container has.
void allow_usual_devices(OciSpec& spec) {
  auto rules = spec.resources.find("devices");
  if (rules == spec.resources.end() || !rules->is_array() || rules->empty()) return;
  Json usual = default_device_rules();
  for (size_t i = 1; i < usual.size(); ++i) {
    // Already allowed by the last matching rule.
    if (std::find(rules->begin(), rules->end(), usual[i]) == rules->end()) rules->push_back(usual[i]);
  }
}

}  // namespace

CallerEnvironment read_environment() {
  CallerEnvironment out;
  std::string count = environment("LISTEN_FDS");
  if (is_all_digits(count) && count.size() < 5) out.listen_fds = std::atoi(count.c_str());
  out.listen_fdnames = environment("LISTEN_FDNAMES");
  out.notify = *environment("NOTIFY_SOCKET") != '\0';
  return out;
}

Result<OciSpec> read_bundle_spec(const Json& config, const std::string& bundle) {
  TRY_ASSIGN(OciSpec spec, parse_spec(config));
  if (spec.root_path.empty()) return invalid("root.path is missing");
  spec.root_path = absolute_path(bundle, spec.root_path);
  if (!is_directory(spec.root_path)) return not_found("root.path: no such directory: " + spec.root_path);
  for (OciMount& mount : spec.mounts) {
    if (mount.bind) mount.source = absolute_path(bundle, mount.source);
  }
  allow_usual_devices(spec);
  return spec;
}

void pass_on(const CallerEnvironment& passed, const std::string& notify_folder, OciSpec& spec) {
  if (!spec.process) return;
  std::vector<std::string>& env = spec.process->env;
  if (passed.listen_fds > 0) {
    env.push_back("LISTEN_FDS=" + std::to_string(passed.listen_fds));
    env.emplace_back("LISTEN_PID=1");
    if (!passed.listen_fdnames.empty()) env.push_back("LISTEN_FDNAMES=" + passed.listen_fdnames);
  }
  if (!passed.notify) return;
  env.push_back(std::string("NOTIFY_SOCKET=") + kNotifyFolder + "/" + kNotifyName);
  OciMount mount;
  mount.destination = kNotifyFolder;
  mount.source = notify_folder;
  mount.bind = true;
  spec.mounts.push_back(std::move(mount));
}

Result<std::string> container_cgroup_path(const std::string& cgroups_path, const std::string& id) {
  if (cgroups_path.empty()) return "/" + id;
  std::string path = absolute_path("/", cgroups_path);
  if (path == "/") return invalid("linux.cgroupsPath: the root cgroup is not a container's");
  return path;
}

}  // namespace stack::runtime::oci
