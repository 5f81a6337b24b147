// Programs that the tests of clusters run, and what they need of the machine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/process.h"

namespace stack::beyond {

struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// The value of a variable of this process; "" if it is not set.
std::string variable(const char* name);
// The program's path, also looked for where only root's PATH leads; "" if it is not installed.
std::string found_in_path(const std::string& program);
// The engine root with the images of `e2e_run --prepare-images`.
std::string image_cache();
// Runs a program without the variables that choose an engine or a project; out holds both streams.
CommandResult run_program(const std::string& program, std::vector<std::string> args,
                          std::map<std::string, std::string> env = {}, const std::string& directory = "");
// The two halves of it.
SpawnRequest program_request(const std::string& program, std::vector<std::string> args,
                             std::map<std::string, std::string> env = {}, const std::string& directory = "");
CommandResult run_request(SpawnRequest request);
// ip(8) with these words; fails the calling test if that fails.
void run_ip(const std::string& words);
// SIGKILL for every process in the network namespace.
void kill_in_namespace(const std::string& name);

}  // namespace stack::beyond
