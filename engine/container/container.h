// One container as the engine knows it: what is kept in the state store, and what is alive of it.
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
#include "model/container.h"
#include "model/health.h"
#include "model/restart_policy.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// A mount with everything looked up: what `docker inspect` shows and what the runtime mounts.
struct MountPoint {
  MountKind kind = MountKind::Volume;
  std::string name;         // Volume: its name
  std::string source;       // host path; empty for tmpfs
  std::string destination;  // in the container
  bool read_only = false;
  bool anonymous = false;   // a volume nobody named: goes with `rm -v`
  std::string propagation;  // Bind
  bool recursive = true;
  bool read_only_top = false;  // read_only is for this mount alone, not for what is mounted below it
  std::string subpath;
  std::string tmpfs_options;
  std::string filesystem;  // Volume: a file system to be mounted anew ("nfs"); "" = bind the source
  std::string filesystem_options;
};

// One attachment to a network. The address is kept for the container's next start while nobody else got it.
struct Endpoint {
  EndpointSpec spec;
  std::string network_id;
  std::string endpoint_id;
  std::string interface_name;  // "eth0"
  std::string ipv4;            // "10.89.1.5"; empty while not attached
  int ipv4_prefix = 0;
  std::string ipv6;
  int ipv6_prefix = 0;
  std::string mac;
  bool attached = false;
};

// What a published port came to; host_port is never 0.
struct PublishedPort {
  uint16_t container_port = 0;
  std::string protocol;
  std::string host_ip;  // "" = all addresses
  uint16_t host_port = 0;
};

// Facts about the present run, or the last one.
struct ContainerState {
  int64_t pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  // By stop or kill, since its last start by request: the restart policy rests, and `unless-stopped` honors it
  // when the engine starts.
  bool stopped_by_user = false;
  std::string error;
  std::string started_at;  // RFC 3339; Docker's zero time while never
  std::string finished_at;
  int restart_count = 0;
};

// What a container has in the kernel from its start until it is stopped (container_run.h).
struct ContainerRun;
struct ContainerProcess;

struct Container {
  explicit Container(asio::io_context& io) : commands(io), changed(io) {}

  // Kept in the store.
  std::string id;
  ContainerSpec spec;
  std::string image_id;  // "sha256:..."
  std::string created_at;
  std::vector<MountPoint> mounts;
  std::vector<Endpoint> endpoints;
  std::vector<PublishedPort> published;
  ContainerState state;
  std::string boot_id;      // of the boot it last ran in
  std::string config_text;  // the planner's canonical JSON of the service it was made from

  // Kept as Docker's word for it, "creating" for what an engine must finish removing at its start.
  Phase phase = Phase::Making;

  // Not kept.
  std::optional<HealthState> health;  // none: no health check, or not running yet
  std::shared_ptr<ContainerRun> run;  // none in the phases Making, Stopped and Gone
  // Attachments requested before the start: the command runs only once they stand, so that they miss nothing.
  struct WaitingAttach {
    runtime::AttachOptions options;
    std::function<void(Result<Fd>)> done;
    std::shared_ptr<void> owner;  // tells one from another
  };
  std::list<WaitingAttach> waiting_attaches;
  // Ends of its command that were reported, also those after which the restart policy starts it again.
  struct Ends {
    uint64_t count = 0;
    int exit_code = 0;  // of the last one
  };
  Ends ends;

  CommandQueue commands;
  Signal changed;  // phase, health, facts: whatever a waiting coroutine may look at

  // Moves to the next phase where the table has it so (Verdict::Go); logs an impossible event. Callers save,
  // publish and notify.
  Verdict take(LifeEvent event);
  ContainerStatus status() const;
  // Visible to clients: neither being made, nor gone.
  bool exists() const { return phase != Phase::Making && phase != Phase::Gone; }
  bool leaving() const { return phase == Phase::Removing || phase == Phase::Gone; }
  // Its command was started and has not ended.
  bool has_process() const;
  bool running() const { return has_process() && !leaving(); }
  bool alive() const { return running() || status() == ContainerStatus::Restarting; }
  std::string short_id() const { return id.substr(0, 12); }
  std::string label(const std::string& key) const {
    auto found = spec.labels.find(key);
    return found == spec.labels.end() ? std::string() : found->second;
  }
};

using ContainerPtr = std::shared_ptr<Container>;

// The store's form of a container.
Json record_of(const Container& container);
Result<> read_record(const Json& record, Container& container);

// Docker's "never" in State.StartedAt and FinishedAt.
inline constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

}  // namespace stack::engine
