// ExecService: sessions that outlive the engine.
#include "base/directory.h"
#include "base/files.h"
#include "base/log.h"
#include "engine/container/container_run.h"
#include "engine/container/exec_record.h"
#include "engine/container/exec_service.h"

namespace stack::engine {

namespace {

constexpr auto kAnswerLimit = std::chrono::seconds(10);
constexpr auto kReturnLimit = std::chrono::seconds(60);
constexpr auto kClientCheck = std::chrono::seconds(1);

}  // namespace

// Releases the monitor when no client can want the rest of its output: the container is being removed, or a minute after the
// command exited, because a client that lost its engine may come back. finish() releases that of a client that has it all.
Task<> ExecService::release_monitor(ExecPtr session) {
  ContainerPtr container = session->container;
  constexpr auto kNever = std::chrono::steady_clock::time_point::max();
  auto limit = kNever;
  while (session->control) {
    auto now = std::chrono::steady_clock::now();
    if (!session->running && limit == kNever) limit = now + kReturnLimit;
    bool unwanted = container->leaving() || now >= limit;
    if (unwanted && session->attached == 0) {
      (void)runtime::send_acknowledge_exit(session->control->native_handle());
      co_return;
    }
    // Notified of changes of the container and of the session's end, but not when a client leaves.
    (void)co_await container->changed.wait_until(unwanted ? now + kClientCheck : limit);
  }
}

Task<Result<Fd>> ExecService::attach(ExecPtr session, runtime::OutputPosition position) {
  if (!session->control) co_return not_found("the monitor of the exec session has exited");
  auto answer = std::make_shared<std::optional<Result<Fd>>>();
  uint32_t token = session->next_token++;
  session->attaching[token] = answer;
  runtime::AttachOptions options;
  options.stdin_open = session->request.want_stdin;
  options.lossless = true;
  options.resume = position;
  Result<> requested = runtime::request_attach(session->control->native_handle(), token, options);
  auto deadline = std::chrono::steady_clock::now() + kAnswerLimit;
  while (requested && !*answer) {
    bool notified = co_await session->changed.wait_until(deadline);
    if (!notified) break;
  }
  session->attaching.erase(token);
  CO_TRY(requested);
  if (!*answer) co_return Error(ErrorKind::Timeout, "exec: the session's monitor does not answer");
  co_return std::move(**answer);
}

void ExecService::finish(const ExecSession& session) {
  if (!session.resumable) return;
  if (session.control) (void)runtime::send_acknowledge_exit(session.control->native_handle());
  Result<> removed = remove_tree(context_.paths.exec(session.container->id, session.id));
  if (!removed) log_warning("exec session " + session.id + ": " + removed.error().text());
}

void ExecService::forget(const std::string& id) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  finish(*found->second);
  sessions_.erase(found);
}

// Reaches the session's monitor, or reads the exit code that it left.
void ExecService::recover_session(ExecPtr session) {
  std::string folder = context_.paths.exec(session->container->id, session->id);
  session->started = true;
  Result<Fd> control = runtime::connect_monitor(folder);
  if (control) {
    session->running = true;
    session->control = std::make_shared<asio::posix::stream_descriptor>(context_.io, control->release());
    stack::start(context_.io, follow(session));
    return;
  }
  Result<std::optional<runtime::Exited>> exited = runtime::read_exit_file(folder);
  bool known = exited && exited->has_value();
  if (!known && !path_exists(folder + "/monitor.sock")) {
    session->uncertain = true;
    stack::start(context_.io, await_launch(session));
    return;
  }
  session->set_ended();
  session->exit_code = known ? (*exited)->exit_code : 137;
}

// The engine died during a launch: either the monitor serves soon, or there was no process, and the client starts the command again.
Task<> ExecService::await_launch(ExecPtr session) {
  constexpr int kTries = 200;
  std::string folder = context_.paths.exec(session->container->id, session->id);
  for (int i = 0; i < kTries && !path_exists(folder + "/monitor.sock"); ++i)
    co_await sleep_for(context_.io, std::chrono::milliseconds(50));
  session->uncertain = false;
  if (path_exists(folder + "/monitor.sock")) {
    recover_session(session);
  } else {
    forget(session->id);
  }
  session->changed.notify_all();
}

void ExecService::recover_of(ContainerPtr container) {
  Result<std::vector<std::string>> ids = names_in(context_.paths.execs(container->id));
  if (!ids) return;
  for (const std::string& id : *ids) {
    auto session = std::make_shared<ExecSession>(context_.io);
    session->id = id;
    session->container = container;
    session->resumable = true;
    Result<ExecRequest> request = read_session(context_.paths.exec(container->id, id));
    if (request) {
      session->request = std::move(*request);
      sessions_[id] = session;
      recover_session(session);
    } else {
      // The engine died before the record was complete: there was no process.
      finish(*session);
    }
  }
}

void ExecService::recover() {
  for (const auto& [id, container] : context_.containers) recover_of(container);
}

}  // namespace stack::engine
