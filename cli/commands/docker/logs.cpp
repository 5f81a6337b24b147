// docker logs, events.
#include <unistd.h>

#include <chrono>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/frames.h"
#include "cli/render/output.h"
#include "cli/render/template/format.h"
#include "cli/session/event_stream.h"
#include "cli/session/log_follow.h"
#include "cli/session/member.h"
#include "cli/session/reconnects.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kLogsFlags[] = {
    {0, "details", FlagArity::Nothing, "", "Show additional details of each line"},
    {'f', "follow", FlagArity::Nothing, "", "Follow the output"},
    {0, "since", FlagArity::Value, "string",
     "Show lines from a time (2013-01-02T13:23:37Z) or duration (42m) on"},
    {'n', "tail", FlagArity::Value, "string", "Number of lines from the end (default all)"},
    {'t', "timestamps", FlagArity::Nothing, "", "Show timestamps"},
    {0, "until", FlagArity::Value, "string", "Show lines until a time or duration"},
};

// The value of a flag in the engine's format.
Result<std::string> unix_time(const std::string& text, std::string_view flag) {
  if (text.empty()) return std::string();
  auto time = log_time(text, std::chrono::system_clock::now());
  if (!time) return invalid("invalid value for \"" + std::string(flag) + "\": " + time.error().text());
  TRY_ASSIGN(WallTime parsed, parse_rfc3339(*time));
  return unix_time_text(parsed);
}

struct LogsQuery {
  bool follow = false;
  bool timestamps = false;
  bool details = false;
  std::string tail;
  std::string since;
  std::string until;

  std::string text() const {
    http::Query query;
    query.add("stdout", "1");
    query.add("stderr", "1");
    if (follow) query.add("follow", "1");
    if (timestamps) query.add("timestamps", "1");
    if (details) query.add("details", "1");
    query.add("tail", tail);
    if (!since.empty()) query.add("since", since);
    if (!until.empty()) query.add("until", until);
    return query.text();
  }
};

Result<LogsQuery> logs_query(const Arguments& arguments) {
  LogsQuery query;
  query.follow = arguments.is_set("follow");
  query.timestamps = arguments.is_set("timestamps");
  query.details = arguments.is_set("details");
  query.tail = arguments.text("tail", "all");
  TRY_ASSIGN(query.since, unix_time(arguments.text("since"), "since"));
  TRY_ASSIGN(query.until, unix_time(arguments.text("until"), "until"));
  return query;
}

// Shows a container's log. Followed through engines that die: each line's time tells where to continue.
class LogsReader {
 public:
  LogsReader(std::string path, bool tty, const LogsQuery& query)
      : path_(std::move(path)), tty_(tty), shows_times_(query.timestamps), query_(query) {
    // The output of a terminal is not in lines, and the time it is received has to do.
    if (query_.follow && !tty_) query_.timestamps = true;
  }

  Result<> run(const Session& session) {
    for (Reconnects reconnects;;) {
      TRY_ASSIGN(http::Client client, session.connect());
      entries_ = EntryReader();
      http::ClientRequest request{.method = "GET", .target = path_ + "/logs" + query_.text()};
      Result<> streamed = client.stream(std::move(request), [&](std::string_view bytes) {
        reconnects.reset();
        return show(bytes);
      });
      TRY(shown_);
      if (streamed || !query_.follow || !reconnects.allow(streamed.error())) return streamed;
      if (next_.empty()) continue;
      query_.since = next_;
      query_.tail = "all";
    }
  }

 private:
  bool show(std::string_view bytes) {
    if (tty_) {
      next_ = unix_time_text(std::chrono::system_clock::now());
      shown_ = write_all(STDOUT_FILENO, bytes);
    } else if (!query_.follow) {
      shown_ = frames_.feed(bytes, &LogsReader::write);
    } else {
      shown_ = entries_.feed(bytes, [this](int stream, std::string_view entry) { add(stream, entry); });
    }
    return shown_.has_value();
  }

