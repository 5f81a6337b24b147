#include "runtime/oci/launch.h"
#include "runtime/oci/kept_fds.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/files.h"
#include "base/process.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/hooks.h"
#include "runtime/container/host_mounts.h"
#include "runtime/container/report.h"
#include "runtime/container/start.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/cgroup_owner.h"
#include "runtime/oci/console.h"
#include "runtime/oci/filter.h"
#include "runtime/oci/log.h"
#include "runtime/oci/net_devices.h"
#include "runtime/oci/systemd_cgroup.h"

namespace stack::runtime::oci {

namespace {

constexpr const char* kNotifyDirectory = "notify";

std::string own_name() { return ::geteuid() == 0 ? "root" : std::to_string(::geteuid()); }

Error to_error(const StepFailure& failure) {
  if (failure.exit_code == 127) return Error(ErrorKind::NoCommand, failure.text);
  if (failure.exit_code == 126) return Error(ErrorKind::NotExecutable, failure.text);
  std::string text = failure.text;
  if (!failure.object.empty() && text.find(failure.object) == std::string::npos)
    text += " (" + failure.object + ")";
  return Error(text);
}

// statx(2): the mount that a path is on.
uint64_t mount_of(const std::string& path) {
  struct statx info{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &info) != 0) return 0;
  return info.stx_mnt_id;
}

// Detaches all mounts of a container without a mount namespace: they are below its root.
void detach_shared_mounts(const OciState& state) {
  if (state.rootfs_mount != 0 && mount_of(state.rootfs) != state.rootfs_mount)
    (void)::umount2(state.rootfs.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

HookState hook_state_of(const OciState& state) {
  return {state.oci_version, state.id, state.bundle, state.rootfs, state.annotations};
}

// A container being created. Destruction before commit() undoes all steps.
class Creation {
 public:
  Creation(const GlobalOptions& global, const LaunchSettings& settings)
      : global_(global), settings_(settings) {}
  Creation(const Creation&) = delete;
  Creation& operator=(const Creation&) = delete;
  ~Creation() {
    if (!committed_) undo();
  }

  Result<> read_bundle();
  Result<> claim_id();
  Result<> prepare_plan();
  Result<> make_cgroup();
  Result<> make_scope();
  Result<bool> claim_cgroup();
  Result<> clone();
  Result<> follow();
  LaunchedContainer commit();

 private:
  Result<> on_report(Report report);
  Result<> take_terminal(Fd master);
  Result<> run_host_hooks();
  Result<> on_ready();
  void undo();

  const GlobalOptions& global_;
  const LaunchSettings& settings_;
  std::string config_text_;
  Json config_;
  CallerEnvironment passed_;
  ContainerPlan plan_;
  Cgroups cgroups_;  // of this machine
  OciState state_;
  std::optional<StateDirectory> directory_;
  ContainerFilter filter_;
  Fd console_;
  Fd start_listener_;
  Fd notify_;
  Fd terminal_;
  std::optional<SystemdCgroup> scope_;
  std::optional<NewContainer> child_;
  bool hooks_ran_ = false;
  bool ready_ = false;
  bool committed_ = false;
};

Result<> Creation::read_bundle() {
  std::string file =
      settings_.config_file.empty() ? settings_.bundle + "/config.json" : settings_.config_file;
  TRY_ASSIGN(config_text_, read_file(file));
  TRY_ASSIGN(config_, parse_json(config_text_).in(file));
  if (::chdir(settings_.bundle.c_str()) != 0) return Error::last_errno("bundle " + settings_.bundle);
  TRY_ASSIGN(plan_.spec, read_bundle_spec(config_, settings_.bundle).in(file));
  for (const std::string& note : plan_.spec.notes) log(Level::Warning, note);
  const std::optional<ProcessSpec>& process = plan_.spec.process;
  if (!process && !settings_.wait_for_start) return invalid(file + ": process is missing");
  if (!process) return {};
  for (const std::string& note : process->notes) log(Level::Warning, note);
  if (!process->terminal) return {};
  if (settings_.console_socket.empty() && !settings_.keep_terminal)
    return invalid("process.terminal requires --console-socket for a detached container");
  return {};
}

Result<> Creation::claim_id() {
  TRY_ASSIGN(StateDirectory claimed, StateDirectory::claim(global_.root, settings_.id));
  directory_.emplace(std::move(claimed));
  state_.oci_version = plan_.spec.oci_version;
  state_.id = settings_.id;
  state_.bundle = settings_.bundle;
  state_.rootfs = plan_.spec.root_path;
  state_.created = time_now();
  state_.owner = own_name();
  state_.annotations = plan_.spec.annotations;
  if (plan_.spec.find_namespace(CLONE_NEWNS) == nullptr) state_.rootfs_mount = mount_of(state_.rootfs);
  return directory_->save_config(config_text_);
}

Result<> Creation::prepare_plan() {
  passed_ = read_environment();
  if (passed_.notify) {
    if (::mkdirat(directory_->fd(), kNotifyDirectory, 0755) != 0) return Error::last_errno("notify folder");
    TRY_ASSIGN(Fd folder, open_file(directory_->path() + "/" + kNotifyDirectory, O_PATH | O_DIRECTORY));
    if (!settings_.wait_for_start) {
      TRY_ASSIGN(notify_, bind_unix_socket(folder.get(), kNotifyName, SOCK_DGRAM));
      (void)::fchmodat(folder.get(), kNotifyName, 0777, 0);
    }
  }
  pass_on(passed_, directory_->path() + "/" + kNotifyDirectory, plan_.spec);
  plan_.container_id = settings_.id;
  plan_.attach_point = plan_.spec.root_path;
  plan_.no_pivot = settings_.no_pivot;
  plan_.new_keyring = !settings_.no_new_keyring;
  plan_.kept_fds = settings_.preserve_fds + passed_.listen_fds;
  plan_.hook_state = hook_state_of(state_);
  plan_.hold = true;
  TRY_ASSIGN(filter_, make_filter(plan_.spec.seccomp, global_.root + "/.cache/seccomp"));
  plan_.seccomp = filter_.program;
  if (!settings_.console_socket.empty() && plan_.spec.process && plan_.spec.process->terminal) {
    TRY_ASSIGN(console_, connect_console_socket(settings_.console_socket));
  }
  if (settings_.wait_for_start) {
    TRY_ASSIGN(start_listener_, bind_unix_socket(directory_->fd(), kStartSocket, SOCK_SEQPACKET));
    plan_.start_listener = start_listener_.get();
  }
  return make_host_mounts(plan_);
}

Result<> Creation::make_cgroup() {
  if (global_.cgroup_manager == CgroupManager::Disabled) return {};
  TRY_ASSIGN(cgroups_, Cgroups::detect());
  plan_.cgroups = cgroups_;
  bool fresh = false;
  if (global_.cgroup_manager == CgroupManager::Systemd) {
    TRY(make_scope());
  } else {
    TRY_ASSIGN(fresh, claim_cgroup());
  }
  std::vector<std::string> notes;
  TRY(cgroups_.create(plan_.cgroup_path, plan_.spec.resources, &notes).in("cgroup"));
  for (const std::string& note : notes) log(Level::Debug, note);
  // Other hierarchies of an existing group may have been created by others.
  if (fresh) {
    TRY_ASSIGN(plan_.cgroups, cgroups_.used_for(plan_.spec.resources));
  }
  std::optional<uid_t> owner = cgroup_owner(plan_.spec);
  if (cgroups_.mode() != CgroupMode::V2 || !owner) return {};
  return give_cgroup(cgroups_.directory("", plan_.cgroup_path), *owner);
}

Result<> Creation::make_scope() {
  TRY(require_systemd());
  TRY_ASSIGN(ScopeName name, scope_name(plan_.spec.cgroups_path, settings_.id));
  TRY_ASSIGN(SystemdCgroup made,
             SystemdCgroup::start(name, "container " + settings_.id, plan_.spec, cgroups_.mode()));
  scope_.emplace(std::move(made));
  state_.scope = name.unit;
  state_.cgroup_path = plan_.cgroup_path = scope_->path();
  state_.created_cgroup = true;
  return {};
}

// True: the group did not exist.
Result<bool> Creation::claim_cgroup() {
  TRY_ASSIGN(plan_.cgroup_path, container_cgroup_path(plan_.spec.cgroups_path, settings_.id));
  // Checking one hierarchy is enough, because groups are created and removed in all of them.
  std::string unified = cgroups_.directory("", plan_.cgroup_path);
  bool existed = path_exists(unified.empty() ? cgroups_.directory("memory", plan_.cgroup_path) : unified);
  state_.cgroup_path = plan_.cgroup_path;
  state_.created_cgroup = true;
  if (existed) {
    // An empty group is a leftover or was created for us; a group with processes belongs to others and stays.
    TRY_ASSIGN(std::vector<pid_t> others, cgroups_.pids(plan_.cgroup_path));
    state_.created_cgroup = others.empty();
    if (!others.empty())
      log(Level::Warning,
          "container's cgroup is not empty: " + std::to_string(others.size()) + " process(es) found");
  }
  return !existed;
}

Result<> Creation::clone() {
  Cgroups::Entry entry;
  if (!plan_.cgroup_path.empty()) {
    TRY_ASSIGN(entry, plan_.cgroups.open_entry(plan_.cgroup_path));
  }
  ChildStdio ours{0, 1, 2};
  TRY_ASSIGN(child_, clone_container(plan_, ours, std::move(entry)));
  state_.pid = child_->pid;
  if (scope_) scope_->occupied();
  std::optional<uint64_t> start = process_start_time(child_->pid);
  state_.start_time = start.value_or(0);
  return {};
}

Result<> Creation::take_terminal(Fd master) {
  if (console_) return send_console(console_.get(), master.get());
  terminal_ = std::move(master);
  return {};
}

Result<> Creation::run_host_hooks() {
  hooks_ran_ = true;
  // A hook may query the container's state.
  state_.creating = true;
  TRY(directory_->save(state_));
  state_.creating = false;
  std::string text = hook_state_text(plan_.hook_state, "creating", state_.pid);
  TRY(run_hooks(plan_.spec.hooks.prestart, "prestart", text));
  TRY(run_hooks(plan_.spec.hooks.create_runtime, "createRuntime", text));
  return send_report(child_->sync.get(), ReportKind::Go);
}

Result<> Creation::on_ready() {
  TRY(move_net_devices(plan_.spec.net_devices, state_.pid));
  TRY(directory_->save(state_));
  if (!settings_.pid_file.empty())
    TRY(write_file_atomic(settings_.pid_file, std::to_string(state_.pid)).in("--pid-file"));
  ready_ = true;
  return send_report(child_->sync.get(), ReportKind::Go);
}

Result<> Creation::on_report(Report report) {
  switch (report.kind) {
    case ReportKind::Terminal:
      return take_terminal(std::move(report.fd));
    case ReportKind::SeccompListener: {
      TRY_ASSIGN(Fd agent, connect_agent(filter_));
      return send_listener(filter_, agent.get(), report.fd.get(), state_document(state_, Status::Creating),
                           state_.pid);
    }
    case ReportKind::Note:
      log(Level::Warning, report.text);
      return {};
    case ReportKind::Hooks:
      return run_host_hooks();
    case ReportKind::Ready:
      return on_ready();
    case ReportKind::Failure:
      return to_error(report.failure);
    default:
      return {};
  }
}

Result<> Creation::follow() {
  for (;;) {
    TRY_ASSIGN(std::optional<Report> report, receive_report(child_->sync.get()));
    if (!report && !ready_) return Error("the container's first process exited during setup");
    if (!report) return {};
    TRY(on_report(std::move(*report)));
    // Created: from here on the process waits for another program.
    if (ready_ && settings_.wait_for_start) return {};
  }
}

LaunchedContainer Creation::commit() {
  committed_ = true;
  return LaunchedContainer{std::move(*directory_), std::move(state_),        std::move(plan_.spec),
                           std::move(cgroups_),    std::move(child_->pidfd), std::move(terminal_),
                           std::move(notify_)};
}

void Creation::undo() {
  if (child_) {
    (void)signal_pidfd(child_->pidfd.get(), SIGKILL);
    (void)::waitpid(child_->pid, nullptr, 0);
  }
  detach_shared_mounts(state_);
  if (ready_ && !settings_.pid_file.empty()) ::unlink(settings_.pid_file.c_str());
  if (!state_.cgroup_path.empty() && state_.created_cgroup) {
    (void)cgroups_.kill_all(state_.cgroup_path);
    if (!state_.scope.empty()) (void)stop_scope(state_.scope);
    (void)cgroups_.remove(state_.cgroup_path);
  }
  if (directory_) (void)directory_->remove();
  if (!hooks_ran_) return;
  Result<> done =
      run_hooks(plan_.spec.hooks.poststop, "poststop", hook_state_text(plan_.hook_state, "stopped", 0));
  if (!done) log(Level::Warning, done.error().text());
}

// Runs all poststop hooks, even after failures.
void run_poststop_hooks(const std::vector<OciHook>& hooks, const std::string& state_text) {
  for (const OciHook& hook : hooks) {
    Result<> done = run_hooks({hook}, "poststop", state_text);
    if (!done) log(Level::Warning, done.error().text());
  }
}

// Kills the first process, and with it its PID namespace, and waits for its end.
Result<> end_process(const OciState& state) {
  Result<Fd> process = open_container_process(state);
  if (!process) return {};
  TRY(signal_pidfd(process->get(), SIGKILL));
  // In cgroup version 1, a frozen process dies only after thawing.
  if (!state.cgroup_path.empty()) {
    TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
    if (cgroups.frozen(state.cgroup_path)) TRY(cgroups.thaw(state.cgroup_path));
  }
  pollfd poll{process->get(), POLLIN, 0};
  if (::poll(&poll, 1, 10000) <= 0)
    return Error(ErrorKind::Timeout, "container " + state.id + " did not exit after SIGKILL");
  return {};
}

Result<> remove_cgroup(const Cgroups& cgroups, const std::string& path, const std::string& scope) {
  if (!scope.empty()) {
    // Kill the processes first; otherwise systemd would ask each to end, and wait.
    TRY(cgroups.kill_all(path));
    TRY(stop_scope(scope));
  }
  // Usually it is empty, because the PID namespace of the processes has ended.
  if (cgroups.remove(path, std::chrono::milliseconds(0))) return {};
  TRY(cgroups.kill_all(path));
  return cgroups.remove(path);
}

Result<OciSpec> read_kept_spec(const StateDirectory& directory) {
  TRY_ASSIGN(std::string text, directory.config_text());
  TRY_ASSIGN(Json config, parse_json(text));
  return parse_spec(config);
}

Result<std::string> absolute_existing(const std::string& path) {
  std::string full(PATH_MAX, '\0');
  if (::realpath(path.c_str(), full.data()) == nullptr) return Error::last_errno(path);
  full.resize(full.find('\0'));
  return full;
}

std::string from_here(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return path;
  return absolute_existing(".").value_or("") + "/" + path;
}

}  // namespace

Result<LaunchedContainer> launch_container(const GlobalOptions& global, const LaunchSettings& settings) {
  TRY(check_container_id(settings.id));
  TRY(reserve_kept_fds(settings.preserve_fds + read_environment().listen_fds));
  Creation creation(global, settings);
  TRY(creation.read_bundle());
  TRY(creation.claim_id());
  TRY(creation.prepare_plan());
  TRY(creation.make_cgroup());
  TRY(creation.clone());
  TRY(creation.follow());
  return creation.commit();
}

Result<LaunchSettings> read_launch_settings(const Arguments& arguments) {
  LaunchSettings out;
  out.id = arguments.words().front();
  TRY_ASSIGN(out.bundle, absolute_existing(arguments.text("bundle", ".")).in("--bundle"));
  // As in crun: another file for the same bundle.
  if (arguments.has("config")) {
    out.config_file = arguments.text("config");
    if (!path_exists(out.config_file) && !out.config_file.starts_with('/'))
      out.config_file = out.bundle + "/" + out.config_file;
    out.config_file = from_here(out.config_file);
  }
  out.pid_file = from_here(arguments.text("pid-file"));
  out.console_socket = from_here(arguments.text("console-socket"));
  TRY_ASSIGN(int64_t kept, arguments.number("preserve-fds", 0));
  if (kept < 0 || kept > 1024) return invalid("--preserve-fds must be from 0 to 1024");
  out.preserve_fds = static_cast<int>(kept);
  out.no_pivot = arguments.is_set("no-pivot");
  out.no_new_keyring = arguments.is_set("no-new-keyring");
  return out;
}

Result<> destroy_container(StateDirectory& directory, const OciState& state, const KnownContainer& known) {
  const OciSpec* spec = known.spec;
  Result<OciSpec> read = spec != nullptr ? Error("not needed") : read_kept_spec(directory);
  if (read) spec = &*read;
  if (!known.ended) TRY(end_process(state));
  detach_shared_mounts(state);
  // A group that existed before may have other processes.
  if (state.created_cgroup) {
    Result<Cgroups> cgroups = known.cgroups != nullptr ? *known.cgroups : Cgroups::detect();
    if (!cgroups) return std::move(cgroups).error();
    TRY(remove_cgroup(*cgroups, state.cgroup_path, state.scope));
  }
  TRY(directory.remove());
  if (state.pid <= 0 || spec == nullptr || spec->hooks.poststop.empty()) return {};
  (void)!::chdir(state.bundle.c_str());
  run_poststop_hooks(spec->hooks.poststop, hook_state_text(hook_state_of(state), "stopped", 0));
  return {};
}

}  // namespace stack::runtime::oci
