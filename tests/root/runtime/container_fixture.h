// A container for one test: its own state folders, busybox as the root file system, and the messages that the
// engine sees.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/launch/exec.h"
#include "runtime/monitor/client.h"

namespace stack::runtime::test {

// The messages of a container, in order.
struct Observed {
  std::optional<Created> created;
  std::optional<Started> started;
  std::optional<Failed> failed;
  std::optional<Exited> exited;
  std::optional<Hello> hello;
  std::map<uint32_t, Fd> attached;
  std::vector<std::string> refused;
  int oom_kills = 0;
  bool stdin_closed = false;
  bool closed = false;
};

// Reads messages until `done` returns true; fails the test after a minute.
void observe(int control, Observed& seen, const std::function<bool(const Observed&)>& done);

class Container {
 public:
  Container();
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  // Defaults with `sh -c script`; the test may change them before start().
  Json spec;
  LaunchRequest request;

  void command(const std::vector<std::string>& args) { spec["process"]["args"] = args; }
  void script(const std::string& text) { command({"sh", "-c", text}); }

  // Launches the container; returns when it runs or has failed.
  Observed& start();
  // Waits for the end, acknowledges it, and reaps the monitor. Returns the exit code, -1 if the start failed.
  int wait();
  int run() {
    start();
    return wait();
  }
  void acknowledge();

  // The "log" members of all log lines of a stream, joined.
  std::string output(const std::string& stream = "stdout") const;
  // Its stdout when it has this many lines, or its current stdout after five seconds.
  std::string output_of_lines(int lines) const;
  std::vector<Json> log_lines(const std::string& file = "log.json") const;

  Observed& seen() { return seen_; }
  Monitor& monitor() { return monitor_; }
  std::string root() const { return folder_ + "/rootfs"; }
  std::string folder() const { return folder_; }
  std::string cgroup() const { return request.cgroup_path; }
  pid_t pid() const { return seen_.started ? seen_.started->pid : -1; }

  // Runs a script in the container; output is stdout and stderr combined.
  struct ExecResult {
    Observed seen;
    int exit_code = -1;
    std::string output;
  };
  ExecResult exec(const std::string& text) { return exec_process(exec_process_json({"sh", "-c", text})); }
  ExecResult exec_process(const Json& process);
  Json exec_process_json(const std::vector<std::string>& args) const;

 private:
  std::string folder_;
  Monitor monitor_;
  Observed seen_;
  bool reaped_ = false;
};

const MonitorProgram& program();
const std::string& default_filter();
std::string read_everything(int fd);
// The output of `command` on the host.
std::string host_output(const std::string& command);

}  // namespace stack::runtime::test
