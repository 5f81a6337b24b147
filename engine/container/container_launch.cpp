// ContainerService: builds the monitor's launch request from the stored spec.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/container_run.h"
#include "engine/container/container_service.h"
#include "engine/container/link_variables.h"
#include "engine/logs/log_settings.h"
#include "model/labels.h"
#include "model/link.h"
#include "model/predefined_network.h"
#include "runtime/rootfs/rootfs_view.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

namespace stack::engine {

Result<ImageDefaults> ContainerService::image_defaults(const Container& container) const {
  Result<images::Image> image = parts_.images.resolve(container.image_id);
  if (!image) return std::move(image).error();
  const images::ImageConfig& config = image->config();
  return ImageDefaults{config.entrypoint,  config.cmd,  config.env,
                       config.working_dir, config.user, config.stop_signal};
}

std::string ContainerService::log_path(const Container& container) const {
  return context_.paths.container(container.id) + "/" + container.id + "-json.log";
}

std::string ContainerService::own_file(const Container& container, const std::string& name) const {
  std::string path = context_.paths.container(container.id) + "/" + name;
  return path_exists(path) ? path : "";
}

namespace {

std::string machine_hostname() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "localhost";
}

}  // namespace

std::string ContainerService::hostname_of(const Container& container) const {
  const ContainerSpec& spec = container.spec;
  if (!spec.hostname.empty()) return spec.hostname;
  if (spec.network_mode == "host" || spec.uts_mode == "host") return machine_hostname();
  if (spec.network_mode.starts_with("container:")) {
    ContainerPtr owner = context_.find_container(spec.network_mode.substr(10));
    // Ends, because creation refuses an owner that itself shares another's network.
    if (owner && owner.get() != &container) return hostname_of(*owner);
  }
  return container.short_id();
}

Result<std::vector<std::string>> ContainerService::link_environment(const Container& container) const {
  std::vector<std::string> out;
  bool default_network =
      !container.endpoints.empty() && container.endpoints.front().spec.network == kBridgeNetwork;
  if (!default_network) return out;
  for (const std::string& text : container.spec.links) {
    Link link = parse_link(text);
    TRY_ASSIGN(ContainerPtr target, context_.require_container(link.container).in("link " + text));
    if (!target->run)
      return conflict("Cannot link to a non running container: /" + target->spec.name + " AS /" +
                      container.spec.name + "/" + link.alias);
    LinkTarget facts;
    for (const Endpoint& endpoint : target->endpoints)
      if (endpoint.network_id == container.endpoints.front().network_id && endpoint.ipv4)
        facts.address = endpoint.ipv4->address.text();
    TRY_ASSIGN(images::Image image, parts_.images.resolve(target->image_id));
    facts.ports = image.config().exposed_ports;
    facts.ports.insert(facts.ports.end(), target->spec.exposed_ports.begin(),
                       target->spec.exposed_ports.end());
    for (const PortSpec& port : target->spec.ports)
      facts.ports.push_back(std::to_string(port.container_port) + "/" + to_text(port.protocol));
    facts.env = environment_of(*target);
    std::erase_if(facts.env, [](const std::string& entry) { return entry.starts_with("HOSTNAME="); });
    std::vector<std::string> variables = link_variables(container.spec.name, link.alias, std::move(facts));
    out.insert(out.end(), variables.begin(), variables.end());
  }
  return out;
}

