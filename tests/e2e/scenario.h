// The fixture of every end-to-end test: a state root with the shared images, folders for projects, and the
// leak check.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "leaks.h"
#include "stack_command.h"

namespace stack::e2e {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

class Scenario : public ::testing::Test {
 protected:
  void SetUp() override;
  // Whether the state root is on disk instead of in memory, which makes hundreds of scenarios fast.
  virtual bool on_disk() const { return false; }
  // Takes down remaining projects, ends the engine, and fails on any difference to the initial state.
  void TearDown() override;

  StackRoot& stack() { return *stack_; }
  const std::string& folder() const { return folder_->path(); }

  // Creates a project folder `name` with this docker-compose.yml, and makes it the current project of run().
  void project(const std::string& name, const std::string& yaml);
  // Copies compose-examples/<name>.
  void example(const std::string& name);
  const std::string& name() const { return name_; }
  std::string path(const std::string& file) const { return folder() + "/" + name_ + "/" + file; }
  void write(const std::string& file, const std::string& text);

  // Runs `stack ARGS...` in the current project's folder.
  CommandResult run(const std::vector<std::string>& args, std::map<std::string, std::string> env = {},
                    std::string input = {});
  // Runs `stack docker ARGS...` there; expects success.
  CommandResult docker(const std::vector<std::string>& args, std::string input = {});
  CommandResult must_docker(const std::vector<std::string>& args, std::string input = {});
  std::unique_ptr<BackgroundCommand> start(const std::vector<std::string>& args,
                                           std::map<std::string, std::string> env = {});
  // Expects exit code 0.
  CommandResult must(const std::vector<std::string>& args, std::map<std::string, std::string> env = {});
  // Expects failure with this exit code, this text on stderr, and that nothing was created.
  CommandResult must_fail(const std::vector<std::string>& args, const std::vector<std::string>& texts,
                          int code = 1, std::map<std::string, std::string> env = {});

  // Containers of the current project.
  std::vector<RunningContainer> containers() { return stack().containers(name_); }
  std::vector<RunningContainer> containers(const std::string& service);
  // The one container of a service; if there is not exactly one, fails and returns an empty one.
  RunningContainer container(const std::string& service);
  // Its address on its first network; "" if it has none.
  std::string address(const std::string& service);
  // IDs by name, to compare before and after.
  std::map<std::string, std::string> ids();
  // `stack exec -T SERVICE sh -c SCRIPT`: stdout without its last newline, or "exit N: ...".
  std::string inside(const std::string& service, const std::string& script);
  // Reads a file as seen by the container's first process, without an exec.
  std::string file_in(const RunningContainer& container, const std::string& path);
  // Expects that no object of any project exists.
  void expect_nothing_left();

 private:
  void down_everything();

  Snapshot before_;
  std::optional<TemporaryDirectory> folder_;
  void make_root();

  std::optional<TemporaryDirectory> root_;
  std::unique_ptr<StackRoot> stack_;
  std::string name_;
};

}  // namespace stack::e2e
