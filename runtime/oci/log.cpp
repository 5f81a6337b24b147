#include "runtime/oci/log.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/files.h"
#include "base/json.h"

namespace stack::runtime::oci {

namespace {

struct Destination {
  Fd file;
  bool json = false;
  bool debug = false;
};

Destination& destination() {
  static Destination only;
  return only;
}

std::string_view level_name(Level level) {
  if (level == Level::Debug) return "debug";
  return level == Level::Warning ? "warning" : "error";
}

}  // namespace

std::string log_line(bool json, Level level, std::string_view message, std::string_view time) {
  if (json) return to_text(Json{{"level", level_name(level)}, {"msg", message}, {"time", time}}) + "\n";
  return "time=\"" + std::string(time) + "\" level=" + std::string(level_name(level)) +
         " msg=" + to_text(Json(message)) + "\n";
}

Result<> open_log(const GlobalOptions& global) {
  Destination& to = destination();
  to.json = global.log_json;
  to.debug = global.debug;
  if (global.log_path.empty()) return {};
  TRY_ASSIGN(to.file, open_file(global.log_path, O_WRONLY | O_CREAT | O_APPEND, 0644).in("--log"));
  return {};
}

void log(Level level, std::string_view message) {
  const Destination& to = destination();
  if (level == Level::Debug && !to.debug) return;
  if (to.file) (void)write_all(to.file.get(), log_line(to.json, level, message, time_now()));
  // The container usually shares our stderr, so only fatal errors belong there.
  if (level != Level::Error && !to.debug) return;
  std::string text = "stack-runtime: " + std::string(level == Level::Warning ? "warning: " : "");
  text += message;
  text += '\n';
  (void)write_all(STDERR_FILENO, text);
}

std::string time_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  // Not gmtime_r(3), which reads the machine's time zone first.
  using namespace std::chrono;
  sys_seconds moment{seconds(now.tv_sec)};
  year_month_day date{floor<days>(moment)};
  hh_mm_ss time{moment - floor<days>(moment)};
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09ldZ", int{date.year()},
                      unsigned{date.month()}, unsigned{date.day()}, static_cast<int>(time.hours().count()),
                      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                      now.tv_nsec);
  return text.data();
}

}  // namespace stack::runtime::oci
