// What a container has in the kernel while it lives: its network, from the first start to the final stop
// (policy restarts keep it), and its process with the monitor that watches it.
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

// One run of the container's command.
struct ContainerProcess {
  explicit ContainerProcess(asio::io_context& io) : control(io) {}

  asio::posix::stream_descriptor control;  // to the monitor
  pid_t monitor_pid = -1;
  Fd monitor_pidfd;  // empty where the monitor is not our child
  Fd pidfd;
  runtime::Stdio stdio;
  std::optional<runtime::Exited>
      ended;                  // told by the monitor's greeting: it exited while no engine was there
  bool readers_lost = false;  // told by the greeting: attached clients were cut off, and may come back
  int attached = 0;           // attachments that were made, by this engine
  uint32_t next_token = 1;
  std::map<uint32_t, std::function<void(Result<Fd>)>> attaching;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

struct ContainerRun {
  Fd netns;  // none with network_mode host
  // Duplicates of DNS and proxy sockets, as the monitor holds them.
  std::vector<runtime::OwnedNamedFd> held;
  std::shared_ptr<ContainerProcess> launching;  // the process whose start is being waited for
  std::shared_ptr<ContainerProcess> process;    // from its start to its end
  int pauses = 0;          // so far: a health probe that was frozen half-way says nothing
  bool by_policy = false;  // the present start is the restart policy's
  RestartHistory restarts;
};

}  // namespace stack::engine
