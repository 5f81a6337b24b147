// The kernel resources of a running container: its network, from the first start to the final stop (restarts by policy
// keep it), and its process with its monitor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/fd.h"
#include "model/restart_policy.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// An attachment whose stream has not arrived yet.
struct PendingAttach {
  explicit PendingAttach(asio::io_context& io) : arrived(io) {}
  std::optional<Result<Fd>> value;
  Signal arrived;
  asio::steady_timer::time_point deadline = asio::steady_timer::time_point::max();  // of the monitor's answer
};

// One run of the container's command.
struct ContainerProcess {
  explicit ContainerProcess(asio::io_context& io) : control(io) {}

  asio::posix::stream_descriptor control;  // connection to the monitor
  pid_t monitor_pid = -1;
  Fd monitor_pidfd;  // empty if the monitor is not our child
  Fd pidfd;
  runtime::Stdio stdio;
  std::optional<runtime::Exited> ended;  // from the monitor's greeting: it exited while no engine was running
  bool readers_lost = false;  // from the greeting: attached clients lost their connection and may return
  int attached = 0;           // number of attachments made by this engine
  uint32_t next_token = 1;
  std::map<uint32_t, std::function<void(Result<Fd>)>> attaching;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

struct ContainerRun {
  Fd netns;  // none with network_mode host
  // Duplicates of the DNS and proxy sockets that the monitor holds.
  std::vector<runtime::OwnedNamedFd> held;
  std::shared_ptr<ContainerProcess> launching;  // the process that is starting
  std::shared_ptr<ContainerProcess> process;    // the process from its start to its exit
  int pauses = 0;          // number of pauses; a probe interrupted by a pause has no result
  bool by_policy = false;  // the current start is by the restart policy
  RestartHistory restarts;
};

}  // namespace stack::engine
