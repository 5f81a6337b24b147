#include "engine/image/run_step.h"

#include <fcntl.h>
#include <signal.h>

#include <future>

#include "base/children.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/cgroup_parent.h"
#include "engine/container/container_run.h"
#include "model/labels.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

ContainerSpec spec_of(const builder::RunStep& step, const std::string& id) {
  ContainerSpec spec;
  spec.name = "build-" + id.substr(0, 12);
  spec.hostname = step.hostname.empty() ? "buildkitsandbox" : step.hostname;
  spec.user = step.user;
  spec.working_dir = step.cwd;
  spec.shm_size = step.shm_size;
  spec.extra_hosts = step.extra_hosts;
  spec.privileged = step.insecure;
  for (const builder::RunUlimit& limit : step.ulimits)
    spec.resources.ulimits.push_back({limit.name, limit.soft, limit.hard});
  switch (step.network) {
    case builder::RunNetwork::None:
      spec.network_mode = "none";
      break;
    case builder::RunNetwork::Host:
      spec.network_mode = "host";
      break;
    case builder::RunNetwork::Default:
      break;
  }
  return spec;
}

void join_network(Container& container, const Network& network) {
  Endpoint endpoint;
  endpoint.spec.network = network.name();
  container.spec.endpoints.push_back(endpoint.spec);
  container.endpoints.push_back(std::move(endpoint));
}

std::vector<MountPoint> mounts_of(const builder::RunStep& step) {
  std::vector<MountPoint> mounts;
  for (const builder::RunTmpfs& tmpfs : step.tmpfs) {
    MountPoint mount;
    mount.spec.kind = MountKind::Tmpfs;
    mount.spec.target = clean_path(tmpfs.target);
    mount.spec.tmpfs_options = "exec";
    mount.spec.tmpfs_size = tmpfs.size;
    mounts.push_back(mount);
  }
  for (const builder::RunBind& bind : step.binds) {
    MountPoint mount;
    mount.spec.kind = MountKind::Bind;
    mount.spec.target = clean_path(bind.target);
    mount.spec.read_only = bind.read_only;
    mount.source.path = bind.source;
    mounts.push_back(mount);
  }
  return mounts;
}

}  // namespace

Result<int> EngineRunDriver::run(const builder::RunStep& step, const builder::RunOutput& output,
                                 std::stop_token stop) {
  std::promise<Result<int>> promise;
  std::future<Result<int>> answer = promise.get_future();
  auto work = [](EngineRunDriver& self, const builder::RunStep& s, const builder::RunOutput& o,
                 std::stop_token token, std::promise<Result<int>>& done) -> Task<> {
    Result<int> code = co_await self.run_here(s, o, token);
    done.set_value(std::move(code));
  };
  asio::post(context_.io, [&] { stack::start(context_.io, work(*this, step, output, stop, promise)); });
  return answer.get();
}

NetworkPtr EngineRunDriver::find_network() const {
  for (const NetworkPtr& network : networks_.list())
    if (network->request.labels.contains(label::kBuildNetwork)) return network;
  return nullptr;
}

Task<Result<NetworkPtr>> EngineRunDriver::ensure_network() {
  AsyncMutex::Lock one_at_a_time = co_await network_mutex_.lock();
  if (NetworkPtr present = find_network()) co_return present;
  NetworkRequest request;
  request.name = "stack-build-" + random_hex(4);
  request.labels[label::kBuildNetwork] = "true";
  Result<NetworkPtr> made = co_await networks_.create(std::move(request));
  co_return made;
}

Task<> EngineRunDriver::release_network() {
  AsyncMutex::Lock one_at_a_time = co_await network_mutex_.lock();
  NetworkPtr network = find_network();
  if (network_users_ > 0 || !network) co_return;
  Result<> gone = co_await networks_.remove(network->id);
  if (!gone) log_warning(gone.error().text());
}

namespace {

// Blocks: mounts the layers.
Result<runtime::User> resolve_user_in_layers(const std::string& name, const std::string& upper,
                                             const std::vector<std::string>& lower) {
  std::vector<std::string> layers{upper};
  layers.insert(layers.end(), lower.begin(), lower.end());
  TRY_ASSIGN(Fd view, runtime::open_rootfs_view(layers));
  return runtime::resolve_user_in_root(name, view.get());
}

}  // namespace

