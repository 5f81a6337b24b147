// A shell in which `docker` and `docker-compose` are this program, with images under the names that tutorials pull.
#pragma once

#include <unistd.h>

#include "scenario.h"

namespace stack::e2e {

inline constexpr const char* kTutorialBase = "debian:bookworm-slim";

class Tutorial : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (HasFatalFailure()) return;
    std::string bin = folder() + "/bin";
    ASSERT_EQ(run_command({"mkdir", "-p", bin, folder() + "/work"}).code, 0);
    for (const char* name : {"docker", "docker-compose"})
      ASSERT_EQ(::symlink((program_folder() + "/stack").c_str(), (bin + "/" + name).c_str()), 0);
    // Names that the tutorials pull.
    shell(std::string("docker tag ") + kTutorialBase + " ubuntu && docker tag " + kTutorialBase +
          " ubuntu:18.04");
  }
  void TearDown() override {
    if (!HasFatalFailure()) shell("docker ps -aq | xargs -r docker rm -f -v; docker volume prune -af");
    Scenario::TearDown();
  }

  CommandResult try_shell(const std::string& script, const std::string& input = {}) {
    CommandOptions options;
    options.directory = folder() + "/work";
    options.env = {{"PATH", folder() + "/bin:" + std::getenv("PATH")},
                   {"STACK_ROOT", stack().root()},
                   {"STACK_RUN_ROOT", stack().run_root()},
                   {"STACK_LIBEXEC", program_folder()},
                   {"DOCKER_CONFIG", folder() + "/.docker"},
                   {"HOME", folder()}};
    options.input = input;
    return run_command({"sh", "-c", script}, options);
  }
  // stdout without its last newline; a failure where the exit code is not 0.
  std::string shell(const std::string& script, const std::string& input = {}) {
    CommandResult result = try_shell(script, input);
    EXPECT_EQ(result.code, 0) << script << "\n" << result.text();
    if (result.out.ends_with('\n')) result.out.pop_back();
    return result.out;
  }
  // In a terminal of its own: `input` is what is typed, a second later, as a person would: before the terminal is in raw
  // mode it keeps Ctrl-Q to itself.
  CommandResult terminal(const std::string& command, const std::string& input) {
    return try_shell("(sleep 1; cat) | script -qec '" + command + "' /dev/null", input);
  }
  void put(const std::string& file, const std::string& text) {
    ASSERT_TRUE(write_file(folder() + "/work/" + file, text));
  }
};

}  // namespace stack::e2e
