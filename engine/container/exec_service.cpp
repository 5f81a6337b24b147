#include "engine/container/exec_service.h"

#include <signal.h>

#include "base/children.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/container/container_run.h"
#include "engine/container/refusal.h"
#include "engine/container/exec_record.h"
#include "runtime/launch/exec.h"

namespace stack::engine {

namespace {

Result<> may_run(const Container& container) {
  bool possible = next(container.phase, LifeEvent::Exec).verdict == Verdict::Go && container.has_process();
  if (possible) return {};
  return refusal(container, LifeEvent::Exec);
}

}  // namespace

Result<ExecPtr> ExecService::create(ContainerPtr container, ExecRequest request) {
  TRY(may_run(*container));
  if (request.command.empty()) return invalid("No exec command specified");
  forget_old();
  auto session = std::make_shared<ExecSession>(context_.io);
  session->id = random_id();
  session->container = std::move(container);
  session->request = std::move(request);
  sessions_[session->id] = session;
  return session;
}

ExecPtr ExecService::find(const std::string& id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

void ExecService::forget_old() {
  auto now = std::chrono::steady_clock::now();
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    const ExecSession& session = *it->second;
    bool old = session.started && !session.running && now - session.ended > std::chrono::minutes(5);
    auto next = std::next(it);
    if (old) forget(it->first);
    it = next;
  }
}

Result<> ExecService::may_start(const ExecSession& session) const {
  if (session.started) return conflict("Error: Exec command " + session.id + " has already run");
  return may_run(*session.container);
}

std::vector<std::string> ExecService::running_in(const Container& container) const {
  std::vector<std::string> ids;
  for (const auto& [id, session] : sessions_)
    if (session->container->id == container.id && session->running) ids.push_back(id);
  return ids;
}

Task<Result<>> ExecService::start(ExecPtr session) {
  Result<> possible = may_start(*session);
  CO_TRY(possible);
  session->started = true;
  Result<> launched = co_await launch(session);
  // A session that did not start is not streamed, but is kept for a while.
  if (!launched) session->stdio = {};
  if (!launched && session->exit_code == 0) {
    session->exit_code = 126;  // Docker's code if the command was not tried
    session->ended = std::chrono::steady_clock::now();
  }
  co_return launched;
}

Task<Result<>> ExecService::launch(ExecPtr session) {
  ContainerPtr container = session->container;
  std::shared_ptr<ContainerProcess> process = container->run->process;
  const ExecRequest& wanted = session->request;
  ExecProcess description;
  description.args = wanted.command;
  description.env = wanted.env;
  description.tty = wanted.tty;
  description.privileged = wanted.privileged;
  description.rows = wanted.rows;
  description.columns = wanted.columns;
  const std::string name = wanted.user.empty() ? container->spec.user : wanted.user;
  Result<runtime::User> user = co_await containers_.facts().resolve_user(container, name);
  CO_TRY(user);
  // The command may have exited in the meantime.
  if (!container->run || container->run->process != process) co_return refusal(*container, LifeEvent::Exec);
  description.user = *user;
  Result<ImageDefaults> image = containers_.facts().image_defaults(*container);
  CO_TRY(image);
  description.working_dir = !wanted.working_dir.empty()            ? wanted.working_dir
                            : !container->spec.working_dir.empty() ? container->spec.working_dir
                                                                   : image->working_dir;
  std::vector<std::string> env =
      environment(container->spec, *image, containers_.facts().hostname_of(*container), user->home);
  Result<Json> oci = exec_process(container->spec, env, description);
  CO_TRY(oci);
  runtime::ExecRequest request;
  request.target_pid = static_cast<pid_t>(container->state.pid);
  request.target_pidfd = process->pidfd.get();
  request.cgroup_path = containers_.facts().cgroup_path(*container);
  request.process = stack::to_text(*oci);
  request.want_stdin = wanted.want_stdin;
  request.want_output = wanted.want_output;
  Result<SeccompFilter> seccomp =
      containers_.seccomp_filters().filter_of(container->spec, container->spec.privileged || wanted.privileged);
  CO_TRY(seccomp);
  request.seccomp_bpf = std::move(seccomp->bpf);
  request.seccomp_flags = seccomp->flags;
  if (session->resumable) {
    request.id = session->id;
    request.run_dir = context_.paths.exec(container->id, session->id);
    Result<> recorded = record_session(*session, request.run_dir);
    CO_TRY(recorded);
  }
  Result<runtime::ExecSession> launched = runtime::launch_exec(request, containers_.parts().monitor_program);
  CO_TRY(launched);
  session->stdio = std::move(launched->stdio);
  session->control =
      std::make_shared<asio::posix::stream_descriptor>(context_.io, launched->control.release());
  session->running = true;
  stack::start(context_.io, supervise(session, launched->pid, std::move(launched->pidfd)));
  while (session->running && session->pid == 0) co_await session->changed.wait();
  if (session->pid == 0 && !session->failure.empty()) {
    ErrorKind kind = session->exit_code == 127   ? ErrorKind::NoCommand
                     : session->exit_code == 126 ? ErrorKind::NotExecutable
                                                 : ErrorKind::Internal;
    co_return Error(kind, session->failure);
  }
  co_return Result<>();
}

// One message of the session's monitor.
void ExecService::take(ExecPtr session, runtime::Message message) {
  if (auto* started = std::get_if<runtime::Started>(&message)) {
    session->pid = started->pid;
    session->pidfd = std::move(started->pidfd);
    session->terminal = started->stdio.terminal.duplicate().value_or(Fd());
    session->stdio.terminal = std::move(started->stdio.terminal);
  } else if (auto* hello = std::get_if<runtime::Hello>(&message)) {
    session->pid = hello->pid;
    session->pidfd = std::move(hello->pidfd);
    session->terminal = std::move(hello->stdio.terminal);
    if (hello->exited) return take(session, *hello->exited);
  } else if (auto* failed = std::get_if<runtime::Failed>(&message)) {
    session->exit_code = failed->exit_code;
    session->failure = failed->text;
    session->set_ended();
  } else if (auto* exited = std::get_if<runtime::Exited>(&message)) {
    session->exit_code = exited->exit_code;
    session->set_ended();
  } else if (auto* attached = std::get_if<runtime::Attached>(&message)) {
    if (auto asked = session->attaching.find(attached->token); asked != session->attaching.end())
      *asked->second = std::move(attached->stream);
  } else if (auto* refused = std::get_if<runtime::Refused>(&message)) {
    if (auto asked = session->attaching.find(refused->token); asked != session->attaching.end())
      *asked->second = Result<Fd>(conflict(refused->text));
  }
  session->changed.notify_all();
}

// Handles the messages of the session's monitor until it exits.
Task<> ExecService::follow(ExecPtr session) {
  std::shared_ptr<asio::posix::stream_descriptor> control = session->control;
  if (session->resumable) stack::start(context_.io, release_monitor(session));
  for (;;) {
    Result<std::optional<runtime::Message>> message = runtime::receive_message(control->native_handle());
    if (message && !*message) {
      asio::error_code code;
      co_await control->async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, code));
      if (code) break;
      continue;
    }
    if (!message || std::holds_alternative<runtime::Closed>(**message)) break;
    take(session, std::move(**message));
    if (session->running) continue;
    if (!session->resumable || !session->failure.empty()) break;
    session->container->changed.notify_all();
  }
  // The monitor was killed; the process may still run, but its exit cannot be observed.
  if (session->running && session->exit_code == 0) session->exit_code = 137;
  session->set_ended();
  session->control.reset();
  session->pidfd.reset();
  session->terminal.reset();
  for (auto& [token, answer] : session->attaching)
    if (!*answer) *answer = Result<Fd>(not_found("the monitor of the exec session has exited"));
  session->changed.notify_all();
  session->container->changed.notify_all();
}