namespace {

// The root directory of a running container as its processes see it, with volumes and other mounts; empty if it is
// not running.
Fd root_of_process(const Container& container) {
  if (!container.has_process() || container.state.pid <= 0) return {};
  std::string path = "/proc/" + std::to_string(container.state.pid) + "/root";
  Fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // Checked after opening: the PID then did not yet belong to another process.
  bool alive = root && signal_pidfd(container.run->process->pidfd.get(), 0).has_value();
  // A process that called chroot(2) does not see the container's root.
  struct statx info{};
  bool whole = alive && ::statx(root.get(), "", AT_EMPTY_PATH, 0, &info) == 0 &&
               (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return whole ? std::move(root) : Fd();
}

}  // namespace

std::vector<std::string> ContainerService::environment_of(const Container& container) const {
  Result<ImageDefaults> image = image_defaults(container);
  Result<runtime::User> user = resolve_user(container, container.spec.user);
  return environment(container.spec, image ? *image : ImageDefaults{}, hostname_of(container),
                     user ? user->home : "/");
}

Result<runtime::User> ContainerService::resolve_user(const Container& container,
                                                     const std::string& user) const {
  TRY_ASSIGN(images::Image image, parts_.images.resolve(container.image_id));
  std::string name = user.empty() ? image.config().user : user;
  if (Fd root = root_of_process(container))
    return runtime::resolve_user_in_root(name, root.get(), container.spec.group_add);
  // The container's own changes are on top of the image's layers.
  std::vector<std::string> layers;
  std::string upper = context_.paths.container(container.id) + "/rootfs/upper";
  if (is_directory(upper)) layers.push_back(upper);
  layers.insert(layers.end(), image.layer_dirs.begin(), image.layer_dirs.end());
  if (layers.empty()) return runtime::resolve_user(name, "", "");
  TRY_ASSIGN(Fd view, runtime::open_rootfs_view(layers));
  return runtime::resolve_user_in_root(name, view.get(), container.spec.group_add);
}

Result<SeccompFilter> ContainerService::seccomp_filter(const ContainerSpec& spec, bool privileged) {
  TRY_ASSIGN(SecurityOptions security, parse_security_options(spec.security_opt));
  if (privileged || security.seccomp_unconfined) return SeccompFilter();
  TRY_ASSIGN(std::vector<std::string> capabilities, capabilities_of(spec));
  runtime::SeccompRequest request;
  request.profile = security.seccomp_profile.empty() ? std::string(runtime::default_seccomp_profile())
                                                     : security.seccomp_profile;
  request.capabilities.insert(capabilities.begin(), capabilities.end());
  std::string key = security.seccomp_profile;
  for (const std::string& capability : request.capabilities) key += " " + capability;
  if (auto known = seccomp_filters_.find(key); known != seccomp_filters_.end()) return known->second;
  SeccompFilter filter;
  TRY_ASSIGN(filter.bpf, runtime::cached_seccomp(request, context_.paths.cache() + "/seccomp"));
  TRY_ASSIGN(Json profile, parse_json(request.profile));
  TRY_ASSIGN(std::optional<unsigned> flags, runtime::seccomp_flags(profile));
  // This flag concerns listeners, which the engine does not use.
  filter.flags = flags.value_or(0) & ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  seccomp_filters_[key] = filter;
  return filter;
}

namespace {

Result<> write_owned(const std::string& path, const FileSpec& file) {
  TRY(write_file_atomic(path, file.content, file.mode));
  if (::chown(path.c_str(), file.uid, file.gid) != 0) return Error::last_errno("chown " + path);
  if (::chmod(path.c_str(), file.mode) != 0) return Error::last_errno("chmod " + path);
  return {};
}

}  // namespace

// Writes /etc/hosts and similar files, configs, and secrets. They are rewritten at each start and bind-mounted.
Result<std::vector<OciInputs::OwnFile>> ContainerService::write_own_files(const Container& container) {
  std::string directory = context_.paths.container(container.id);
  std::string run_directory = context_.paths.container_run(container.id);
  std::vector<OciInputs::OwnFile> files;
  auto put = [&](const std::string& name, const std::string& text) -> Result<> {
    TRY(write_file(directory + "/" + name, text));
    files.push_back({directory + "/" + name, "/etc/" + name, false});
    return {};
  };
  TRY(put("hosts", parts_.networks.hosts_file(container)));
  TRY(put("resolv.conf", parts_.networks.resolv_conf(container)));
  TRY(put("hostname", hostname_of(container) + "\n"));
  if (container.spec.files.empty()) return files;
  // Configs and secrets are in the run root, which is usually a tmpfs; the folder's mode denies access to others.
  std::string own = run_directory + "/files";
  TRY(ensure_directory(own, 0700));
  for (size_t i = 0; i < container.spec.files.size(); ++i) {
    const FileSpec& file = container.spec.files[i];
    if (!file.host_path.empty()) {
      if (!path_exists(file.host_path))
        return invalid("file " + file.host_path + " for " + file.target + " does not exist");
      files.push_back({file.host_path, clean_path(file.target), true});
      continue;
    }
    std::string path = own + "/" + std::to_string(i);
    TRY(write_owned(path, file));
    files.push_back({path, clean_path(file.target), true});
  }
  return files;
}

Result<Json> ContainerService::config_of(const Container& container, const images::Image& image) {
  const ContainerSpec& spec = container.spec;
  ImageDefaults defaults{image.config().entrypoint,  image.config().cmd,  image.config().env,
                         image.config().working_dir, image.config().user, image.config().stop_signal};
  OciInputs inputs;
  inputs.cdi_folders = context_.settings.cdi_spec_dirs;
  inputs.container = &container;
  inputs.hostname = hostname_of(container);
  inputs.cgroup_path = cgroup_path(container);
  TRY_ASSIGN(inputs.args, command_line(spec, defaults));
  TRY_ASSIGN(inputs.user, resolve_user(container, spec.user));
  inputs.env = environment(spec, defaults, inputs.hostname, inputs.user.home);
  TRY_ASSIGN(std::vector<std::string> links, link_environment(container));
  inputs.env.insert(inputs.env.end(), links.begin(), links.end());
  inputs.working_dir = spec.working_dir.empty() ? defaults.working_dir : spec.working_dir;
  TRY_ASSIGN(inputs.own_files, write_own_files(container));
  auto pid_of = [&](const std::string& mode, int64_t& pid) -> Result<> {
    if (!mode.starts_with("container:")) return {};
    Result<ContainerPtr> other = context_.require_container(mode.substr(10));
    if (!other) return std::move(other).error();
    if ((*other)->state.pid == 0) return conflict("container " + (*other)->spec.name + " is not running");
    pid = (*other)->state.pid;
    return {};
  };
  TRY(pid_of(spec.ipc_mode, inputs.ipc_pid).in("ipc"));
  TRY(pid_of(spec.pid_mode, inputs.pid_pid).in("pid"));
  return oci_config(inputs);
}

Result<runtime::LogSettings> ContainerService::log_of(const Container& container) const {
  TRY_ASSIGN(LogPlan plan, plan_log(container.spec.log));
  LogSubject subject;
  subject.facts = {container.id, container.spec.name, container.image_id, container.spec.image};
  subject.labels = container.spec.labels;
  if (!plan.env.empty() || !plan.env_regex.empty()) subject.env = environment_of(container);
  return log_settings(plan, subject, log_path(container)).in("logging");
}

void ContainerService::watch_log(const Container& container) {
  Result<LogPlan> plan = plan_log(container.spec.log);
  if (plan && plan->compress && plan->keeps_file) compressor_.watch(log_path(container), plan->max_file);
}

runtime::EngineRestart ContainerService::engine_restart() const {
  runtime::EngineRestart engine;
  engine.argv = {context_.paths.engine_program, "--root", context_.paths.root, "--run-root",
                 context_.paths.run_root};
  engine.lock_path = context_.paths.run_root + "/start.lock";
  return engine;
}

Result<runtime::LaunchRequest> ContainerService::launch_request(Container& container) {
  TRY_ASSIGN(images::Image image, parts_.images.resolve(container.image_id));
  std::string directory = context_.paths.container(container.id);
  std::string rootfs = directory + "/rootfs";
  for (const char* part : {"/upper", "/work", "/merged"}) TRY(ensure_directory(rootfs + part, 0755));
  runtime::LaunchRequest request;
  request.container_id = container.id;
  request.state_dir = directory;
  request.run_dir = context_.paths.container_run(container.id);
  TRY(ensure_directory(request.run_dir, 0700));
  TRY_ASSIGN(Json config, config_of(container, image));
  request.oci_config = stack::to_text(config);
  request.rootfs.path = rootfs + "/merged";
  request.rootfs.lower_dirs = image.layer_dirs;
  if (image.layer_dirs.empty()) {
    // An image without files: overlay requires a lower directory.
    TRY(ensure_directory(rootfs + "/empty", 0755));
    request.rootfs.lower_dirs.push_back(rootfs + "/empty");
  }
  request.rootfs.upper_dir = rootfs + "/upper";
  request.rootfs.work_dir = rootfs + "/work";
  request.rootfs.volatile_upper = container.spec.auto_remove;
  TRY_ASSIGN(SeccompFilter filter, seccomp_filter(container.spec, container.spec.privileged));
  request.seccomp_bpf = std::move(filter.bpf);
  request.seccomp_flags = filter.flags;
  request.cgroup_path = cgroup_path(container);
  TRY_ASSIGN(request.log, log_of(container));
  request.open_stdin = container.spec.open_stdin;
  request.stdin_once = container.spec.stdin_once;
  // A client waits for the output of `run`, and returns for it if this engine dies.
  request.keep_output = container.label(label::kOneOff) == "True";
  request.use_init = container.spec.init.value_or(false);
  request.engine = engine_restart();
  return request;
}

}  // namespace stack::engine
