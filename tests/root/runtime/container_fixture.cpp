#include "container_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>

#include "base/identity.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::test {

namespace {

// Far longer than any operation, even on emulated processors.
constexpr std::chrono::seconds kPatience{60};

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result) {
    ADD_FAILURE() << what << ": " << result.error().text();
    std::abort();
  }
  return std::move(*result);
}

Result<CapturedRun> run(const std::string& command, std::vector<std::string> args) {
  SpawnRequest request;
  request.program = command;
  request.args = std::move(args);
  return run_captured(std::move(request));
}

void record(Message message, Observed& seen) {
  std::visit(
      [&](auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Created>) seen.created = std::move(value);
        if constexpr (std::is_same_v<T, Started>) seen.started = std::move(value);
        if constexpr (std::is_same_v<T, Failed>) seen.failed = std::move(value);
        if constexpr (std::is_same_v<T, Exited>) seen.exited = std::move(value);
        if constexpr (std::is_same_v<T, Hello>) seen.hello = std::move(value);
        if constexpr (std::is_same_v<T, Attached>) seen.attached[value.token] = std::move(value.stream);
        if constexpr (std::is_same_v<T, OomKilled>) ++seen.oom_kills;
        if constexpr (std::is_same_v<T, StdinClosed>) seen.stdin_closed = true;
        if constexpr (std::is_same_v<T, Refused>) seen.refused.push_back(value.text);
        if constexpr (std::is_same_v<T, Closed>) seen.closed = true;
      },
      message);
}

// Creates busybox and links to its applets.
void make_rootfs(const std::string& root) {
  for (const char* folder : {"/bin", "/etc", "/tmp", "/proc", "/sys", "/dev", "/data"})
    (void)ensure_directory(root + folder);
  must(run("cp", {"/usr/bin/busybox", root + "/bin/busybox"}), "copy busybox");
  for (const std::string& applet :
       split(must(run("/usr/bin/busybox", {"--list"}), "list applets").output, '\n')) {
    if (!applet.empty() && applet != "busybox") (void)::symlink("busybox", (root + "/bin/" + applet).c_str());
  }
  (void)write_file(root + "/etc/passwd",
                   "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:Web:/home/web:/bin/sh\n");
  (void)write_file(root + "/etc/group", "root:x:0:\nweb:x:1000:\nextra:x:2000:web\n");
}

// Created once for all tests of the program; each container has its own upper directory.
const std::string& shared_rootfs() {
  static const TemporaryDirectory folder = must(TemporaryDirectory::create("/tmp/stack-rootfs-"), "rootfs");
  static const bool made = (make_rootfs(folder.path()), true);
  (void)made;
  return folder.path();
}

}  // namespace

const MonitorProgram& program() {
  static const MonitorProgram opened = must(MonitorProgram::open(STACK_MONITOR), "open stack-launch");
  return opened;
}

const std::string& default_filter() {
  static const std::string filter =
      must(compile_seccomp({std::string(default_seccomp_profile()),
                            {default_capabilities().begin(), default_capabilities().end()},
                            ""}),
           "compile seccomp profile");
  return filter;
}

void observe(int control, Observed& seen, const std::function<bool(const Observed&)>& done) {
  auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done(seen)) {
    pollfd poll{control, POLLIN, 0};
    ::poll(&poll, 1, 100);
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "no message within " << kPatience.count() << " seconds";
      return;
    }
    for (;;) {
      Result<std::optional<Message>> message = receive_message(control);
      if (!message) {
        ADD_FAILURE() << message.error().text();
        return;
      }
      if (!*message) break;
      record(std::move(**message), seen);
      if (seen.closed) return;
    }
  }
}

std::string read_everything(int fd) { return read_all(fd).value_or("(cannot read)"); }

std::string host_output(const std::string& command) { return must(run("sh", {"-c", command}), "run").output; }

