// Routes whose answers are streams: logs, attach, exec, events, stats, top.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "engine/api.h"
#include "engine/live.h"
#include "engine/log_stream.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

std::string frame(int stream, std::string_view payload) {
  auto size = static_cast<uint32_t>(payload.size());
  std::string out{static_cast<char>(stream),
                  0,
                  0,
                  0,
                  static_cast<char>(size >> 24),
                  static_cast<char>(size >> 16),
                  static_cast<char>(size >> 8),
                  static_cast<char>(size)};
  out.append(payload);
  return out;
}

Result<LogRequest> log_request(const Request& request) {
  LogRequest logs;
  logs.tail = parse_tail(request.query.get("tail", "all"));
  TRY_ASSIGN(logs.since, parse_log_time(request.query.get("since")));
  TRY_ASSIGN(logs.until, parse_log_time(request.query.get("until")));
  logs.follow = request.query.flag("follow");
  logs.stay = request.query.flag("stay");
  return logs;
}

Task<> container_logs(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  Result<LogRequest> wanted = log_request(request);
  if (!container || !wanted) {
    response.error(container ? wanted.error() : container.error());
    co_return;
  }
  wanted->out = request.query.flag("stdout");
  wanted->err = request.query.flag("stderr");
  if (!wanted->out && !wanted->err) {
    response.error(400, "Bad parameters: you must choose at least one stream");
    co_return;
  }
  bool tty = (*container)->spec.tty;
  bool timestamps = request.query.flag("timestamps");
  Result<> begun = co_await response.start(
      200, tty ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream");
  if (!begun) co_return;
  auto stream = std::make_shared<LogStream>(s.context, s.containers, *wanted);
  request.on_client_gone([stream] { stream->stop(); });
  auto emit = [&response, tty, timestamps](LogEvent event) -> Task<bool> {
    if (!event.entry) co_return true;
    std::string text = (timestamps ? rfc3339(event.entry->time) + " " : "") + event.entry->text;
    std::string bytes = tty ? text : frame(event.entry->stream == logs::LogStream::Stdout ? 1 : 2, text);
    Result<> sent = co_await response.write(bytes);
    co_return sent.has_value();
  };
  Result<> done =
      co_await stream->run([id = (*container)->id](const Container& c) { return c.id == id; }, emit);
  if (!done) response.abort();
}

Task<> project_logs(Services& s, Request& request, Response& response) {
  Result<LogRequest> wanted = log_request(request);
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  std::string project = request.param("p");
  std::vector<std::string> services;
  for (const std::string& name : split(request.query.get("services"), ','))
    if (!name.empty()) services.push_back(name);
  Result<> begun = co_await response.start(200, "application/x-ndjson");
  if (!begun) co_return;
  auto stream = std::make_shared<LogStream>(s.context, s.containers, *wanted);
  request.on_client_gone([stream] { stream->stop(); });
  auto selects = [project, services](const Container& c) {
    if (c.label("com.docker.compose.project") != project) return false;
    return services.empty() || std::find(services.begin(), services.end(),
                                         c.label("com.docker.compose.service")) != services.end();
  };
  auto emit = [&response](LogEvent event) -> Task<bool> {
    const Container& c = *event.container;
    OrderedJson line{{"container", c.spec.name}, {"service", c.label("com.docker.compose.service")}};
    if (event.entry) {
      std::string_view text = event.entry->text;
      if (text.ends_with('\n')) text.remove_suffix(1);
      line["number"] = std::atoi(c.label("com.docker.compose.container-number").c_str());
      line["stream"] = event.entry->stream == logs::LogStream::Stdout ? "stdout" : "stderr";
      line["time"] = rfc3339(event.entry->time);
      line["text"] = text;
    } else {
      line["exit"] = event.exit_code;
      line["restarting"] = event.restarting;
    }
    std::string bytes = line.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
    Result<> sent = co_await response.write(bytes);
    co_return sent.has_value();
  };
  Result<> done = co_await stream->run(selects, emit);
  if (!done) response.abort();
}

// ---- attach and exec: bytes between a client and a process ----

// Everything from a descriptor to the client, framed as `kind` unless it is 0.
Task<> pump_out(asio::io_context& io, Fd from, std::shared_ptr<http::RawStream> to, int kind,
                std::shared_ptr<int> open, std::shared_ptr<Signal> done) {
  asio::posix::stream_descriptor source(io, from.release());
  std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await source.async_read_some(asio::buffer(buffer),
                                               asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
    std::string bytes = kind == 0 ? std::string(buffer.data(), n) : frame(kind, {buffer.data(), n});
    Result<> sent = co_await to->write(bytes);
    // The process must not block because its reader went away: what comes is read and dropped.
    (void)sent;
  }
  --*open;
  done->notify_all();
}

// From the client to a descriptor, until the client has no more; then `on_end`.
Task<> pump_in(asio::io_context& io, std::shared_ptr<http::RawStream> from, Fd to, bool is_socket) {
  asio::posix::stream_descriptor sink(io, to.release());
  for (;;) {
    Result<std::string> bytes = co_await from->read();
    if (!bytes || bytes->empty()) break;
    asio::error_code code;
    co_await asio::async_write(sink, asio::buffer(*bytes), asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
  }
  if (is_socket) (void)::shutdown(sink.native_handle(), SHUT_WR);
}

std::string raw_type(const Request& request, bool tty) {
  return tty || request.version < 42 ? "application/vnd.docker.raw-stream"
                                     : "application/vnd.docker.multiplexed-stream";
}

// Unframes what the monitor sends for a terminal: a terminal's clients get raw bytes.
Task<> pump_terminal(asio::io_context& io, Fd from, std::shared_ptr<http::RawStream> to) {
  asio::posix::stream_descriptor source(io, from.release());
  std::string pending;
  std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await source.async_read_some(asio::buffer(buffer),
                                               asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    pending.append(buffer.data(), n);
    std::string out;
    size_t at = 0;
    while (pending.size() - at >= 8) {
      auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(pending[at + i])); };
      size_t length = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
      if (pending.size() - at - 8 < length) break;
      if (byte(0) == 1 || byte(0) == 2) out.append(pending, at + 8, length);
      at += 8 + length;
    }
    pending.erase(0, at);
    if (!out.empty()) {
      Result<> sent = co_await to->write(out);
      if (!sent) co_return;
    }
  }
}