  void add(int stream, std::string_view entry) {
    size_t blank = entry.find(' ');
    auto time = parse_rfc3339(entry.substr(0, blank));
    if (blank != std::string_view::npos && time) {
      next_ = unix_time_text(*time + std::chrono::nanoseconds(1));
      if (!shows_times_) entry.remove_prefix(blank + 1);
    }
    write(stream, entry);
  }

  static void write(int stream, std::string_view content) {
    (void)write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, content);
  }

  std::string path_;
  bool tty_;
  bool shows_times_;
  LogsQuery query_;
  FrameReader frames_;
  EntryReader entries_;
  std::string next_;  // the time after what was shown
  Result<> shown_;
};

Result<int> run_logs(Session& session, const Arguments& arguments) {
  std::string path = container_path(arguments.words[0]);
  TRY_ASSIGN(LogsQuery query, logs_query(arguments));
  TRY_ASSIGN(Json details, ask(session, "GET", path + "/json"));
  LogsReader reader(path, bool_or(member(details, "Config"), "Tty"), query);
  Result<> streamed = reader.run(session);
  if (!streamed) return daemon_error(streamed.error());
  return 0;
}

constexpr Flag kEventsFlags[] = {
    {'f', "filter", FlagArity::Values, "filter", "Show only matching objects"},
    {0, "format", FlagArity::Value, "string", "json, or a Go template"},
    {0, "since", FlagArity::Value, "string", "Show events since a time or duration"},
    {0, "until", FlagArity::Value, "string", "Show events until a time or duration"},
};

// "2026-01-02T03:04:05.000000000Z container start 3f2a... (image=nginx, name=web)"
std::string event_text(const Json& event) {
  int64_t nanoseconds = int_or(event, "timeNano");
  WallTime time(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds)));
  const Json& actor = member(event, "Actor");
  std::vector<std::string> attributes;
  const Json& given = member(actor, "Attributes");
  if (given.is_object())
    for (const auto& [key, value] : given.items())
      if (value.is_string()) attributes.push_back(key + "=" + value.get<std::string>());
  std::string text = rfc3339(time) + " " + string_or(event, "Type") + " " + string_or(event, "Action") + " " +
                     string_or(actor, "ID");
  return attributes.empty() ? text : text + " (" + join(attributes, ", ") + ")";
}

Result<int> run_events(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string since, unix_time(arguments.text("since"), "since"));
  TRY_ASSIGN(std::string until, unix_time(arguments.text("until"), "until"));
  TRY_ASSIGN(std::string parameters, filters_parameter(arguments.all("filter"), '&'));
  if (!until.empty()) parameters += "&until=" + until;
  std::string format = arguments.text("format");
  auto parsed = text_template::Template::parse(format == "json" ? "{{json .}}" : format);
  if (!parsed) return print_template_error(std::move(parsed).error().in("Error parsing format"));
  // Docker tries the template before it asks the engine.
  const text_template::Type& type = text_template::type_of("*events.Message");
  auto tried = parsed->render(text_template::Value(type, Json::object()));
  if (!tried) return print_template_error(std::move(tried).error().in("Error parsing format"));
  Result<> shown;
  Result<> streamed = follow_events(session, parameters, since, [&](const Json& event) {
    if (format.empty()) {
      print_line(event_text(event));
      return true;
    }
    auto text = parsed->render(text_template::Value(type, event));
    if (text) print_line(*text);
    shown = text.map([](auto&&) {});
    return shown.has_value();
  });
  if (!streamed) return daemon_error(streamed.error());
  TRY(shown);
  return 0;
}

constexpr std::string_view kLogsAliases[] = {"logs"};
constexpr std::string_view kEventsAliases[] = {"events"};

}  // namespace

const Command kLogs{
    .name = "container logs",
    .aliases = kLogsAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Show the logs of a container",
    .details = "",
    .examples = {},
    .flags = kLogsFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_logs,
};

const Command kEvents{
    .name = "system events",
    .aliases = kEventsAliases,
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Show events of the engine as they occur",
    .details = "",
    .examples = {},
    .flags = kEventsFlags,
    .most_words = 0,
    .run = run_events,
};

}  // namespace stack::cli::docker_cli
