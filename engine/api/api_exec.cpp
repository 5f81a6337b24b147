// Exec sessions: additional processes in running containers.
#include <tuple>

#include "base/members.h"
#include "base/text.h"
#include "engine/api/api.h"
#include "engine/api/raw_stream.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// ConsoleSize: [rows, columns]; zeros if absent.
std::pair<uint16_t, uint16_t> console_size(const Json& body) {
  const Json* size = find_member(body, "ConsoleSize");
  bool two = size != nullptr && size->is_array() && size->size() == 2 && (*size)[0].is_number_unsigned() &&
             (*size)[1].is_number_unsigned();
  if (!two) return {0, 0};
  return {(*size)[0].get<uint16_t>(), (*size)[1].get<uint16_t>()};
}

Result<ExecRequest> read_exec(const Json& json) {
  std::optional<Error> error;
  Members body(json, "", error);
  ExecRequest exec;
  std::optional<std::vector<std::string>> command;
  bool out = false;
  bool err = false;
  body.read_words("Cmd", command);
  body.read("Env", exec.env);
  body.read("User", exec.user);
  body.read("WorkingDir", exec.working_dir);
  body.read("Tty", exec.tty);
  body.read("AttachStdin", exec.want_stdin);
  body.read("AttachStdout", out);
  body.read("AttachStderr", err);
  body.read("Privileged", exec.privileged);
  body.read("DetachKeys", exec.detach_keys);
  if (error) return *std::move(error);
  exec.command = std::move(command).value_or(std::vector<std::string>());
  exec.want_output = out || err;
  std::tie(exec.rows, exec.columns) = console_size(json);
  TRY(detach_keys(exec.detach_keys, exec.tty));
  return exec;
}

Task<> create_exec(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  Result<Json> body = co_await request.body.read_object();
  Result<ExecRequest> exec = body ? read_exec(*body) : Result<ExecRequest>(body.error());
  if (!container || !exec) {
    response.error(container ? exec.error() : container.error());
    co_return;
  }
  Result<ExecPtr> session = s.execs.create(*container, std::move(*exec));
  if (!session) {
    response.error(session.error());
    co_return;
  }
  s.context.publish(**container, "exec_create: " + join((*session)->request.command, " "),
                    {{"execID", (*session)->id}});
  response.json(201, {{"Id", (*session)->id}});
}

Task<> tell_end(Services& s, ExecPtr session) {
  while (session->running) co_await session->changed.wait();
  s.context.publish(*session->container, "exec_die",
                    {{"execID", session->id}, {"exitCode", std::to_string(session->exit_code)}});
}

void tell_start(Services& s, const ExecPtr& session) {
  s.context.publish(*session->container, "exec_start: " + join(session->request.command, " "),
                    {{"execID", session->id}});
  start(s.context.io, tell_end(s, session));
}

Task<> pass_exec_input(Services& s, ExecPtr session, Client client, Source sink, DetachKeys keys) {
  bool detached = co_await pump_in(client, sink, std::move(keys), false);
  if (!detached) co_return;
  s.context.publish(*session->container, "exec_detach", {{"execID", session->id}});
  client->close();
}

// Relays the streams of a started session to their end. `raw`: without frames, as requested by the client at the
// start, whether or not the command has a terminal (moby: postContainerExecStart).
Task<> join_exec(Services& s, ExecPtr session, Client client, bool raw) {
  asio::io_context& io = s.context.io;
  bool tty = session->request.tty;
  auto state = std::make_shared<PumpState>(io);
  DetachKeys keys = detach_keys(session->request.detach_keys, tty).value_or(DetachKeys());
  Fd input;
  if (tty) {
    input = session->stdio.terminal.duplicate().value_or(Fd());
  } else {
    input = std::move(session->stdio.stdin_write);
  }
  if (input && session->request.want_stdin)
    start(io, pass_exec_input(s, session, client, source_of(io, std::move(input)), std::move(keys)));
  auto pump = [&](Fd from, int kind) {
    if (!from) return;
    ++state->open;
    start(io, pump_out(source_of(io, std::move(from)), client, kind, state));
  };
  if (tty) {
    pump(std::move(session->stdio.terminal), raw ? 0 : 1);
  } else {
    pump(std::move(session->stdio.stdout_read), raw ? 0 : 1);
    pump(std::move(session->stdio.stderr_read), raw ? 0 : 2);
  }
  while (session->running) co_await session->changed.wait();
  // Waits for a slow client, but not for streams that a background child of the command holds open.
  while (state->open > 0) {
    bool notified =
        co_await state->changed.wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(300));
    if (!notified && state->writing == 0) break;
  }
}

