// The stream of events (GET /events).
#include <deque>

#include "docker/object_filter.h"
#include "docker/time_text.h"
#include "engine/api/api.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

struct EventQuery {
  docker::EventFilter filter;
  std::optional<WallTime> since;
  std::optional<WallTime> until;

  bool matches(const Event& event) const {
    return filter.matches({event.type, event.action, event.id, event.attributes});
  }
};

Result<EventQuery> read_query(const Request& request) {
  EventQuery query;
  TRY_ASSIGN(query.filter, docker::EventFilter::read(request.query.get("filters")));
  TRY_ASSIGN(query.since, docker::parse_time_text(request.query.get("since")));
  TRY_ASSIGN(query.until, docker::parse_time_text(request.query.get("until")));
  return query;
}

struct EventQueue {
  explicit EventQueue(asio::io_context& io) : signal(io) {}
  std::deque<Event> events;
  Signal signal;
  bool gone = false;
};

// The content type that the client accepts; the body is always JSON lines.
std::string content_type(const Request& request) {
  std::string accepted = request.headers.get("Accept");
  for (const char* type : {"application/json-seq", "application/jsonl", "application/x-ndjson"})
    if (request.version >= 52 && accepted.find(type) != std::string::npos) return type;
  return "application/json";
}

// Includes the members of API 1.21, removed in 1.52, because docker-compose 1.29 reads them with any version.
std::string event_line(const Event& event, const std::string& type) {
  return (type == "application/json-seq" ? "\x1e" : "") + stack::to_text(event_to_json(event)) + "\n";
}

std::chrono::steady_clock::time_point deadline_of(const EventQuery& query) {
  if (!query.until) return std::chrono::steady_clock::time_point::max();
  auto left = *query.until - std::chrono::system_clock::now();
  return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::milliseconds>(left);
}

Task<> events(Services& s, Request& request, Response& response) {
  Result<EventQuery> query = read_query(request);
  if (!query) {
    response.error(query.error());
    co_return;
  }
  auto queue = std::make_shared<EventQueue>(s.context.io);
  if (query->since)
    for (const Event& event : s.context.events.recent())
      if (event.time >= *query->since && query->matches(event)) queue->events.push_back(event);
  EventBus::Subscription subscription = s.context.events.subscribe([&](const Event& event) {
    if (!query->matches(event)) return;
    queue->events.push_back(event);
    queue->signal.notify_all();
  });
  request.on_client_gone([queue] {
    queue->gone = true;
    queue->signal.notify_all();
  });
  std::string type = content_type(request);
  Result<> started = co_await response.start(200, type);
  if (!started) co_return;
  while (!queue->gone) {
    while (!queue->events.empty()) {
      Event event = std::move(queue->events.front());
      queue->events.pop_front();
      if (query->until && event.time > *query->until) co_return;
      std::string line = event_line(event, type);
      Result<> sent = co_await response.write(line);
      if (!sent) co_return;
    }
    if (query->until && std::chrono::system_clock::now() >= *query->until) co_return;
    bool notified = co_await queue->signal.wait_until(deadline_of(*query));
    (void)notified;
  }
}

}  // namespace

void add_event_routes(http::Router& router, Services& s) {
  router.get("/events", [&s](Request& q, Response& r) -> Task<> { co_await events(s, q, r); });
}

}  // namespace stack::engine
