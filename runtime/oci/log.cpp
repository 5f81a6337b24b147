#include "runtime/oci/log.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>

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
  if (to.file && level != Level::Error) return;
  std::string text = "stack-runtime: " + std::string(level == Level::Warning ? "warning: " : "");
  text += message;
  text += '\n';
  (void)write_all(STDERR_FILENO, text);
}

std::string time_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  std::array<char, 40> text{};
  size_t used = ::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 16> rest{};
  (void)std::snprintf(rest.data(), rest.size(), ".%09ldZ", now.tv_nsec);
  return std::string(text.data(), used) + rest.data();
}

}  // namespace stack::runtime::oci
