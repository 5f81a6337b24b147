#include "engine/project/project_command.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace stack::engine {

namespace {

constexpr std::array<std::string_view, 3> kStopping{"down", "stop", "kill"};

bool is_stopping(std::string_view verb) {
  return std::find(kStopping.begin(), kStopping.end(), verb) != kStopping.end();
}

bool ends_with_its_client(std::string_view verb) {
  return verb == "build" || verb == "pull" || verb == "run";
}

}  // namespace

void ProjectCommand::fail(const Error& error) const { tell(error_event(error)); }

void ProjectCommand::client_left() {
  if (!abandoned_at_) abandoned_at_ = Clock::now();
  if (ends_with_its_client(verb_)) cancellation_->cancel("the client disconnected");
}

bool ProjectCommand::preempts(const ProjectCommand& earlier) const {
  if (is_stopping(earlier.verb_)) return false;
  if (is_stopping(verb_)) return true;
  // A starting engine uses `start` for containers that were running.
  bool replaceable = earlier.verb_ == "up" || earlier.verb_ == "start";
  return verb_ == "up" && replaceable && earlier.abandoned_at_.has_value();
}

CommandPtr own_command(const std::string& verb, const std::string& project) {
  auto command = std::make_shared<ProjectCommand>(verb, [project](const OrderedJson& event) {
    std::string kind = event.value("event", "");
    if (kind == "error" || kind == "warning")
      log_warning("project " + project + ": " + event.value("text", ""));
  });
  command->client_left();
  return command;
}

OrderedJson error_event(const Error& error) {
  int code = 1;
  if (error.kind() == ErrorKind::NoCommand) code = 127;
  if (error.kind() == ErrorKind::NotExecutable) code = 126;
  if (error.kind() == ErrorKind::Canceled) code = 130;
  return {{"event", "error"}, {"text", error.text()}, {"code", code}, {"detail", Json::array()}};
}

}  // namespace stack::engine
