// Runs containers: from the launch of a process to its exit, and restarts by policy. One coroutine supervises each
// running container; other code communicates with it by signals.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/container/container_run.h"
#include "engine/container/container_volumes.h"
#include "engine/container/monitor_requests.h"
#include "engine/logs/log_compressor.h"

namespace stack::engine {

class Supervisor {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Supervisor(Context& context, ContainerParts& parts, const ContainerFacts& facts, ContainerVolumes& volumes,
             MonitorRequests& requests)
      : context_(context),
        parts_(parts),
        facts_(facts),
        volumes_(volumes),
        requests_(requests),
        compressor_(context) {}

  // From Stopped to Running, or back to Stopped.
  Task<Result<>> begin_run(ContainerPtr container);
  // Supervises a container that an earlier engine started. Its network must be adopted.
  void resume(ContainerPtr container);
  // Aborts a launch in progress: its launcher will not report a start.
  static void end_launch(ContainerRun& run);
  // Sends the stop signal and waits; returns false at the deadline. `thaw`: the container was paused.
  Task<bool> signal_until_ended(ContainerPtr container, int signal, Deadline deadline, bool thaw);
  Task<bool> kill_until_ended(ContainerPtr container, std::shared_ptr<ContainerRun> run);
  // Waits until the run ends; returns false at the deadline. A monitor that does not report a visible exit may be
  // stopped: it is continued, and if that does not help, replaced.
  Task<bool> await_end(ContainerPtr container, std::shared_ptr<ContainerRun> run, Deadline deadline);

  // A command started, for health probes.
  std::function<void(ContainerPtr)> on_started;
  // A container with `--rm` ended and must be removed.
  std::function<void(ContainerPtr)> on_removable;

 private:
  Task<> fail_start(ContainerPtr container, Error error);
  Result<std::shared_ptr<ContainerProcess>> spawn_monitor(const Container& container,
                                                          runtime::LaunchRequest request,
                                                          const std::map<std::string, Fd>& sources);
  Task<Result<>> launch(ContainerPtr container);
  void became_running(ContainerPtr container, std::shared_ptr<ContainerProcess> process,
                      runtime::Started started);
  void watch_log(const Container& container);
  Task<> reap_monitor(std::shared_ptr<ContainerProcess> process);
  Task<> serve_returning_readers(std::shared_ptr<ContainerProcess> process);
  Task<> supervise(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                   std::shared_ptr<ContainerProcess> process);
  Task<bool> replace_monitor(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                             std::shared_ptr<ContainerProcess> process);
  static void note_end(Container& container, const runtime::Exited& end);
  Task<> exited(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                std::shared_ptr<ContainerProcess> process, runtime::Exited exit);
  Task<> restart_by_policy(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                           std::chrono::milliseconds delay);
  Task<> finish(ContainerPtr container, bool ended);

  Context& context_;
  ContainerParts& parts_;
  const ContainerFacts& facts_;
  ContainerVolumes& volumes_;
  MonitorRequests& requests_;
  LogCompressor compressor_;
};

}  // namespace stack::engine
