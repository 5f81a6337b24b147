// The life cycle of containers: create, start, stop, restart by policy, remove, and adoption by the next engine. One
// coroutine supervises each running container; other code communicates with it by signals.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/container/leftovers.h"
#include "engine/container/oci_config.h"
#include "engine/logs/log_compressor.h"
#include "engine/network/network_service.h"
#include "engine/state/context.h"
#include "images/layer/layer_changes.h"
#include "images/store/store.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/monitor/client.h"
#include "runtime/rootfs/container_files.h"
#include "volumes/volume_store.h"

namespace stack::engine {

// The parts of the engine that containers use.
struct ContainerParts {
  images::ImageStore& images;
  volumes::VolumeStore& volumes;
  NetworkService& networks;
  runtime::Cgroups cgroups;
  runtime::MonitorProgram monitor_program;
};

// A compiled seccomp profile. Not an aggregate, for g++ 12 as below.
struct SeccompFilter {
  SeccompFilter() {}
  std::string bpf;     // empty: no filter
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_*
};

struct PendingAttach;

class ContainerService {
 public:
  ContainerService(Context& context, ContainerParts& parts)
      : context_(context), parts_(parts), compressor_(context) {}

  // Recovers the state of a previous engine: adopts running containers, completes interrupted work, removes objects
  // known to have no owner, and returns stopped containers that their restart policy starts again. Call once, before
  // serving.
  Task<Result<std::vector<ContainerPtr>>> recover();
  // Objects without an owner. `repair` removes them, except those that a lost record may own.
  Task<std::vector<Leftover>> sweep(bool repair);
  // Removes the remains of a container whose record is lost or unreadable, including its data.
  Task<Result<>> give_up(std::string id);
  // The engine ends intentionally, so monitors must not restart it immediately.
  void leave();
  // Whether any container needs an engine.
  bool any_alive() const;

  // Not an aggregate: g++ 12 copies temporaries of aggregates bitwise into coroutine frames.
  struct CreateOptions {
    CreateOptions() {}
    ContainerPtr volumes_of;  // take over its anonymous volumes with the same mount points
    std::string config_text;
  };
  // Resolves image and mounts, creates and fills volumes. The image must be local. Conflict if the name is in use.
  Task<Result<ContainerPtr>> create(ContainerSpec spec, CreateOptions options);
  // false: it was already running.
  Task<Result<bool>> start(ContainerPtr container);
  // false: it was not running. nullopt: the container's own timeout; negative: no timeout. "" = its own signal.
  Task<Result<bool>> stop(ContainerPtr container, std::optional<std::chrono::seconds> timeout,
                          std::string signal = "");
  Task<Result<>> restart(ContainerPtr container, std::optional<std::chrono::seconds> timeout);
  Task<Result<>> kill(ContainerPtr container, std::string signal);
  Task<Result<>> pause(ContainerPtr container);
  Task<Result<>> unpause(ContainerPtr container);
  // `volumes`: also removes anonymous volumes. Conflict for a running container without `force`.
  Task<Result<>> remove(ContainerPtr container, bool force, bool volumes);
  Task<Result<>> rename(ContainerPtr container, std::string name);
  // Container `name` no longer knows another one as `alias` (`docker rm --link name/alias`).
  Result<> remove_link(const std::string& name, const std::string& alias);
  // Limits of 0 (or "", or null) stay unchanged; a new restart policy applies from the next exit.
  Task<Result<>> update(ContainerPtr container, ResourceSpec changes, std::optional<RestartSpec> restart);

  // For clients that waited for the exit of a container when their engine died. Only the most recent containers with
  // `--rm` are remembered.
  std::optional<int> exit_code_of_removed(const std::string& id) const;

  enum class Condition { NotRunning, NextExit, Removed };
  // Returns the exit code. NotRunning returns immediately if it does not run, otherwise at the next exit of its command,
  // even if the restart policy restarts it. `stop` ends the wait.
  Task<Result<int>> wait(ContainerPtr container, Condition condition, std::stop_token stop = {});

  // Takes the place of an attachment: a stream of framed output (Docker's 8-byte headers) and, if requested, stdin, with all
  // output from now on, or from the start of a container that does not run yet.
  Result<std::shared_ptr<PendingAttach>> begin_attach(Container& container, const runtime::AttachOptions& options);
  // Waits for its stream, and for a stopped container to start. Gives up the place if it fails; Canceled on a stop request.
  Task<Result<Fd>> finish_attach(ContainerPtr container, std::shared_ptr<PendingAttach> pending,
                                 std::stop_token stop = {});
  Result<> resize(ContainerPtr container, uint16_t rows, uint16_t columns);
  // Opens its files as the container sees them, running or not; the returned function blocks. The caller must prevent a
  // stopped container from starting meanwhile (its command queue).
  Result<std::function<Result<runtime::ContainerFiles>()>> files_of(const Container& container) const;
  // Its changes relative to the image. Blocks.
  Result<std::vector<images::LayerChange>> changes(const Container& container) const;
  struct CommitRequest {
    CommitRequest() {}
    std::string comment;
    std::string author;
    bool pause = true;  // pause it while its files are copied
    Json overrides;     // an image's "config"
    std::vector<Reference> tags;
  };
  // Creates an image from its current files and configuration.
  Task<Result<images::Image>> commit(ContainerPtr container, CommitRequest request);
  // The upper directory of its root, which contains its changes.
  std::string upper_directory(const Container& container) const {
    return context_.paths.container(container.id) + "/rootfs/upper";
  }

