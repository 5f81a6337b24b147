// What all targets' deployments have in common: options, progress, and result.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::targets {

struct DeployOptions {
  bool wait = true;
  std::chrono::seconds timeout{600};
  std::set<std::string> rolls_back;  // services whose failed update is undone
  std::function<bool()> canceled;    // asked several times a second
  // Events in the format of docs/API.md, for the progress display.
  std::function<void(const Json& line)> on_line;
};

struct DeployResult {
  bool ok = false;
  int exit_code = 1;
  size_t changed = 0;
  std::string error;                // "service migrate: exited with code 4"
  std::vector<std::string> detail;  // the last lines of the container that failed, or events
};

// Sends events to the progress display.
class EventLines {
 public:
  explicit EventLines(std::function<void(const Json& line)> to) : to_(std::move(to)) {}
  void send(const Json& line) const {
    if (to_) to_(line);
  }
  void action(int id, const std::string& state, const std::string& error = "") const;
  void wait(int id, const std::string& text) const;

 private:
  std::function<void(const Json& line)> to_;
};

}  // namespace stack::targets
