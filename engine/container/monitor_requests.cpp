#include "engine/container/monitor_requests.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "engine/container/container_run.h"
#include "engine/container/link_variables.h"
#include "model/labels.h"
#include "model/link.h"
#include "model/predefined_network.h"

namespace stack::engine {

namespace {

// The variables' values except the environment of the linked container.
LinkTarget linked_facts(const Container& target, const images::Image& image, const std::string& network_id) {
  LinkTarget facts;
  for (const Endpoint& endpoint : target.endpoints)
    if (endpoint.network_id == network_id && endpoint.ipv4) facts.address = endpoint.ipv4->address.text();
  facts.ports = image.config().exposed_ports;
  facts.ports.insert(facts.ports.end(), target.spec.exposed_ports.begin(), target.spec.exposed_ports.end());
  for (const PortSpec& port : target.spec.ports)
    facts.ports.push_back(std::to_string(port.container_port) + "/" + to_text(port.protocol));
  return facts;
}

}  // namespace

Task<Result<std::vector<std::string>>> MonitorRequests::link_environment(ContainerPtr container) const {
  std::vector<std::string> out;
  bool default_network =
      !container->endpoints.empty() && container->endpoints.front().spec.network == kBridgeNetwork;
  if (!default_network) co_return out;
  const std::string network_id = container->endpoints.front().network_id;
  const std::vector<std::string> links = container->spec.links;
  for (const std::string& text : links) {
    Link link = parse_link(text);
    Result<ContainerPtr> target = context_.require_container(link.container).in("link " + text);
    CO_TRY(target);
    if (!(*target)->run)
      co_return conflict("Cannot link to a non running container: /" + (*target)->spec.name + " AS /" +
                         container->spec.name + "/" + link.alias);
    Result<images::Image> image = parts_.images.resolve((*target)->image_id);
    CO_TRY(image);
    LinkTarget facts = linked_facts(**target, *image, network_id);
    std::vector<std::string> env = co_await facts_.environment_of(*target);
    std::erase_if(env, [](const std::string& entry) { return entry.starts_with("HOSTNAME="); });
    facts.env = std::move(env);
    std::vector<std::string> variables = link_variables(container->spec.name, link.alias, std::move(facts));
    out.insert(out.end(), variables.begin(), variables.end());
  }
  co_return out;
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
Result<std::vector<OciInputs::OwnFile>> MonitorRequests::write_own_files(const Container& container) const {
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
  TRY(put("hostname", facts_.hostname_of(container) + "\n"));
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

Result<Json> MonitorRequests::config_of(const Container& container, const images::Image& image,
                                        const runtime::User& user,
                                        const std::vector<std::string>& link_variables) const {
  const ContainerSpec& spec = container.spec;
  ImageDefaults defaults{image.config().entrypoint,  image.config().cmd,  image.config().env,
                         image.config().working_dir, image.config().user, image.config().stop_signal};
  OciInputs inputs;
  inputs.cdi_folders = context_.settings.cdi_spec_dirs;
  inputs.container = &container;
  inputs.hostname = facts_.hostname_of(container);
  inputs.cgroup_path = facts_.cgroup_path(container);
  TRY_ASSIGN(inputs.args, command_line(spec, defaults));
  inputs.user = user;
  inputs.env = environment(spec, defaults, inputs.hostname, inputs.user.home);
  inputs.env.insert(inputs.env.end(), link_variables.begin(), link_variables.end());
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

runtime::EngineRestart MonitorRequests::engine_restart() const {
  runtime::EngineRestart engine;
  engine.argv = {context_.paths.engine_program, "--root", context_.paths.root, "--run-root",
                 context_.paths.run_root};
  engine.lock_path = context_.paths.run_root + "/start.lock";
  return engine;
}

namespace {

// Overlay requires a lower directory: an empty one for an image without files.
Result<runtime::Rootfs> rootfs_of(const Container& container, const images::Image& image,
                                  const std::string& directory) {
  for (const char* part : {"/upper", "/work", "/merged"}) TRY(ensure_directory(directory + part, 0755));
  // By this file of Docker's, programs know that they run in a container.
  bool first_start = container.state.started_at == kZeroTime;
  Fd mark(first_start
              ? ::open((directory + "/upper/.dockerenv").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755)
              : -1);
  runtime::Rootfs rootfs;
  rootfs.path = directory + "/merged";
  rootfs.lower_dirs = image.layer_dirs;
  if (image.layer_dirs.empty()) {
    TRY(ensure_directory(directory + "/empty", 0755));
    rootfs.lower_dirs.push_back(directory + "/empty");
  }
  rootfs.upper_dir = directory + "/upper";
  rootfs.work_dir = directory + "/work";
  rootfs.volatile_upper = container.spec.auto_remove;
  return rootfs;
}

}  // namespace

Task<Result<runtime::LaunchRequest>> MonitorRequests::launch(ContainerPtr container) {
  Result<images::Image> image = parts_.images.resolve(container->image_id);
  CO_TRY(image);
  Result<runtime::User> user = co_await facts_.resolve_user(container, container->spec.user);
  CO_TRY(user);
  Result<std::vector<std::string>> links = co_await link_environment(container);
  CO_TRY(links);
  Result<runtime::LogSettings> log = co_await facts_.log_settings_of(container);
  CO_TRY(log);
  runtime::LaunchRequest request;
  request.container_id = container->id.text();
  request.state_dir = context_.paths.container(container->id);
  request.run_dir = context_.paths.container_run(container->id);
  Result<> folder = ensure_directory(request.run_dir, 0700);
  CO_TRY(folder);
  Result<Json> config = config_of(*container, *image, *user, *links);
  CO_TRY(config);
  request.oci_config = stack::to_text(*config);
  Result<runtime::Rootfs> rootfs = rootfs_of(*container, *image, request.state_dir + "/rootfs");
  CO_TRY(rootfs);
  request.rootfs = std::move(*rootfs);
  Result<SeccompFilter> filter = filters_.filter_of(container->spec, container->spec.privileged);
  CO_TRY(filter);
  request.seccomp_bpf = std::move(filter->bpf);
  request.seccomp_flags = filter->flags;
  request.cgroup_path = facts_.cgroup_path(*container);
  request.log = std::move(*log);
  request.open_stdin = container->spec.open_stdin;
  request.stdin_once = container->spec.stdin_once;
  // A client waits for the output of `run`, and returns for it if this engine dies.
  request.keep_output = container->label(label::kOneOff) == "True";
  request.use_init = container->spec.init.value_or(false);
  request.engine = engine_restart();
  co_return request;
}

Task<runtime::AdoptRequest> MonitorRequests::adopt(ContainerPtr container) const {
  runtime::AdoptRequest request;
  request.container_id = container->id.text();
  request.state_dir = context_.paths.container(container->id);
  request.run_dir = context_.paths.container_run(container->id);
  request.cgroup_path = facts_.cgroup_path(*container);
  Result<runtime::LogSettings> log = co_await facts_.log_settings_of(container);
  if (log) {
    request.log = *log;
  } else {
    // Losing the log is better than losing the container.
    request.log.driver = runtime::LogDriver::None;
    log_error("container " + container->spec.name + ": " + log.error().text());
  }
  request.tty = container->spec.tty;
  request.stdin_once = container->spec.stdin_once;
  request.engine = engine_restart();
  co_return request;
}

}  // namespace stack::engine