Task<> pass_frames(asio::io_context& io, Fd from, std::shared_ptr<http::RawStream> to) {
  asio::posix::stream_descriptor source(io, from.release());
  std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await source.async_read_some(asio::buffer(buffer),
                                               asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    Result<> sent = co_await to->write({buffer.data(), n});
    if (!sent) co_return;
  }
}

Task<> attach(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> found = s.context.require_container(request.param("id"));
  if (!found) {
    response.error(found.error());
    co_return;
  }
  ContainerPtr container = *found;
  if (container->state.status == Status::Paused || container->state.status == Status::Restarting) {
    response.error(
        409, "container " + container->spec.name + " is " + std::string(to_text(container->state.status)));
    co_return;
  }
  bool tty = container->spec.tty;
  runtime::AttachOptions options;
  options.stdin_open = request.query.flag("stdin") && container->spec.open_stdin;
  options.output = request.query.flag("stdout") || request.query.flag("stderr");
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, tty));
  if (!hijacked) co_return;
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  if (!request.query.flag("stream", true)) {
    client->close();
    co_return;
  }
  Result<Fd> stream = co_await s.containers.attach(container, options);
  if (!stream) {
    client->close();
    co_return;
  }
  Result<Fd> input = stream->duplicate();
  if (options.stdin_open && input)
    start(s.context.io, pump_in(s.context.io, client, std::move(*input), true));
  if (tty) {
    co_await pump_terminal(s.context.io, std::move(*stream), client);
  } else {
    co_await pass_frames(s.context.io, std::move(*stream), client);
  }
  client->close();
}

Task<> create_exec(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  Result<Json> body = co_await request.body.read_json();
  if (!container || !body) {
    response.error(container ? body.error() : container.error());
    co_return;
  }
  ExecRequest exec;
  auto strings = [&](const char* key) {
    std::vector<std::string> out;
    if (body->is_object() && body->contains(key) && (*body)[key].is_array())
      for (const Json& item : (*body)[key])
        if (item.is_string()) out.push_back(item.get<std::string>());
    return out;
  };
  exec.command = strings("Cmd");
  exec.env = strings("Env");
  exec.user = string_or(*body, "User");
  exec.working_dir = string_or(*body, "WorkingDir");
  exec.tty = bool_or(*body, "Tty");
  exec.want_stdin = bool_or(*body, "AttachStdin");
  exec.want_output = bool_or(*body, "AttachStdout") || bool_or(*body, "AttachStderr");
  exec.privileged = bool_or(*body, "Privileged");
  Result<ExecPtr> session = s.execs.create(*container, std::move(exec));
  if (!session) {
    response.error(session.error());
    co_return;
  }
  s.context.publish(**container, "exec_create: " + join((*session)->request.command, " "),
                    {{"execID", (*session)->id}});
  response.json(201, {{"Id", (*session)->id}});
}

