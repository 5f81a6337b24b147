// Running programs with their output kept apart, a deadline, and a look at them while they run.
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
  std::map<std::string, std::string> env;  // added to ours; COMPOSE_* and STACK_* of ours are left out
  std::string input;
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
};

struct CommandResult {
  int code = -1;  // as a shell shows it; -1: killed at the deadline
  std::string out;
  std::string err;
  std::chrono::milliseconds took{};
  // For messages of failed expectations.
  std::string text() const;
};

CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options = {});

// A program that runs beside the test; killed on destruction.
class BackgroundCommand {
 public:
  BackgroundCommand(const std::vector<std::string>& argv, const CommandOptions& options = {});
  BackgroundCommand(const BackgroundCommand&) = delete;
  BackgroundCommand& operator=(const BackgroundCommand&) = delete;
  ~BackgroundCommand();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // What it has written to stdout and stderr so far.
  std::string output() const;
  // Waits for a text in the output.
  bool says(const std::string& text, std::chrono::milliseconds within) const;
  // Waits for its end; -1 where it does not end in time.
  int wait(std::chrono::milliseconds within = std::chrono::seconds(60));

 private:
  pid_t pid_ = -1;
  std::string output_file_;
  std::optional<int> code_;
};

// A time limit as the machine needs it: times $STACK_TEST_SLOWNESS, which an emulated one sets. Limits of tests are for a
// failure to end, so a generous one costs nothing.
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
