// Attaching to containers, and exec.
#include "base/text.h"
#include "engine/api/api.h"
#include "engine/container/attach_stream.h"
#include "engine/container/container_run.h"
#include "engine/logs/log_stream.h"
#include "model/log_options.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

std::string raw_type(const Request& request, bool tty) {
  return tty || request.version < 42 ? "application/vnd.docker.raw-stream"
                                     : "application/vnd.docker.multiplexed-stream";
}

// Of a terminal; nothing detaches from pipes.
Result<DetachKeys> detach_keys(const std::string& text, bool tty) {
  if (!tty) return DetachKeys();
  Result<DetachKeys> keys = DetachKeys::parse(text.empty() ? std::string(kDefaultDetachKeys) : text);
  return keys;
}

Source source_of(asio::io_context& io, Fd fd) {
  return std::make_shared<asio::posix::stream_descriptor>(io, fd.release());
}

// What was written before: attach's `logs`.
Task<> replay_log(Services& s, ContainerPtr container, Client client, bool tty, bool out, bool err) {
  Result<LogPlan> plan = plan_log(container->spec.log);
  if (!plan || !plan->keeps_file) co_return;
  LogRequest request;
  request.out = out;
  request.err = err;
  LogStream logs(s.context, s.containers, request);
  auto emit = [client, tty](LogEvent event) -> Task<bool> {
    if (!event.entry) co_return true;
    int stream = event.entry->stream == logs::LogStream::Stdout ? 1 : 2;
    std::string bytes = tty ? event.entry->text : stream_frame(stream, event.entry->text);
    Result<> sent = co_await client->write(bytes);
    co_return sent.has_value();
  };
  // A name, because g++ 12 copies a temporary closure bytewise into the frame and then destroys both.
  std::function<bool(const Container&)> selects = [id = container->id](const Container& c) {
    return c.id == id;
  };
  Result<> done = co_await logs.run(selects, emit);
  (void)done;
}

Task<> pass_input(Services& s, ContainerPtr container, Client client, Source sink, Source output,
                  DetachKeys keys) {
  bool detached = co_await pump_in(client, sink, std::move(keys), true);
  if (!detached) co_return;
  s.context.publish(*container, "detach");
  output->cancel();
}

Result<> may_attach(const Container& container) {
  if (container.state.status == Status::Paused)
    return conflict("Container " + container.id + " is paused, unpause the container before attach");
  if (container.state.status == Status::Restarting)
    return conflict("Container " + container.id + " is restarting, wait until the container is running");
  return {};
}

Task<> attach(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> found = s.context.require_container(request.param("id"));
  Result<> allowed = found ? may_attach(**found) : Result<>(found.error());
  if (!allowed) {
    response.error(allowed.error());
    co_return;
  }
  ContainerPtr container = *found;
  bool tty = container->spec.tty;
  Result<DetachKeys> keys = detach_keys(request.query.get("detachKeys"), tty);
  if (!keys) {
    response.error(400, "Invalid detach keys (" + request.query.get("detachKeys") + ") provided");
    co_return;
  }
  bool out = request.query.flag("stdout");
  bool err = request.query.flag("stderr");
  bool replay = request.query.flag("logs");
  bool stream_wanted = request.query.flag("stream", true);
  runtime::AttachOptions options;
  options.stdin_open = request.query.flag("stdin") && container->spec.open_stdin;
  options.output = out || err;
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, tty));
  if (!hijacked) co_return;
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  if (replay) co_await replay_log(s, container, client, tty, out, err);
  if (!stream_wanted) {
    client->close();
    co_return;
  }
  s.context.publish(*container, "attach");
  Result<Fd> stream = co_await s.containers.attach(container, options);
  Result<Fd> input = stream ? stream->duplicate() : Result<Fd>(Error("none"));
  if (!stream || !input) {
    client->close();
    co_return;
  }
  Source output = source_of(s.context.io, std::move(*stream));
  Source sink = source_of(s.context.io, std::move(*input));
  start(s.context.io, watch_client(client, output));
  if (options.stdin_open)
    start(s.context.io, pass_input(s, container, client, sink, output, std::move(*keys)));
  co_await pump_frames(output, client, FrameSelector(tty, out, err));
  client->close();
}