Task<> start_exec(Services& s, Request& request, Response& response) {
  ExecPtr session = s.execs.find(request.param("id"));
  if (!session) {
    response.error(404, "No such exec instance: " + request.param("id"));
    co_return;
  }
  Result<Json> body = co_await request.body.read_json();
  bool detach = body && bool_or(*body, "Detach");
  uint16_t rows = 0;
  uint16_t columns = 0;
  if (body && body->is_object() && body->contains("ConsoleSize") && (*body)["ConsoleSize"].is_array() &&
      (*body)["ConsoleSize"].size() == 2) {
    const Json& size = (*body)["ConsoleSize"];
    if (size[0].is_number_unsigned() && size[1].is_number_unsigned()) {
      rows = size[0].get<uint16_t>();
      columns = size[1].get<uint16_t>();
    }
  }
  if (detach) session->request.want_output = false;
  Result<> started = co_await s.execs.start(session, rows, columns);
  if (!started) {
    bool command =
        started.error().kind() == ErrorKind::NoCommand || started.error().kind() == ErrorKind::NotExecutable;
    if (command) {
      response.error(400, started.error().text());
    } else {
      response.error(started.error());
    }
    co_return;
  }
  s.context.publish(*session->container, "exec_start: " + join(session->request.command, " "),
                    {{"execID", session->id}});
  if (detach) {
    response.no_content(200);
    co_return;
  }
  bool tty = session->request.tty;
  Result<http::RawStream> hijacked = co_await response.hijack(raw_type(request, tty));
  if (!hijacked) co_return;
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  asio::io_context& io = s.context.io;
  auto done = std::make_shared<Signal>(io);
  auto open = std::make_shared<int>(0);
  if (tty) {
    Result<Fd> input = session->stdio.terminal.duplicate();
    *open = 1;
    if (input) start(io, pump_in(io, client, std::move(*input), false));
    start(io, pump_out(io, std::move(session->stdio.terminal), client, 0, open, done));
  } else {
    if (session->stdio.stdin_write)
      start(io, pump_in(io, client, std::move(session->stdio.stdin_write), false));
    *open = 2;
    start(io, pump_out(io, std::move(session->stdio.stdout_read), client, 1, open, done));
    start(io, pump_out(io, std::move(session->stdio.stderr_read), client, 2, open, done));
  }
  // What a background child of the command holds open is not waited for.
  while (session->running) co_await session->changed.wait();
  auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (*open > 0) {
    bool notified = co_await done->wait_until(patience);
    if (!notified) break;
  }
  s.context.publish(*session->container, "exec_die",
                    {{"execID", session->id}, {"exitCode", std::to_string(session->exit_code)}});
  client->close();
}

Json exec_json(const ExecSession& session) {
  return {{"ID", session.id},
          {"Running", session.running},
          {"ExitCode", session.started && !session.running ? Json(session.exit_code) : Json()},
          {"ProcessConfig",
           {{"tty", session.request.tty},
            {"entrypoint", session.request.command.front()},
            {"arguments",
             std::vector<std::string>(session.request.command.begin() + 1, session.request.command.end())},
            {"privileged", session.request.privileged}}},
          {"OpenStdin", session.request.want_stdin},
          {"OpenStderr", session.request.want_output},
          {"OpenStdout", session.request.want_output},
          {"CanRemove", !session.running},
          {"ContainerID", session.container->id},
          {"DetachKeys", ""},
          {"Pid", session.pid}};
}

// ---- events ----

bool event_matches(const Event& event, const http::Filters& filters) {
  auto any = [&](const char* key, auto&& test) {
    auto wanted = filters.find(key);
    return wanted == filters.end() || wanted->second.empty() ||
           std::any_of(wanted->second.begin(), wanted->second.end(), test);
  };
  auto name = event.attributes.find("name");
  return any("type", [&](const std::string& w) { return event.type == w; }) &&
         any("event",
             [&](const std::string& w) { return event.action == w || event.action.starts_with(w + ":"); }) &&
         any("container",
             [&](const std::string& w) {
               return event.type == "container" &&
                      (event.id.starts_with(w) || (name != event.attributes.end() && name->second == w));
             }) &&
         any("label", [&](const std::string& w) { return label_matches(event.attributes, w); });
}

Task<> events(Services& s, Request& request, Response& response) {
  Result<http::Filters> filters = http::parse_filters(request.query.get("filters"));
  Result<std::optional<WallTime>> since = parse_log_time(request.query.get("since"));
  Result<std::optional<WallTime>> until = parse_log_time(request.query.get("until"));
  if (!filters || !since || !until) {
    response.error(!filters ? filters.error() : !since ? since.error() : until.error());
    co_return;
  }
  struct Queue {
    explicit Queue(asio::io_context& io) : signal(io) {}
    std::deque<Event> events;
    Signal signal;
    bool gone = false;
  };
  auto queue = std::make_shared<Queue>(s.context.io);
  if (*since)
    for (const Event& event : s.context.events.recent())
      if (event.time >= **since && event_matches(event, *filters)) queue->events.push_back(event);
  EventBus::Subscription subscription = s.context.events.subscribe([&](const Event& event) {
    if (!event_matches(event, *filters)) return;
    queue->events.push_back(event);
    queue->signal.notify_all();
  });
  request.on_client_gone([queue] {
    queue->gone = true;
    queue->signal.notify_all();
  });
  Result<> begun = co_await response.start(200, "application/json");
  if (!begun) co_return;
  while (!queue->gone) {
    while (!queue->events.empty()) {
      Event event = std::move(queue->events.front());
      queue->events.pop_front();
      if (*until && event.time > **until) co_return;
      Result<> sent = co_await response.write_line(event_to_json(event));
      if (!sent) co_return;
    }
    if (*until && std::chrono::system_clock::now() >= **until) co_return;
    auto deadline = asio::steady_timer::time_point::max();
    if (*until)
      deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::milliseconds>(
                                                        **until - std::chrono::system_clock::now());
    bool notified = co_await queue->signal.wait_until(deadline);
    (void)notified;
  }
}

