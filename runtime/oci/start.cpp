// start: makes the first process of a created container execute its command.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/process.h"
#include "runtime/container/hooks.h"
#include "runtime/container/report.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/console.h"
#include "runtime/oci/filter.h"
#include "runtime/oci/foreground.h"
#include "runtime/oci/launch.h"
#include "runtime/oci/log.h"

namespace stack::runtime::oci {

namespace {

// Binds the container's notification socket; none if it was created without one.
Result<Fd> bind_notify(const StateDirectory& directory) {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return Fd();
  Fd folder(::openat(directory.fd(), "notify", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return Fd();
  TRY_ASSIGN(Fd socket, bind_unix_socket(folder.get(), kNotifyName, SOCK_DGRAM));
  (void)::fchmodat(folder.get(), kNotifyName, 0777, 0);
  return socket;
}

Result<> on_report(const FoundContainer& container, const OciSpec& spec, Report report) {
  if (report.kind == ReportKind::Note) log(Level::Warning, report.text);
  if (report.kind == ReportKind::SeccompListener) {
    ContainerFilter filter;
    filter.program.notifies = true;
    filter.listener_path = string_or(spec.seccomp, "listenerPath");
    filter.listener_metadata = string_or(spec.seccomp, "listenerMetadata");
    TRY_ASSIGN(Fd agent, connect_agent(filter));
    return send_listener(filter, agent.get(), report.fd.get(),
                         state_document(container.state, Status::Created), container.state.pid);
  }
  if (report.kind != ReportKind::Failure) return {};
  ErrorKind kind = report.failure.exit_code == 127   ? ErrorKind::NoCommand
                   : report.failure.exit_code == 126 ? ErrorKind::NotExecutable
                                                     : ErrorKind::Internal;
  return Error(kind, report.failure.text);
}

// Follows the process until it executes the command.
Result<> follow(const FoundContainer& container, const OciSpec& spec, int socket) {
  for (;;) {
    TRY_ASSIGN(std::optional<Report> report, receive_report(socket));
    if (!report) return {};
    TRY(on_report(container, spec, std::move(*report)));
  }
}

Result<> start_container(FoundContainer& container, const OciSpec& spec) {
  const StateDirectory& directory = container.directory;
  TRY_ASSIGN(Fd pidfd, open_container_process(container.state));
  TRY_ASSIGN(Fd notify, bind_notify(directory));
  TRY_ASSIGN(Fd socket, connect_unix_socket(directory.path() + "/" + kStartSocket, SOCK_SEQPACKET));
  // From here on nobody else can start it: the container is no longer "created". If we die before sending Go, it
  // ends.
  if (::unlinkat(directory.fd(), kStartSocket, 0) != 0) return Error::last_errno("start socket");
  TRY(send_report(socket.get(), ReportKind::Go));
  TRY(follow(container, spec, socket.get()));
  const OciState& state = container.state;
  HookState hook{state.oci_version, state.id, state.bundle, state.rootfs, state.annotations};
  TRY(run_hooks(spec.hooks.poststart, "poststart", hook_state_text(hook, "running", state.pid)));
  container.directory.unlock();
  return notify ? wait_until_ready(notify.get(), pidfd.get()) : Result<>();
}

Result<int> start(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id, true));
  TRY(check_allowed(Operation::Start, container.status, id));
  TRY_ASSIGN(std::string text, container.directory.config_text());
  TRY_ASSIGN(Json config, parse_json(text));
  TRY_ASSIGN(OciSpec spec, parse_spec(config));
  if (!spec.process) return invalid("cannot start container " + id + ": its configuration has no process");
  (void)!::chdir(container.state.bundle.c_str());
  Result<> started = start_container(container, spec);
  if (started) return 0;
  // After a failed start, kills the process; `delete` removes the rest.
  Result<Fd> process = open_container_process(container.state);
  if (process) (void)signal_pidfd(process->get(), SIGKILL);
  return std::move(started).error();
}

}  // namespace

const Command kStart = {
    "start", "ID", "run the command of a created container", {}, FlagOrder::Anywhere, 1, 1, false, start};

}  // namespace stack::runtime::oci
