// A state root, controlled through the real `stack` program and observed through its API, its files, and /proc.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "command.h"
#include "probe.h"

namespace stack::e2e {

struct RunningContainer {
  std::string id;
  std::string name;
  std::string service;
  std::string state;   // "running", "exited", ...
  std::string health;  // "" without a health check
  int exit_code = 0;
  int restarts = 0;
  pid_t pid = 0;  // of its first process; 0 if none runs
  std::string image_id;
  std::vector<std::string> addresses;  // IPv4, one per network
};

class StackRoot {
 public:
  StackRoot(std::string root, std::string run_root);

  const std::string& root() const { return root_; }
  const std::string& run_root() const { return run_root_; }
  std::string socket() const { return run_root_ + "/stack.sock"; }

  // {".../bin/stack", "--root", ..., args...}
  std::vector<std::string> argv(const std::vector<std::string>& args) const;
  CommandResult run(const std::vector<std::string>& args, const CommandOptions& options = {}) const;

  // Starts the engine if none serves.
  ApiAnswer api(const std::string& method, const std::string& path, const Json& body = nullptr) const;

  // All containers of a project by name, including stopped ones, without those of `stack run`.
  std::vector<RunningContainer> containers(const std::string& project) const;

  // The engine's process, 0 if none runs.
  pid_t engine_pid() const;
  // Sends SIGKILL and waits for the end.
  void kill_engine() const;
  // Asks the engine to end and waits for it.
  void shut_down() const;

 private:
  std::string root_;
  std::string run_root_;
};

// The folder with stack, stackd, and stack-monitor: $STACK_TEST_BIN, by default the build folder's bin.
std::string program_folder();

// IDs of processes whose command line contains `text`.
std::vector<pid_t> processes_with(const std::string& text);
// Field 22 of /proc/PID/stat: distinguishes a process from a later one with the same ID. 0: no such process.
uint64_t start_time_of(pid_t pid);

}  // namespace stack::e2e