// ---- exec ----

std::vector<std::string> strings_at(const Json& body, const char* key) {
  std::vector<std::string> out;
  if (body.is_object() && body.contains(key) && body[key].is_array())
    for (const Json& item : body[key])
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

// [rows, columns]; zeros where it is not given.
std::pair<uint16_t, uint16_t> console_size(const Json& body) {
  if (!body.is_object() || !body.contains("ConsoleSize")) return {0, 0};
  const Json& size = body["ConsoleSize"];
  bool two =
      size.is_array() && size.size() == 2 && size[0].is_number_unsigned() && size[1].is_number_unsigned();
  if (!two) return {0, 0};
  return {size[0].get<uint16_t>(), size[1].get<uint16_t>()};
}

Task<> create_exec(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  Result<Json> body = co_await request.body.read_json();
  if (!container || !body) {
    response.error(container ? body.error() : container.error());
    co_return;
  }
  ExecRequest exec;
  exec.command = strings_at(*body, "Cmd");
  exec.env = strings_at(*body, "Env");
  exec.user = string_or(*body, "User");
  exec.working_dir = string_or(*body, "WorkingDir");
  exec.tty = bool_or(*body, "Tty");
  exec.want_stdin = bool_or(*body, "AttachStdin");
  exec.want_output = bool_or(*body, "AttachStdout") || bool_or(*body, "AttachStderr");
  exec.privileged = bool_or(*body, "Privileged");
  exec.detach_keys = string_or(*body, "DetachKeys");
  auto [rows, columns] = console_size(*body);
  exec.rows = rows;
  exec.columns = columns;
  Result<DetachKeys> keys = detach_keys(exec.detach_keys, exec.tty);
  if (!keys) {
    response.error(keys.error());
    co_return;
  }
  Result<ExecPtr> session = s.execs.create(*container, std::move(exec));
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

// The streams of a started session, to their end.
Task<> join_exec(Services& s, ExecPtr session, Client client) {
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
    pump(std::move(session->stdio.terminal), 0);
  } else {
    pump(std::move(session->stdio.stdout_read), 1);
    pump(std::move(session->stdio.stderr_read), 2);
  }
  while (session->running) co_await session->changed.wait();
  // What a background child of the command holds open is not waited for; a client that reads slowly is.
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

Task<> start_exec(Services& s, Request& request, Response& response) {
  ExecPtr session = s.execs.find(request.param("id"));
  if (!session) {
    response.error(404, "No such exec instance: " + request.param("id"));
    co_return;
  }
  Result<Json> body = co_await request.body.read_json();
  if (!body) {
    response.error(body.error());
    co_return;
  }
  Result<> possible = s.execs.may_start(*session);
  if (!possible) {
    response.error(possible.error());
    co_return;
  }
  auto [rows, columns] = console_size(*body);
  if (rows != 0 || columns != 0) {
    session->request.rows = rows;
    session->request.columns = columns;
  }
  if (bool_or(*body, "Detach")) {
    co_await start_detached(s, session, response);
    co_return;
  }
  bool tty = session->request.tty;
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, tty));
  if (!hijacked) co_return;
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  Result<> started = co_await s.execs.start(session);
  if (started) {
    tell_start(s, session);
    co_await join_exec(s, session, client);
  } else {
    // The protocol is switched already: Docker says it in the stream, and the exit code is asked for
    // afterwards.
    std::string text = started.error().text() + "\r\n";
    std::string bytes = tty ? text : stream_frame(2, text);
    (void)co_await client->write(bytes);
  }
  client->close();
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
          {"ContainerID", session.container->id},
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

void add_attach_routes(http::Router& router, Services& s) {
  router.post("/containers/{id}/attach",
              [&s](Request& q, Response& r) -> Task<> { co_await attach(s, q, r); });
  router.post("/containers/{id}/exec",
              [&s](Request& q, Response& r) -> Task<> { co_await create_exec(s, q, r); });
  router.post("/exec/{id}/start", [&s](Request& q, Response& r) -> Task<> { co_await start_exec(s, q, r); });
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