// ---- top and stats ----

Task<> top(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  if (!container || !(*container)->running()) {
    response.error(container ? conflict("container " + (*container)->id + " is not running")
                             : container.error());
    co_return;
  }
  Result<std::vector<pid_t>> pids = s.containers.parts().cgroups.pids(s.containers.cgroup_path(**container));
  if (!pids) {
    response.error(pids.error());
    co_return;
  }
  Json rows = Json::array();
  std::sort(pids->begin(), pids->end());
  for (pid_t pid : *pids) {
    std::string folder = "/proc/" + std::to_string(pid);
    Result<std::string> stat = read_file(folder + "/stat");
    Result<std::string> command = read_file(folder + "/cmdline");
    Result<std::string> status = read_file(folder + "/status");
    if (!stat || !command || !status) continue;
    std::replace(command->begin(), command->end(), '\0', ' ');
    size_t close = stat->rfind(')');
    std::vector<std::string> fields = split(std::string_view(*stat).substr(close + 2), ' ');
    if (command->empty())
      *command = "[" + stat->substr(stat->find('(') + 1, close - stat->find('(') - 1) + "]";
    std::string uid = "0";
    if (size_t at = status->find("\nUid:\t"); at != std::string::npos)
      uid = status->substr(at + 6, status->find('\t', at + 6) - at - 6);
    long ticks = ::sysconf(_SC_CLK_TCK);
    int64_t cpu = (std::atoll(fields[11].c_str()) + std::atoll(fields[12].c_str())) / ticks;
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), "%02d:%02d:%02d", static_cast<int>(cpu / 3600),
                  static_cast<int>(cpu / 60 % 60), static_cast<int>(cpu % 60));
    rows.push_back(
        {uid, std::to_string(pid), fields[1], "0", "-", "?", time.data(), std::string(trim(*command))});
  }
  response.json(
      200, {{"Titles", {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}}, {"Processes", rows}});
}

}  // namespace

void add_stream_routes(http::Router& router, Services& s) {
  router.get("/containers/{id}/logs",
             [&s](Request& q, Response& r) -> Task<> { co_await container_logs(s, q, r); });
  router.get("/stack/v1/projects/{p}/logs",
             [&s](Request& q, Response& r) -> Task<> { co_await project_logs(s, q, r); });
  router.post("/containers/{id}/attach",
              [&s](Request& q, Response& r) -> Task<> { co_await attach(s, q, r); });
  router.post("/containers/{id}/exec",
              [&s](Request& q, Response& r) -> Task<> { co_await create_exec(s, q, r); });
  router.post("/exec/{id}/start", [&s](Request& q, Response& r) -> Task<> { co_await start_exec(s, q, r); });
  router.post("/exec/{id}/resize", [&s](Request& q, Response& r) -> Task<> {
    ExecPtr session = s.execs.find(q.param("id"));
    Result<int64_t> rows = q.query.integer("h", 24);
    Result<int64_t> columns = q.query.integer("w", 80);
    if (!session || !rows || !columns) {
      r.error(session ? 400 : 404,
              session ? "h and w must be numbers" : "No such exec instance: " + q.param("id"));
      co_return;
    }
    Result<> done = s.execs.resize(session, static_cast<uint16_t>(*rows), static_cast<uint16_t>(*columns));
    if (done) {
      r.no_content(200);
    } else {
      r.error(done.error());
    }
  });
  router.get("/exec/{id}/json", [&s](Request& q, Response& r) -> Task<> {
    if (ExecPtr session = s.execs.find(q.param("id"))) {
      r.json(200, exec_json(*session));
    } else {
      r.error(404, "No such exec instance: " + q.param("id"));
    }
    co_return;
  });
  router.get("/events", [&s](Request& q, Response& r) -> Task<> { co_await events(s, q, r); });
  router.get("/containers/{id}/top", [&s](Request& q, Response& r) -> Task<> { co_await top(s, q, r); });
}

}  // namespace stack::engine