Task<> start_detached(Services& s, ExecPtr session, Response& response) {
  session->request.want_output = false;
  session->request.want_stdin = false;
  Result<> started = co_await s.execs.start(session);
  if (!started) {
    bool command =
        started.error().kind() == ErrorKind::NoCommand || started.error().kind() == ErrorKind::NotExecutable;
    response.error(command ? invalid(started.error().text()) : started.error());
    co_return;
  }
  tell_start(s, session);
  response.no_content(200);
}

struct ExecStart {
  bool detach = false;
  bool raw = false;
  uint16_t rows = 0;
  uint16_t columns = 0;
};

Result<ExecStart> read_start(const Json& json) {
  std::optional<Error> error;
  Members body(json, "", error);
  ExecStart start;
  body.read("Detach", start.detach);
  body.read("Tty", start.raw);
  if (error) return *std::move(error);
  std::tie(start.rows, start.columns) = console_size(json);
  return start;
}

Task<> start_attached(Services& s, ExecPtr session, Request& request, Response& response, bool raw) {
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, raw));
  if (!hijacked) co_return;
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  Result<> started = co_await s.execs.start(session);
  if (started) {
    tell_start(s, session);
    co_await join_exec(s, session, client, raw);
  } else {
    // The protocol has already been switched: like Docker, writes the error to the stream; the client requests the
    // exit code afterward.
    std::string text = started.error().text() + "\r\n";
    std::string bytes = raw ? text : stream_frame(2, text);
    (void)co_await client->write(bytes);
    session->stdio = {};
  }
  client->close();
}

// The end of a resumable stream: a frame of its own kind with the exit code, so that the client can tell the end from a lost
// connection. Ours, not Docker's.
std::string exit_frame(int code) {
  std::string payload;
  for (int shift = 24; shift >= 0; shift -= 8)
    payload += static_cast<char>(static_cast<uint32_t>(code) >> shift);
  return stream_frame(kExitFrame, payload);
}

Task<> pass_session_input(Client client, Source sink) {
  (void)co_await pump_in(client, sink, DetachKeys(), true);
}

// Relays both directions of a resumable session until it ends. Always in frames; the client handles the detach keys.
Task<> join_resumable(Services& s, ExecPtr session, Client client, runtime::OutputPosition position) {
  ExecAttachment attachment(session);
  auto gone = std::make_shared<bool>(false);
  Result<Fd> stream = co_await s.execs.attach(session, position);
  Result<Fd> input = stream ? stream->duplicate() : Result<Fd>(Error("none"));
  if (stream && input) {
    Source output = source_of(s.context.io, std::move(*stream));
    if (session->request.want_stdin)
      start(s.context.io, pass_session_input(client, source_of(s.context.io, std::move(*input))));
    std::function<void()> on_gone = [output, gone, session] {
      *gone = true;
      output->cancel();
      session->changed.notify_all();
    };
    start(s.context.io, watch_client(client, std::move(on_gone)));
    co_await pump_frames(output, client, FrameSelector(false, true, true));
  }
  while (session->running && !*gone) co_await session->changed.wait();
  if (!session->running) {
    std::string end = exit_frame(session->exit_code);
    Result<> told = co_await client->write(end);
    if (told) s.execs.finish(*session);
  }
  client->close();
}

Task<> start_resumable(Services& s, ExecPtr session, Request& request, Response& response,
                       runtime::OutputPosition position) {
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, false));
  if (!hijacked) co_return;
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  session->resumable = true;
  Result<> started = co_await s.execs.start(session);
  if (started) {
    tell_start(s, session);
    co_await join_resumable(s, session, client, position);
    co_return;
  }
  std::string bytes = stream_frame(2, started.error().text() + "\n") + exit_frame(session->exit_code);
  (void)co_await client->write(bytes);
  s.execs.finish(*session);
  client->close();
}

