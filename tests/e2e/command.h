// Runs programs with separate outputs and a deadline, and observes them while they run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stack::e2e {

struct CommandOptions {
  std::string directory;
  std::map<std::string, std::string> env;  // added to ours, without our COMPOSE_* and STACK_* variables
  std::string input;
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
};

struct CommandResult {
  int code = -1;  // as in a shell; -1: killed at the deadline
  std::string out;
  std::string err;
  std::chrono::milliseconds took{};
  // For messages of failed expectations.
  std::string text() const;
};

CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options = {});

// A program that runs during the test; killed on destruction.
class BackgroundCommand {
 public:
  BackgroundCommand(const std::vector<std::string>& argv, const CommandOptions& options = {});
  BackgroundCommand(const BackgroundCommand&) = delete;
  BackgroundCommand& operator=(const BackgroundCommand&) = delete;
  ~BackgroundCommand();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Its output on stdout and stderr so far.
  std::string output() const;
  // Waits for a text in the output.
  bool says(const std::string& text, std::chrono::milliseconds within) const;
  // Waits for its end; -1 if it does not end in time.
  int wait(std::chrono::milliseconds within = std::chrono::seconds(60));

 private:
  pid_t pid_ = -1;
  std::string output_file_;
  std::optional<int> code_;
};

// A time limit adapted to the machine: multiplied by $STACK_TEST_SLOWNESS, which emulated machines set. Only
// failures reach the limits, so generous ones cost nothing.
std::chrono::milliseconds patiently(std::chrono::milliseconds limit);

// Polls until `condition` holds; false at the deadline.
template <typename Condition>
bool eventually(std::chrono::milliseconds within, Condition condition);

void pause_briefly();

template <typename Condition>
bool eventually(std::chrono::milliseconds within, Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + patiently(within);
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    pause_briefly();
  }
}

}  // namespace stack::e2e
