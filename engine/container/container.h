// One container in the engine: its stored record and its running state.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/units.h"
#include "engine/container/command_queue.h"
#include "engine/container/life.h"
#include "model/address.h"
#include "model/container.h"
#include "model/container_id.h"
#include "model/health.h"
#include "model/protocol.h"
#include "model/restart_policy.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// The source of a mount, resolved when the container is created.
struct MountSource {
  std::string path;        // on the host: the bound path; none for tmpfs and image
  std::string volume;      // Volume: its name
  bool anonymous = false;  // an unnamed volume, removed by `rm -v`
};

// A resolved mount, as shown by `docker inspect` and mounted by the runtime. The target is a clean path.
struct MountPoint {
  MountSpec spec;
  MountSource source;
};

// One attachment to a network. The next start reuses the address if it is still free.
struct Endpoint {
  EndpointSpec spec;
  std::string network_id;
  std::string endpoint_id;
  std::string interface_name;  // "eth0"
  // From this attachment or the previous one.
  std::optional<Cidr> ipv4;
  std::optional<Cidr> ipv6;
  std::string mac;
  bool attached = false;

  std::optional<Cidr>& address(Family family) { return family == Family::V4 ? ipv4 : ipv6; }
  const std::optional<Cidr>& address(Family family) const { return family == Family::V4 ? ipv4 : ipv6; }
  std::vector<IpAddress> addresses() const;
};

// A published port after allocation; host_port 0: of a routed network, reached only at the container's own address.
struct PublishedPort {
  uint16_t container_port = 0;
  Protocol protocol = Protocol::Tcp;
  std::optional<IpAddress> host_ip;  // none = all addresses
  uint16_t host_port = 0;
};

// Facts about the current run, or the last one.
struct ContainerState {
  int64_t pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  // Stopped by stop or kill since the last requested start: the restart policy is suspended, and `unless-stopped` honors
  // it when the engine starts.
  bool stopped_by_user = false;
  std::string error;
  std::string started_at;  // RFC 3339; Docker's zero time if never started
  std::string finished_at;
  int restart_count = 0;
};

// A container's kernel resources from its start until it is stopped (container_run.h).
struct ContainerRun;
struct ContainerProcess;

struct Container {
  explicit Container(asio::io_context& io) : commands(io), changed(io) {}

  // Stored in the state store.
  ContainerId id;
  ContainerSpec spec;
  std::string image_id;  // "sha256:..."
  std::string created_at;
  std::vector<MountPoint> mounts;
  std::vector<Endpoint> endpoints;
  std::vector<PublishedPort> published;
  ContainerState state;
  std::string boot_id;      // ID of the boot in which it last ran
  std::string config_text;  // the planner's canonical JSON of its service

  // Stored as Docker's status; "creating" if the next engine must remove the container at its start.
  Phase phase = Phase::Making;

  // Not stored.
  std::optional<HealthState> health;  // none: no health check, or not running yet
  std::shared_ptr<ContainerRun> run;  // null in the phases Making, Stopped, and Gone
  // Ran before this engine: its client may come back for the rest of the output and the exit code.
  bool unread = false;
  size_t readers = 0;  // attached clients that have not received all output yet
  // Attachments requested before the start. The command starts after they are connected, so that they miss no output.
  struct WaitingAttach {
    runtime::AttachOptions options;
    std::function<void(Result<Fd>)> done;
    std::shared_ptr<void> owner;  // identity of the attachment
  };
  std::list<WaitingAttach> waiting_attaches;
  // Reported exits of its command, including those followed by a restart.
  struct Ends {
    uint64_t count = 0;
    int exit_code = 0;  // of the last exit
  };
  Ends ends;

  CommandQueue commands;
  Signal changed;  // notified after changes of phase, health, or facts

  // Moves to the next phase if the table says so (Verdict::Go); logs an impossible event. Callers save, publish, and
  // notify.
  Verdict take(LifeEvent event);
  ContainerStatus status() const;
  // Whether clients can see it: neither in creation nor gone.
  bool exists() const { return phase != Phase::Making && phase != Phase::Gone; }
  bool leaving() const { return phase == Phase::Removing || phase == Phase::Gone; }
  // Whether its command has started and not exited.
  bool has_process() const;
  bool running() const { return has_process() && !leaving(); }
  bool alive() const { return running() || status() == ContainerStatus::Restarting; }
  std::string short_id() const { return id.short_text(); }
  std::string label(const std::string& key) const {
    auto found = spec.labels.find(key);
    return found == spec.labels.end() ? std::string() : found->second;
  }
};

using ContainerPtr = std::shared_ptr<Container>;

// The stored form of a container.
Json record_of(const Container& container);
Result<> read_record(const Json& record, Container& container);

// Docker's "never" in State.StartedAt and FinishedAt.
inline constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

}  // namespace stack::engine