// Attaches a client that lost its engine.
Task<> attach_exec(Services& s, Request& request, Response& response) {
  ExecPtr session = s.execs.find(request.param("id"));
  while (session && session->uncertain) co_await session->changed.wait();
  if (session) session = s.execs.find(request.param("id"));
  if (!session) {
    response.error(404, "No such exec instance: " + request.param("id"));
    co_return;
  }
  Result<std::optional<runtime::OutputPosition>> position = resume_position(request.query.get("resume"));
  if (!position || !*position) {
    response.error(position ? invalid("resume: missing") : position.error());
    co_return;
  }
  if (!session->resumable || !session->started) {
    response.error(conflict("exec " + session->id + " cannot be resumed"));
    co_return;
  }
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, false));
  if (!hijacked) co_return;
  co_await join_resumable(s, session, std::make_shared<http::RawStream>(std::move(*hijacked)), **position);
}

Task<> start_exec(Services& s, Request& request, Response& response) {
  ExecPtr session = s.execs.find(request.param("id"));
  if (!session) {
    response.error(404, "No such exec instance: " + request.param("id"));
    co_return;
  }
  Result<Json> body = co_await request.body.read_object();
  Result<ExecStart> wanted = body ? read_start(*body) : Result<ExecStart>(body.error());
  Result<std::optional<runtime::OutputPosition>> position = resume_position(request.query.get("resume"));
  Result<> possible = !wanted     ? Result<>(wanted.error())
                      : !position ? Result<>(position.error())
                                  : s.execs.may_start(*session);
  if (!possible) {
    response.error(possible.error());
    co_return;
  }
  if (wanted->rows != 0 || wanted->columns != 0) {
    session->request.rows = wanted->rows;
    session->request.columns = wanted->columns;
  }
  if (wanted->detach) {
    co_await start_detached(s, session, response);
  } else if (*position) {
    co_await start_resumable(s, session, request, response, **position);
  } else {
    co_await start_attached(s, session, request, response, wanted->raw);
  }
}

Json exec_json(const ExecSession& session) {
  bool ended = (session.started && !session.running);
  return {{"ID", session.id},
          {"Running", session.running},
          {"ExitCode", ended ? Json(session.exit_code) : Json()},
          {"ProcessConfig",
           {{"tty", session.request.tty},
            {"entrypoint", session.request.command.front()},
            {"arguments",
             std::vector<std::string>(session.request.command.begin() + 1, session.request.command.end())},
            {"privileged", session.request.privileged},
            {"user", session.request.user}}},
          {"OpenStdin", session.request.want_stdin},
          {"OpenStderr", session.request.want_output},
          {"OpenStdout", session.request.want_output},
          {"CanRemove", ended},
          {"ContainerID", session.container->id.text()},
          {"DetachKeys", session.request.detach_keys},
          {"Pid", session.pid}};
}

Task<> resize_exec(Services& s, Request& request, Response& response) {
  ExecPtr session = s.execs.find(request.param("id"));
  Result<int64_t> rows = request.query.integer("h", 24);
  Result<int64_t> columns = request.query.integer("w", 80);
  bool sizes =
      rows && columns && *rows >= 0 && *columns >= 0 && *rows <= UINT16_MAX && *columns <= UINT16_MAX;
  if (!session || !sizes) {
    response.error(session ? 400 : 404, session ? "h and w must be numbers from 0 to 65535"
                                                : "No such exec instance: " + request.param("id"));
    co_return;
  }
  Result<> done = s.execs.resize(session, static_cast<uint16_t>(*rows), static_cast<uint16_t>(*columns));
  if (done) {
    response.no_content(200);
  } else {
    response.error(done.error());
  }
}

}  // namespace

void add_exec_routes(http::Router& router, Services& s) {
  router.post("/containers/{id}/exec",
              [&s](Request& q, Response& r) -> Task<> { co_await create_exec(s, q, r); });
  router.post("/exec/{id}/start", [&s](Request& q, Response& r) -> Task<> { co_await start_exec(s, q, r); });
  router.post("/exec/{id}/attach",
              [&s](Request& q, Response& r) -> Task<> { co_await attach_exec(s, q, r); });
  router.post("/exec/{id}/resize",
              [&s](Request& q, Response& r) -> Task<> { co_await resize_exec(s, q, r); });
  router.get("/exec/{id}/json", [&s](Request& q, Response& r) -> Task<> {
    if (ExecPtr session = s.execs.find(q.param("id"))) {
      r.json(200, exec_json(*session));
    } else {
      r.error(404, "No such exec instance: " + q.param("id"));
    }
    co_return;
  });
}

}  // namespace stack::engine
