// A bundle with busybox as its root and a separate state root, on which stack-runtime is called like by a user.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/json.h"

namespace stack::runtime::test {

struct Ran {
  int code = -1;
  std::string output;  // stdout and stderr combined
};

class Bundle {
 public:
  Bundle();
  // Removes all remaining containers, and expects that nothing remains of them.
  ~Bundle();
  Bundle(const Bundle&) = delete;
  Bundle& operator=(const Bundle&) = delete;

  // The contents of config.json: PATH, no network, no seccomp filter; tests change it.
  Json spec;

  void command(const std::vector<std::string>& args) { spec["process"]["args"] = args; }
  void script(const std::string& text) { command({"sh", "-c", text}); }
  // Adds a namespace to linux.namespaces, or sets its path.
  void set_namespace(const std::string& type, const std::string& path = {});
  void drop_namespace(const std::string& type);

  // Runs stack-runtime --root ... COMMAND ARGUMENTS; first writes config.json if `words` create or run a container.
  Ran call(const std::vector<std::string>& words, const std::map<std::string, std::string>& env = {},
           const std::map<int, int>& fds = {});
  Ran run(const std::vector<std::string>& flags = {});
  // Creates the container "box".
  Ran create(const std::vector<std::string>& flags = {});
  std::string status(const std::string& id = "box");
  pid_t pid(const std::string& id = "box");
  // Waits up to ten seconds.
  bool wait_for_status(const std::string& wanted, const std::string& id = "box");
  bool wait_for_file(const std::string& path);

  std::string folder() const { return folder_; }
  std::string root() const { return folder_ + "/rootfs"; }
  std::string state_root() const { return folder_ + "/state"; }
  std::string cgroup() const { return "/stack-test-oci-" + name_; }
  // A file in the container's root, "" if it does not exist.
  std::string file(const std::string& path) const;
  // Creates an executable shell script on the host and returns its path.
  std::string host_script(const std::string& name, const std::string& text);

 private:
  void write_config();

  std::string folder_;
  std::string name_;
};

// The output of `command` on the host.
std::string host_output(const std::string& command);

}  // namespace stack::runtime::test