Container::Container() {
  folder_ = must(TemporaryDirectory::create("/tmp/stack-runtime-"), "folder").release();
  for (const char* name : {"/state", "/run", "/upper", "/work"}) (void)ensure_directory(folder_ + name, 0700);
  // The upper directory's mode is the mode of the container's "/".
  ::chmod((folder_ + "/upper").c_str(), 0755);
  request.container_id = random_id();
  request.state_dir = folder_ + "/state";
  request.run_dir = folder_ + "/run";
  request.rootfs.lower_dirs = {shared_rootfs()};
  request.rootfs.upper_dir = folder_ + "/upper";
  request.rootfs.work_dir = folder_ + "/work";
  request.cgroup_path = "/stack-test-" + request.container_id;
  request.log.path = folder_ + "/state/log.json";
  request.seccomp_bpf = default_filter();
  spec = default_spec();
  spec["hostname"] = "box";
  spec["process"]["env"] = Json::array({"PATH=/bin"});
  spec["linux"]["namespaces"].push_back({{"type", "network"}});
}

Container::~Container() {
  if (monitor_.pidfd && !reaped_) {
    Result<Cgroups> cgroups = Cgroups::detect();
    if (cgroups) (void)cgroups->kill_all(cgroup());
    (void)signal_pidfd(monitor_.pidfd.get(), SIGKILL);
    (void)::waitpid(monitor_.pid, nullptr, 0);
  }
  Result<Cgroups> cgroups = Cgroups::detect();
  if (cgroups) {
    (void)cgroups->kill_all(cgroup());
    EXPECT_TRUE(cgroups->remove(cgroup()).has_value());
  }
  EXPECT_TRUE(remove_tree(folder_).has_value());
}

Observed& Container::start() {
  request.oci_config = to_text(spec);
  monitor_ = must(launch(request, program()), "launch");
  observe(monitor_.control.get(), seen_,
          [](const Observed& seen) { return seen.started || seen.failed || seen.created; });
  return seen_;
}

void Container::acknowledge() {
  (void)send_acknowledge_exit(monitor_.control.get());
  if (!reaped_) (void)::waitpid(monitor_.pid, nullptr, 0);
  reaped_ = true;
}

int Container::wait() {
  if (seen_.failed) {
    if (!reaped_) (void)::waitpid(monitor_.pid, nullptr, 0);
    reaped_ = true;
    return -1;
  }
  observe(monitor_.control.get(), seen_, [](const Observed& seen) { return seen.exited.has_value(); });
  acknowledge();
  return seen_.exited ? seen_.exited->exit_code : -2;
}

std::vector<Json> Container::log_lines(const std::string& file) const {
  std::vector<Json> out;
  for (const std::string& line : split(read_file(folder_ + "/state/" + file).value_or(""), '\n')) {
    if (line.empty()) continue;
    Result<Json> json = parse_json(line);
    if (!json) ADD_FAILURE() << "not JSON: " << line;
    if (json) out.push_back(std::move(*json));
  }
  return out;
}

std::string Container::output(const std::string& stream) const {
  std::string out;
  for (const Json& line : log_lines()) {
    if (string_or(line, "stream") == stream) out += string_or(line, "log");
  }
  return out;
}

std::string Container::output_of_lines(int lines) const {
  std::string out = output();
  for (int i = 0; i < 500 && std::count(out.begin(), out.end(), '\n') < lines; ++i) {
    usleep(10000);
    out = output();
  }
  return out;
}

Json Container::exec_process_json(const std::vector<std::string>& args) const {
  Json process = spec["process"];
  process["args"] = args;
  process["terminal"] = false;
  return process;
}

Container::ExecResult Container::exec_process(const Json& process) {
  ExecRequest exec;
  exec.target_pid = pid();
  exec.target_pidfd = seen_.started->pidfd.get();
  exec.cgroup_path = cgroup();
  exec.process = to_text(process);
  exec.seccomp_bpf = request.seccomp_bpf;
  exec.seccomp_flags = request.seccomp_flags;
  ExecSession session = must(launch_exec(exec, program()), "launch exec");
  ExecResult result;
  observe(session.control.get(), result.seen,
          [](const Observed& seen) { return seen.exited || seen.failed; });
  if (session.stdio.stdout_read) result.output += read_everything(session.stdio.stdout_read.get());
  if (session.stdio.stderr_read) result.output += read_everything(session.stdio.stderr_read.get());
  (void)::waitpid(session.pid, nullptr, 0);
  if (result.seen.exited) result.exit_code = result.seen.exited->exit_code;
  return result;
}

}  // namespace stack::runtime::test
