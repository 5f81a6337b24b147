// A bundle with busybox as its root, a state root of its own, and the program stack-runtime called on them as
// a user calls it.
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
  std::string output;  // standard output and error together
};

class Bundle {
 public:
  Bundle();
  // Removes every container that is left, and expects that nothing of them stays.
  ~Bundle();
  Bundle(const Bundle&) = delete;
  Bundle& operator=(const Bundle&) = delete;

  // What config.json will hold: PATH, no network, no seccomp filter; the test changes it.
  Json spec;

  void command(const std::vector<std::string>& args) { spec["process"]["args"] = args; }
  void script(const std::string& text) { command({"sh", "-c", text}); }
  // Adds to linux.namespaces, or gives one a path.
  void set_namespace(const std::string& type, const std::string& path = {});
  void drop_namespace(const std::string& type);

  // stack-runtime --root ... COMMAND ARGUMENTS; config.json is written first where `words` create or run.
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
  // A file of the container's root, "" where there is none.
  std::string file(const std::string& path) const;
  // An executable shell script on the host, its path.
  std::string host_script(const std::string& name, const std::string& text);

 private:
  void write_config();

  std::string folder_;
  std::string name_;
};

// Everything `command` prints on the host.
std::string host_output(const std::string& command);

}  // namespace stack::runtime::test
