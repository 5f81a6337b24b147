#include "base/text.h"
#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/json_format.h"
#include "cli/render/output.h"
#include "cli/session/event_stream.h"
#include "cli/session/log_follow.h"
#include "cli/session/member.h"
#include "cli/session/session.h"
#include "docker/filters.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kEventsFlags[] = {
    {0, "json", FlagArity::Nothing, "", "Print one JSON object per line"},
    kTextFormatFlag,
    {0, "since", FlagArity::Value, "TIME", "Start at a time or a duration ago"},
    {0, "until", FlagArity::Value, "TIME", "End at a time or a duration ago"},
};
constexpr Example kEventsExamples[] = {
    {"stack events", "show events of the project's containers as they occur"},
    {"stack events --json | jq .action", "process events in a script"}};

WallTime time_of(const Json& event) {
  int64_t nanoseconds = int_or(event, "timeNano");
  if (nanoseconds == 0) nanoseconds = int_or(event, "time") * 1'000'000'000;
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds)));
}

Json json_of(const Json& event) {
  const Json& actor = member(event, "Actor");
  const Json& attributes = member(actor, "Attributes");
  return {{"time", rfc3339(time_of(event))},
          {"type", string_or(event, "Type")},
          {"action", string_or(event, "Action")},
          {"id", string_or(actor, "ID")},
          {"service", string_or(attributes, "com.docker.compose.service")},
          {"attributes", attributes}};
}

std::string text_of(const Json& event) {
  const Json& actor = member(event, "Actor");
  std::vector<std::string> attributes;
  for (const auto& [key, value] : member(actor, "Attributes").items()) {
    if (value.is_string() && !key.starts_with("com.docker.compose.")) {
      attributes.push_back(key + "=" + value.get<std::string>());
    }
  }
  return rfc3339(time_of(event)) + " " + string_or(event, "Type") + " " + string_or(event, "Action") + " " +
         string_or(actor, "ID") + " (" + join(attributes, ", ") + ")";
}

Result<int> run_events(Session& session, const Arguments& arguments) {
  WallTime now = std::chrono::system_clock::now();
  auto since = log_time(arguments.text("since"), now);
  auto until = log_time(arguments.text("until"), now);
  if (!since) return session.usage_error("--since: " + since.error().text());
  if (!until) return session.usage_error("--until: " + until.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  http::Query query;
  query.add("filters", docker::filters_text({{"label", {"com.docker.compose.project=" + project_name}}}));
  if (!until->empty()) query.add("until", *until);
  Result<bool> as_json = wants_json(arguments);
  if (!as_json) return session.usage_error(as_json.error().text());
  // Without the "?".
  std::string parameters = query.text().substr(1);
  TRY(follow_events(session, parameters, http::percent_encode(*since), [&](const Json& event) {
    std::string service =
        string_or(member(member(event, "Actor"), "Attributes"), "com.docker.compose.service");
    const auto& wanted = arguments.words;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), service) == wanted.end()) return true;
    print_line(*as_json ? to_text(json_of(event)) : text_of(event));
    return true;
  }));
  return 0;
}

}  // namespace

const Command kEvents{
    .name = "events",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Follow the events of the project's containers",
    .details = "",
    .examples = kEventsExamples,
    .flags = kEventsFlags,
    .words_are_services = true,
    .run = run_events,
};

}  // namespace stack::cli
