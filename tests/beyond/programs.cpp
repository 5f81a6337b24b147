#include "programs.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"

namespace stack::beyond {

namespace {

std::vector<std::string> environment_with(std::map<std::string, std::string> more) {
  for (char** at = environ; *at != nullptr; ++at) {
    std::string word = *at;
    std::string name = word.substr(0, word.find('='));
    bool ours = name.starts_with("STACK_") || name.starts_with("DOCKER_") || name.starts_with("COMPOSE_");
    if (!ours) more.emplace(name, word.substr(name.size() + 1));
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

}  // namespace

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string found_in_path(const std::string& program) {
  for (const std::string& folder : split(variable("PATH") + ":/usr/sbin:/sbin", ':'))
    if (!folder.empty() && ::access((folder + "/" + program).c_str(), X_OK) == 0)
      return folder + "/" + program;
  return "";
}

std::string image_cache() {
  std::string named = variable("STACK_TEST_IMAGE_CACHE");
  return (named.empty() ? std::string(STACK_BUILD_DIR) + "/e2e-images" : named) + "/root";
}

SpawnRequest program_request(const std::string& program, std::vector<std::string> args,
                             std::map<std::string, std::string> env, const std::string& directory) {
  SpawnRequest request;
  request.program = program;
  request.args = std::move(args);
  request.env = environment_with(std::move(env));
  request.replace_env = true;
  request.directory = directory;
  return request;
}

CommandResult run_request(SpawnRequest request) {
  CommandResult out;
  auto done = run_captured(std::move(request));
  if (!done) {
    out.err = done.error().text();
    return out;
  }
  out.exit_code = done->exit_code;
  out.out = done->output;
  return out;
}

CommandResult run_program(const std::string& program, std::vector<std::string> args,
                          std::map<std::string, std::string> env, const std::string& directory) {
  return run_request(program_request(program, std::move(args), std::move(env), directory));
}

void run_ip(const std::string& words) {
  CommandResult done = run_program("ip", split(words, ' '));
  EXPECT_EQ(done.exit_code, 0) << "ip " << words << ": " << done.out << done.err;
}

void kill_in_namespace(const std::string& name) {
  for (const std::string& pid : split(run_program("ip", {"netns", "pids", name}).out, '\n'))
    if (is_all_digits(pid)) ::kill(std::stoi(pid), SIGKILL);
}

}  // namespace stack::beyond
