// Logs and events.
#include <algorithm>

#include "base/text.h"
#include "engine/api/api.h"
#include "engine/container/attach_stream.h"
#include "engine/logs/log_stream.h"
#include "model/log_options.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Result<LogRequest> log_request(const Request& request) {
  LogRequest logs;
  logs.tail = parse_tail(request.query.get("tail", "all"));
  TRY_ASSIGN(logs.since, parse_log_time(request.query.get("since")));
  TRY_ASSIGN(logs.until, parse_log_time(request.query.get("until")));
  logs.follow = request.query.flag("follow");
  logs.stay = request.query.flag("stay");
  return logs;
}

// Docker's "key=value,key=value", both escaped as in a URL's query.
std::string details_text(const std::map<std::string, std::string>& attributes) {
  std::string out;
  for (const auto& [key, value] : attributes)
    out += (out.empty() ? "" : ",") + http::percent_encode(key) + "=" + http::percent_encode(value);
  return out;
}

std::string log_text(const logs::LogEntry& entry, bool timestamps, bool details) {
  std::string text;
  if (timestamps) text += rfc3339(entry.time) + " ";
  if (details) text += details_text(entry.attributes) + " ";
  return text + entry.text;
}

Task<> container_logs(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  Result<LogRequest> wanted = log_request(request);
  if (!container || !wanted) {
    response.error(container ? wanted.error() : container.error());
    co_return;
  }
  Result<LogPlan> plan = plan_log((*container)->spec.log);
  if (plan && !plan->keeps_file) {
    response.error(501, "configured logging driver does not support reading");
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
  bool details = request.query.flag("details");
  Result<> begun = co_await response.start(
      200, tty ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream");
  if (!begun) co_return;
  auto stream = std::make_shared<LogStream>(s.context, s.containers, *wanted);
  request.on_client_gone([stream] { stream->stop(); });
  auto emit = [&response, tty, timestamps, details](LogEvent event) -> Task<bool> {
    if (!event.entry) co_return true;
    std::string text = log_text(*event.entry, timestamps, details);
    std::string bytes =
        tty ? text : stream_frame(event.entry->stream == logs::LogStream::Stdout ? 1 : 2, text);
    Result<> sent = co_await response.write(bytes);
    co_return sent.has_value();
  };
  // A name, because g++ 12 copies a temporary closure bytewise into the frame and then destroys both.
  std::function<bool(const Container&)> selects = [id = (*container)->id](const Container& c) {
    return c.id == id;
  };
  Result<> done = co_await stream->run(selects, emit);
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

}  // namespace

void add_stream_routes(http::Router& router, Services& s) {
  router.get("/containers/{id}/logs",
             [&s](Request& q, Response& r) -> Task<> { co_await container_logs(s, q, r); });
  router.get("/stack/v1/projects/{p}/logs",
             [&s](Request& q, Response& r) -> Task<> { co_await project_logs(s, q, r); });
  router.get("/events", [&s](Request& q, Response& r) -> Task<> { co_await events(s, q, r); });
}

}  // namespace stack::engine
