// exec: an additional process in a running container.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "runtime/container/enter.h"
#include "runtime/container/process.h"
#include "runtime/container/report.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/console.h"
#include "runtime/oci/exec_process.h"
#include "runtime/oci/filter.h"
#include "runtime/oci/foreground.h"
#include "runtime/oci/kept_fds.h"
#include "runtime/oci/launch.h"
#include "runtime/oci/log.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

constexpr std::array<Flag, 17> kExecFlags = joined(
    kProcessFlags,
    std::array<Flag, 13>{{
        kDetachFlag,
        {"process", 'p', FlagKind::Text, "FILE", "read a complete process object, as in config.json"},
        {"tty", 't', FlagKind::Switch, "", "allocate a terminal"},
        {"user", 'u', FlagKind::Text, "UID[:GID]", "user and group ID"},
        {"additional-gids", 'g', FlagKind::List, "GID", "add a group"},
        {"cwd", 0, FlagKind::Text, "DIR", "working directory in the container"},
        {"env", 'e', FlagKind::List, "KEY=VALUE", "set an environment variable"},
        {"cap", 'c', FlagKind::List, "CAPABILITY", "add a capability"},
        {"no-new-privs", 0, FlagKind::Switch, "", "set no_new_privs"},
        {"apparmor", 0, FlagKind::Text, "PROFILE", "rejected on kernels without AppArmor"},
        {"process-label", 0, FlagKind::Text, "LABEL", "rejected on kernels without SELinux"},
        {"cgroup", 0, FlagKind::Text, "PATH", "not supported; the process joins the container's cgroup"},
        {"ignore-paused", 0, FlagKind::Switch, "", "allow a paused container; the command runs after resume"},
    }});

// Host resources that are needed later, because host paths cannot be accessed inside the container.
struct HostDescriptors {
  Fd pid_folder;
  std::string pid_name;
  Fd console;
  Fd agent;  // listens for notified calls
};

Result<HostDescriptors> open_outside(const Arguments& arguments) {
  HostDescriptors out;
  std::string pid_file = arguments.text("pid-file");
  if (!pid_file.empty()) {
    std::string folder = directory_name(pid_file);
    TRY_ASSIGN(out.pid_folder,
               open_file(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY).in("--pid-file"));
    out.pid_name = base_name(pid_file);
  }
  if (arguments.has("console-socket")) {
    TRY_ASSIGN(out.console, connect_console_socket(arguments.text("console-socket")));
  }
  return out;
}