  // Environment, user, and other defaults for exec sessions.
  Result<ImageDefaults> image_defaults(const Container& container) const;
  std::vector<std::string> environment_of(const Container& container) const;
  // The requested hostname; the machine's or the owner's if it shares their network; else the short ID.
  std::string hostname_of(const Container& container) const;
  // Resolves a user in the container's current file system.
  Result<runtime::User> resolve_user(const Container& container, const std::string& user) const;
  std::string cgroup_path(const Container& container) const {
    return context_.paths.cgroup_parent() + "/" + container.id;
  }
  std::string log_path(const Container& container) const;
  // The host path of /etc/hosts and similar files; "" before the first start.
  std::string own_file(const Container& container, const std::string& name) const;
  // Removes the empty parent cgroup once nothing runs.
  void remove_cgroup_parent();
  Result<SeccompFilter> seccomp_filter(const ContainerSpec& spec, bool privileged);

  // Set by the health service, to start and stop probes.
  std::function<void(ContainerPtr)> on_started;
  std::function<void(ContainerPtr)> on_exited;

  ContainerParts& parts() const { return parts_; }
  Context& context() const { return context_; }

 private:
  // A generated name for a container without one.
  std::string free_name() const;
  Result<> check_spec(const ContainerSpec& spec) const;
  Result<std::vector<MountPoint>> plan_mounts(const ContainerSpec& spec, const images::Image& image) const;
  Task<Result<>> make_mounts(ContainerPtr container, images::Image image);
  std::vector<std::string> own_volumes(const Container& container) const;
  Task<> discard(ContainerPtr container);
  Task<Result<bool>> start_in_turn(ContainerPtr container);
  Task<Result<>> begin_run(ContainerPtr container);
  Task<> fail_start(ContainerPtr container, Error error);
  Result<std::shared_ptr<ContainerProcess>> spawn_monitor(Container& container);
  Task<Result<>> launch(ContainerPtr container);
  static void end_launch(ContainerRun& run);
  Result<int> stop_signal(const Container& container) const;
  Task<Result<bool>> stop_now(ContainerPtr container, int signal,
                              std::optional<std::chrono::seconds> timeout);
  Task<bool> signal_until_ended(ContainerPtr container, int signal,
                                std::chrono::steady_clock::time_point deadline, bool thaw);
  Task<bool> kill_until_ended(ContainerPtr container, std::shared_ptr<ContainerRun> run);
  Task<bool> await_end(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                       std::chrono::steady_clock::time_point deadline);
  Result<runtime::LaunchRequest> launch_request(Container& container);
  Result<runtime::LogSettings> log_of(const Container& container) const;
  runtime::EngineRestart engine_restart() const;
  std::vector<std::string> mount_points(const Container& container) const;
  void watch_log(const Container& container);
  // The variables that `--link` adds to the environment. Conflict if a linked container does not run.
  Result<std::vector<std::string>> link_environment(const Container& container) const;
  Result<Json> config_of(const Container& container, const images::Image& image);
  Task<Result<>> attach_volumes(ContainerPtr container);
  Task<> detach_volumes(ContainerPtr container);
  void adopt_volumes(const std::vector<ContainerPtr>& alive);
  Result<std::vector<OciInputs::OwnFile>> write_own_files(const Container& container);
  void became_running(ContainerPtr container, std::shared_ptr<ContainerProcess> process,
                      runtime::Started started);
  Task<> serve_returning_readers(std::shared_ptr<ContainerProcess> process);
  Task<> supervise(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                   std::shared_ptr<ContainerProcess> process);
  Task<bool> replace_monitor(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                             std::shared_ptr<ContainerProcess> process);
  Task<> exited(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                std::shared_ptr<ContainerProcess> process, runtime::Exited exit);
  static void note_end(Container& container, const runtime::Exited& end);
  Task<> restart_by_policy(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                           std::chrono::milliseconds delay);
  Task<> finish(ContainerPtr container, bool ended);
  Task<> reap_monitor(std::shared_ptr<ContainerProcess> process);

  enum class Adoption { Gone, Running, Unreachable };
  Result<> load();
  Task<std::vector<Adoption>> adopt_all(std::vector<ContainerPtr> all);
  // Running: it runs, or its monitor reported its exit.
  Task<Adoption> adopt(ContainerPtr container);
  Task<Result<runtime::Hello>> reach(ContainerPtr container, std::shared_ptr<ContainerProcess> process);
  Task<Result<runtime::Hello>> take_over(ContainerPtr container, std::shared_ptr<ContainerProcess> process);
  runtime::AdoptRequest adopt_request(const Container& container) const;
  void note_lost(Container& container);
  bool comes_back(Container& container);
  Owners owners() const;

  Context& context_;
  ContainerParts& parts_;
  LogCompressor compressor_;
  std::map<std::string, Fd> unreadable_monitors_;         // monitors of containers with unreadable records
  std::map<std::string, SeccompFilter> seccomp_filters_;  // by profile and capabilities
  std::deque<std::pair<std::string, int>> removed_;       // IDs and exit codes
};

// "SIGTERM", "TERM" or "15" to a number; Invalid otherwise.
Result<int> parse_signal(const std::string& text);
// Docker's name rule: at least two letters, digits, "_", ".", or "-", starting with a letter or digit.
Result<> check_container_name(const std::string& name);

}  // namespace stack::engine