Task<> ExecService::supervise(ExecPtr session, pid_t helper, Fd helper_pidfd) {
  co_await follow(session);
  asio::posix::stream_descriptor ended(context_.io, helper_pidfd.release());
  asio::error_code code;
  co_await ended.async_wait(asio::posix::stream_descriptor::wait_read,
                            asio::redirect_error(asio::use_awaitable, code));
  reap_child(helper);
}

Result<> ExecService::resize(ExecPtr session, uint16_t rows, uint16_t columns) {
  if (!session->running || !session->control) return conflict("exec " + session->id + " is not running");
  if (!session->terminal) return conflict("exec " + session->id + " has no terminal");
  return runtime::resize_terminal(session->terminal.get(), rows, columns);
}

namespace {

// Reads one pipe until its end, keeping at most `limit` bytes.
Task<> collect(asio::io_context& io, Fd pipe, std::shared_ptr<std::string> output, size_t limit,
               std::shared_ptr<int> open, std::shared_ptr<Signal> done) {
  asio::posix::stream_descriptor stream(io, pipe.release());
  std::array<char, 4096> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await stream.async_read_some(asio::buffer(buffer),
                                               asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
    output->append(buffer.data(), std::min(n, limit - std::min(limit, output->size())));
  }
  --*open;
  done->notify_all();
}

}  // namespace

Task<Result<ExecService::Captured>> ExecService::run(ContainerPtr container, ExecRequest request,
                                                     Nanoseconds timeout, size_t limit) {
  request.want_output = true;
  request.tty = false;
  Result<ExecPtr> created = create(std::move(container), std::move(request));
  CO_TRY(created);
  ExecPtr session = *created;
  Result<> started = co_await start(session);
  struct Forget {
    std::map<std::string, ExecPtr>& sessions;
    std::string id;
    ~Forget() { sessions.erase(id); }
  } forget{sessions_, session->id};
  CO_TRY(started);
  Captured captured;
  auto output = std::make_shared<std::string>();
  auto open = std::make_shared<int>(2);
  auto done = std::make_shared<Signal>(context_.io);
  stack::start(context_.io,
               collect(context_.io, std::move(session->stdio.stdout_read), output, limit, open, done));
  stack::start(context_.io,
               collect(context_.io, std::move(session->stdio.stderr_read), output, limit, open, done));
  auto deadline = std::chrono::steady_clock::now() + timeout;
  bool timed_out = false;
  while (session->running) {
    bool notified = co_await session->changed.wait_until(deadline);
    if (notified || !session->running || timed_out) continue;
    timed_out = true;
    deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    if (session->pidfd) (void)signal_pidfd(session->pidfd.get(), SIGKILL);
  }
  // Does not wait for output that a background child keeps open.
  auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  while (*open > 0) {
    bool notified = co_await done->wait_until(patience);
    if (!notified) break;
  }
  captured.output = *output;
  captured.exit_code = timed_out ? -1 : session->exit_code;
  co_return captured;
}

}  // namespace stack::engine