Result<> write_pid(const HostDescriptors& outside, pid_t pid) {
  if (!outside.pid_folder) return {};
  std::string temporary = "." + outside.pid_name + ".new";
  int folder = outside.pid_folder.get();
  Fd file(::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return Error::last_errno("--pid-file");
  TRY(write_all(file.get(), std::to_string(pid)).in("--pid-file"));
  if (::renameat(folder, temporary.c_str(), folder, outside.pid_name.c_str()) != 0)
    return Error::last_errno("--pid-file");
  return {};
}

Result<EnterPlan> make_plan(const GlobalOptions& global, const FoundContainer& container,
                            const Arguments& arguments, int kept_fds, ContainerFilter& filter) {
  TRY_ASSIGN(std::string text, container.directory.config_text());
  TRY_ASSIGN(Json config, parse_json(text));
  EnterPlan plan;
  TRY_ASSIGN(plan.execution, parse_spec(config));
  TRY_ASSIGN(Json process, exec_process(config.value("process", Json()), arguments));
  TRY_ASSIGN(plan.process, parse_process(process).in("process"));
  for (const std::string& note : plan.process.notes) log(Level::Warning, note);
  TRY_ASSIGN(filter, make_filter(plan.execution.seccomp, global.root + "/.cache/seccomp"));
  plan.seccomp = filter.program;
  plan.stdio = {0, 1, 2};
  plan.kept_fds = kept_fds;
  TRY_ASSIGN(plan.namespaces, differing_namespaces(container.state.pid));
  if (container.state.cgroup_path.empty()) return plan;
  TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
  TRY_ASSIGN(plan.cgroup, cgroups.open_entry(container.state.cgroup_path));
  return plan;
}

// The reports of the new process until it executes the command.
struct Session {
  const FoundContainer& container;
  const ContainerFilter& filter;
  const HostDescriptors& outside;
  NewContainer process;
  Fd terminal;
  bool announced = false;  // setup is complete

  Result<> on_report(Report report) {
    announced = announced || report.kind == ReportKind::Ready;
    if (report.kind == ReportKind::Note) log(Level::Warning, report.text);
    if (report.kind == ReportKind::SeccompListener)
      return send_listener(filter, outside.agent.get(), report.fd.get(),
                           state_document(container.state, container.status), process.pid);
    if (report.kind == ReportKind::Terminal) {
      if (outside.console) return send_console(outside.console.get(), report.fd.get());
      terminal = std::move(report.fd);
    }
    if (report.kind != ReportKind::Failure) return {};
    ErrorKind kind = report.failure.exit_code == 127   ? ErrorKind::NoCommand
                     : report.failure.exit_code == 126 ? ErrorKind::NotExecutable
                                                       : ErrorKind::Internal;
    return Error(kind, report.failure.text);
  }

  Result<> follow() {
    for (;;) {
      TRY_ASSIGN(std::optional<Report> report, receive_report(process.sync.get()));
      if (!report && !announced) return Error("the process was killed during setup");
      if (!report) return {};
      Result<> done = on_report(std::move(*report));
      if (done) continue;
      (void)signal_pidfd(process.pidfd.get(), SIGKILL);
      (void)::waitpid(process.pid, nullptr, 0);
      return done;
    }
  }
};

Result<> check_flags(const Arguments& arguments, bool terminal) {
  if (arguments.has("cgroup"))
    return unsupported("exec --cgroup is not supported; the process joins the container's cgroup");
  if (terminal && arguments.is_set("detach") && !arguments.has("console-socket"))
    return invalid("a terminal requires --console-socket with --detach");
  return {};
}

Result<int> run_exec(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  TRY_ASSIGN(int64_t kept, arguments.number("preserve-fds", 0));
  if (kept < 0 || kept > 1024) return invalid("--preserve-fds must be from 0 to 1024");
  TRY(reserve_kept_fds(static_cast<int>(kept)));
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id));
  bool waits = arguments.is_set("ignore-paused") && container.status == Status::Paused;
  if (!waits) TRY(check_allowed(Operation::Exec, container.status, id));
  ContainerFilter filter;
  TRY_ASSIGN(EnterPlan plan, make_plan(global, container, arguments, static_cast<int>(kept), filter));
  TRY(check_flags(arguments, plan.process.terminal));
  TRY_ASSIGN(Fd target, open_container_process(container.state));
  TRY_ASSIGN(HostDescriptors outside, open_outside(arguments));
  TRY_ASSIGN(outside.agent, connect_agent(filter));
  TRY_ASSIGN(NewContainer process, enter_container(plan, target.get()));
  Session session{container, filter, outside, std::move(process), Fd()};
  TRY(session.follow());
  TRY(write_pid(outside, session.process.pid));
  if (arguments.is_set("detach")) return 0;
  return attend({session.process.pid, session.process.pidfd.get(), std::move(session.terminal), Fd()});
}

// Our own failures return runc's code 255; 126 and 127 mean that the command cannot be executed or found.
Result<int> exec(const GlobalOptions& global, const Arguments& arguments) {
  Result<int> code = run_exec(global, arguments);
  if (code) return code;
  ErrorKind kind = code.error().kind();
  if (kind == ErrorKind::NoCommand || kind == ErrorKind::NotExecutable) return code;
  log(Level::Error, code.error().text());
  return 255;
}

}  // namespace

const Command kExec = {"exec",
                       "[flags] ID COMMAND [ARGUMENT...]",
                       "run an additional command in a container",
                       kExecFlags,
                       FlagOrder::First,
                       1,
                       100000,
                       true,
                       exec};

}  // namespace stack::runtime::oci