Task<Result<int>> EngineRunDriver::run_here(const builder::RunStep& step, const builder::RunOutput& output,
                                            std::stop_token stop) {
  auto container = std::make_shared<Container>(context_.io);
  container->id = ContainerId(random_id());
  container->spec = spec_of(step, container->id.text());
  container->mounts = mounts_of(step);
  container->run = std::make_shared<ContainerRun>();
  context_.build_steps.insert(container->id.text());
  bool networked = step.network == builder::RunNetwork::Default && step.network_name.empty();
  if (networked) ++network_users_;
  struct ScopeExit {
    Context& context;
    const runtime::Cgroups& cgroups;
    std::string id;
    int* users;
    ~ScopeExit() {
      if (users != nullptr) --*users;
      context.build_steps.erase(id);
      remove_unused_cgroup_parent(context, cgroups);
    }
  } leave{context_, containers_.parts().cgroups, container->id.text(), networked ? &network_users_ : nullptr};
  if (networked) {
    Result<NetworkPtr> network = co_await ensure_network();
    CO_TRY(network);
    join_network(*container, **network);
  } else if (!step.network_name.empty()) {
    NetworkPtr network = networks_.find(step.network_name);
    if (!network) co_return not_found("network " + step.network_name + " not found");
    join_network(*container, *network);
  }
  Result<> ready = co_await networks_.connect(container);
  CO_TRY(ready);
  Result<int> code = Error("not run");
  auto lookup = [name = step.user, upper = step.upper_dir, lower = step.lower_dirs] {
    return resolve_user_in_layers(name, upper, lower);
  };
  Result<runtime::User> user = co_await offload(context_.pool, lookup);
  Result<runtime::LaunchRequest> request = Error("no user");
  if (user) {
    request = request_of(*container, step, std::move(*user));
  } else {
    request = std::move(user).error();
  }
  if (request) {
    code = co_await watch(std::move(*request), output, stop);
  } else {
    code = std::move(request).error();
  }
  co_await networks_.disconnect(container);
  networks_.forget(*container);
  std::string cgroup = context_.paths.step_cgroup(container->id.text());
  std::string folder = context_.paths.step(container->id.text());
  auto clear = [cgroups = containers_.parts().cgroups, cgroup, folder]() -> Result<> {
    Result<> killed = cgroups.kill_all(cgroup);
    if (!killed) log_warning("build step: " + killed.error().text());
    TRY(cgroups.remove(cgroup));
    return remove_tree(folder);
  };
  Result<> cleared = co_await offload(context_.pool, clear);
  if (!cleared) log_warning("build step: " + cleared.error().text());
  co_return code;
}

Result<runtime::LaunchRequest> EngineRunDriver::request_of(const Container& container,
                                                           const builder::RunStep& step, runtime::User user) {
  std::string folder = context_.paths.step(container.id.text());
  TRY(ensure_directory(folder, 0700));
  for (const char* part : {"/merged", "/state"}) TRY(ensure_directory(folder + part, 0755));
  OciInputs inputs;
  inputs.container = &container;
  inputs.args = step.args;
  inputs.env = step.env;
  inputs.working_dir = step.cwd;
  inputs.hostname = container.spec.hostname;
  inputs.cgroup_path = context_.paths.step_cgroup(container.id.text());
  inputs.user = std::move(user);
  auto put = [&](const std::string& name, const std::string& text) -> Result<> {
    TRY(write_file(folder + "/" + name, text));
    inputs.own_files.push_back({folder + "/" + name, "/etc/" + name, false});
    return {};
  };
  TRY(put("hosts", networks_.hosts_file(container)));
  TRY(put("resolv.conf", networks_.resolv_conf(container)));
  TRY_ASSIGN(Json config, oci_config(inputs));
  runtime::LaunchRequest request;
  request.container_id = container.id.text();
  request.state_dir = folder + "/state";
  request.run_dir = folder;
  request.oci_config = stack::to_text(config);
  request.rootfs.path = folder + "/merged";
  request.rootfs.lower_dirs = step.lower_dirs;
  request.rootfs.upper_dir = step.upper_dir;
  request.rootfs.work_dir = step.work_dir;
  request.netns_fd = container.run->netns ? container.run->netns.get() : -1;
  TRY_ASSIGN(SeccompFilter filter,
             containers_.seccomp_filters().filter_of(container.spec, container.spec.privileged));
  request.seccomp_bpf = std::move(filter.bpf);
  request.seccomp_flags = filter.flags;
  request.cgroup_path = inputs.cgroup_path;
  request.log.driver = runtime::LogDriver::None;
  request.hold_before_start = true;
  return request;
}

