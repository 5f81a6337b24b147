#include "docker/build_message.h"

#include <charconv>
#include <optional>

#include "docker/transfer_message.h"

namespace stack::docker {

namespace {

struct FailedCommand {
  std::string command;
  int code = 0;
};

// `Dockerfile:2: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3`, followed by lines of output.
std::optional<FailedCommand> failed_command(const std::string& text) {
  constexpr std::string_view kBegin = "process \"";
  constexpr std::string_view kMiddle = "\" did not complete successfully: exit code: ";
  size_t begin = text.find(kBegin);
  size_t middle = text.find(kMiddle);
  if (begin == std::string::npos || middle == std::string::npos || middle < begin) return std::nullopt;
  FailedCommand out;
  begin += kBegin.size();
  out.command = text.substr(begin, middle - begin);
  const char* digits = text.data() + middle + kMiddle.size();
  if (std::from_chars(digits, text.data() + text.size(), out.code).ec != std::errc{}) return std::nullopt;
  return out;
}

}  // namespace

std::string classic_step(int place, int places, const std::string& text) {
  return "Step " + std::to_string(place) + "/" + std::to_string(places) + " : " + text;
}

std::string classic_stderr(const std::string& line) { return "\x1b[91m" + line + "\n\x1b[0m"; }

OrderedJson build_error_message(const std::string& text) {
  std::optional<FailedCommand> failed = failed_command(text);
  if (!failed) return error_message(text);
  std::string message =
      "The command '" + failed->command + "' returned a non-zero code: " + std::to_string(failed->code);
  return {{"errorDetail", {{"code", failed->code}, {"message", message}}}, {"error", message}};
}

}  // namespace stack::docker
