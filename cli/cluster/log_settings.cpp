#include "cli/cluster/log_settings.h"

#include <chrono>

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/log_follow.h"

namespace stack::cli::cluster {

Result<LogSettings> log_settings(const Arguments& arguments) {
  LogSettings out;
  out.tail = arguments.text("tail", "all");
  out.follow = arguments.is_set("follow");
  if (out.tail != "all" && !is_all_digits(out.tail))
    return invalid("invalid value \"" + out.tail + "\" for --tail: must be a number or all");
  if (!arguments.given("since")) return out;
  TRY_ASSIGN(out.since, log_time(arguments.text("since"), std::chrono::system_clock::now()));
  return out;
}

LogPrinter log_printer(const Session& session, const Arguments& arguments, const std::string& project,
                       std::vector<std::string> labels) {
  LogStyle style;
  style.color = session.out().color && !arguments.is_set("no-color");
  style.prefix = !arguments.is_set("no-log-prefix");
  style.timestamps = arguments.is_set("timestamps");
  LogPrinter out(style, project, [](int, std::string_view text) { print(text); });
  out.expect(std::move(labels));
  return out;
}

Json log_line(const std::string& container, const std::string& service, const std::string& stream,
              const std::string& text) {
  size_t blank = text.find(' ');
  return {{"container", container},
          {"service", service},
          {"stream", stream},
          {"time", text.substr(0, blank)},
          {"text", blank == std::string::npos ? "" : text.substr(blank + 1)}};
}

}  // namespace stack::cli::cluster