namespace {

// Splits Docker's frames and forwards the payloads until the stream ends.
Task<> forward_output(asio::io_context& io, Fd stream_fd, const builder::RunOutput& output,
                      std::shared_ptr<bool> open, std::shared_ptr<Signal> done) {
  asio::posix::stream_descriptor stream(io, stream_fd.release());
  std::string pending;
  std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await stream.async_read_some(asio::buffer(buffer),
                                               asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
    pending.append(buffer.data(), n);
    size_t at = 0;
    while (pending.size() - at >= 8) {
      auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(pending[at + i])); };
      size_t length = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
      if (pending.size() - at - 8 < length) break;
      size_t kind = byte(0);
      if (kind == 1 || kind == 2) output(std::string_view(pending).substr(at + 8, length), kind == 2);
      at += 8 + length;
    }
    pending.erase(0, at);
  }
  *open = false;
  done->notify_all();
}

}  // namespace

Task<Result<int>> EngineRunDriver::watch(runtime::LaunchRequest request, const builder::RunOutput& output,
                                         std::stop_token stop) {
  Result<runtime::Monitor> monitor = runtime::launch(request, containers_.parts().monitor_program);
  CO_TRY(monitor);
  auto control = std::make_shared<asio::posix::stream_descriptor>(context_.io, monitor->control.release());
  auto open = std::make_shared<bool>(false);
  auto done = std::make_shared<Signal>(context_.io);
  Fd pidfd;
  Result<int> code = Error("the step's monitor exited");
  std::stop_callback on_stop(
      stop, [&io = context_.io, control] { asio::post(io, [control] { control->cancel(); }); });
  bool canceled = false;
  bool over = false;
  while (!over) {
    if (stop.stop_requested() && !canceled) {
      canceled = true;
      if (!pidfd) break;
      (void)signal_pidfd(pidfd.get(), SIGKILL);
    }
    Result<std::optional<runtime::Message>> message = runtime::receive_message(control->native_handle());
    if (message && !*message) {
      asio::error_code ignored;
      co_await control->async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    if (!message || std::holds_alternative<runtime::Closed>(**message)) break;
    runtime::Message& told = **message;
    if (auto* created = std::get_if<runtime::Created>(&told)) {
      pidfd = std::move(created->pidfd);
      runtime::AttachOptions options;
      options.lossless = true;
      (void)runtime::send_start(control->native_handle());
      (void)runtime::request_attach(control->native_handle(), 1, options);
    } else if (auto* attached = std::get_if<runtime::Attached>(&told)) {
      *open = true;
      stack::start(context_.io, forward_output(context_.io, std::move(attached->stream), output, open, done));
    } else if (auto* started = std::get_if<runtime::Started>(&told)) {
      pidfd = std::move(started->pidfd);
    } else if (auto* failed = std::get_if<runtime::Failed>(&told)) {
      ErrorKind kind = failed->exit_code == 127   ? ErrorKind::NoCommand
                       : failed->exit_code == 126 ? ErrorKind::NotExecutable
                                                  : ErrorKind::Internal;
      code = Error(kind, failed->text);
      over = true;
    } else if (auto* exited = std::get_if<runtime::Exited>(&told)) {
      code = exited->exit_code;
      (void)runtime::send_acknowledge_exit(control->native_handle());
      over = true;
    }
  }
  while (*open) co_await done->wait();
  control->close();
  asio::posix::stream_descriptor ended(context_.io, monitor->pidfd.release());
  asio::error_code ignored;
  co_await ended.async_wait(asio::posix::stream_descriptor::wait_read,
                            asio::redirect_error(asio::use_awaitable, ignored));
  reap_child(monitor->pid);
  if (canceled) co_return Error(ErrorKind::Canceled, "canceled");
  co_return code;
}

}  // namespace stack::engine
