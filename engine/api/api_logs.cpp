// Logs of containers and projects.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "docker/time_text.h"
#include "engine/api/api.h"
#include "engine/api/raw_stream.h"
#include "engine/container/attach_stream.h"
#include "engine/logs/log_stream.h"
#include "model/labels.h"
#include "model/log_options.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Result<LogRequest> log_request(const Request& request) {
  LogRequest logs;
  logs.tail = parse_tail(request.query.get("tail", "all"));
  TRY_ASSIGN(logs.since, docker::parse_time_text(request.query.get("since")));
  TRY_ASSIGN(logs.until, docker::parse_time_text(request.query.get("until")));
  logs.follow = request.query.flag("follow");
  logs.stay = request.query.flag("stay");
  logs.attach = request.query.flag("attach");
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

// The response has begun: its connection is broken off, and the engine's log has the reason.
void end_broken(Response& response, const Error& error) {
  log_warning("a stream of logs ended: " + error.text());
  response.abort();
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
  wanted->one_run = true;
  wanted->out = request.query.flag("stdout");
  wanted->err = request.query.flag("stderr");
  if (!wanted->out && !wanted->err) {
    response.error(400, "Bad parameters: you must choose at least one stream");
    co_return;
  }
  bool tty = (*container)->spec.tty;
  bool timestamps = request.query.flag("timestamps");
  bool details = request.query.flag("details");
  auto stream = std::make_shared<LogStream>(s.context, s.containers, s.log_folders, *wanted);
  Result<> opened = stream->open([id = (*container)->id](const Container& c) { return c.id == id; });
  if (!opened) {
    response.error(opened.error());
    co_return;
  }
  Result<> started = co_await response.start(200, raw_type(request, tty));
  if (!started) co_return;
  request.on_client_gone([stream] { stream->stop(); });
  auto emit = [&response, tty, timestamps, details](LogEvent event) -> Task<bool> {
    if (!event.entry) co_return true;
    std::string text = log_text(*event.entry, timestamps, details);
    std::string bytes =
        tty ? text : stream_frame(event.entry->stream == logs::LogStream::Stdout ? 1 : 2, text);
    Result<> sent = co_await response.write(bytes);
    co_return sent.has_value();
  };
  Result<> done = co_await stream->run(emit);
  if (!done) end_broken(response, done.error());
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
  auto selects = [project, services](const Container& c) {
    if (c.label(label::kProject) != project || c.label(label::kOneOff) == "True") return false;
    return services.empty() ||
           std::find(services.begin(), services.end(), c.label(label::kService)) != services.end();
  };
  auto stream = std::make_shared<LogStream>(s.context, s.containers, s.log_folders, *wanted);
  Result<> opened = stream->open(selects);
  if (!opened) {
    response.error(opened.error());
    co_return;
  }
  Result<> started = co_await response.start(200, "application/x-ndjson");
  if (!started) co_return;
  request.on_client_gone([stream] { stream->stop(); });
  auto emit = [&response](LogEvent event) -> Task<bool> {
    const Container& c = *event.container;
    OrderedJson line{{"container", c.spec.name}, {"service", c.label(label::kService)}};
    if (event.entry) {
      std::string_view text = event.entry->text;
      if (text.ends_with('\n')) text.remove_suffix(1);
      line["number"] = std::atoi(c.label(label::kContainerNumber).c_str());
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
  Result<> done = co_await stream->run(emit);
  if (!done) end_broken(response, done.error());
}

}  // namespace

void add_log_routes(http::Router& router, Services& s) {
  router.get("/containers/{id}/logs",
             [&s](Request& q, Response& r) -> Task<> { co_await container_logs(s, q, r); });
  router.get("/stack/v1/projects/{p}/logs",
             [&s](Request& q, Response& r) -> Task<> { co_await project_logs(s, q, r); });
}

}  // namespace stack::engine
