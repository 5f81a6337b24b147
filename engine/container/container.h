// One container as the engine knows it: what is kept in the state store, and what is alive of it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/async_mutex.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/units.h"
#include "model/container.h"
#include "model/health.h"
#include "model/restart_policy.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// Docker's words. `Creating` is ours: the record exists, its files may not; such containers are removed at
// start-up.
enum class Status { Creating, Created, Running, Paused, Restarting, Exited, Dead };
std::string_view to_text(Status status);
Status status_from(std::string_view text);

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

struct ContainerState {
  Status status = Status::Creating;
  int64_t pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  bool manually_stopped = false;  // by stop or kill: `unless-stopped` honours it when the engine starts
  std::string error;
  std::string started_at;  // RFC 3339; Docker's zero time while never
  std::string finished_at;
  int restart_count = 0;
};

struct Container;

// Exists while the container has a process, or waits for its next start by policy.
struct ContainerRun;
struct ContainerProcess;

struct Container {
  Container(asio::io_context& io) : mutex(io), changed(io) {}

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

  // Not kept.
  std::optional<HealthState> health;  // none: no health check, or not running yet
  std::shared_ptr<ContainerRun> run;
  bool removing = false;
  // Attachments asked for before the start: the command runs only once they stand, so that they miss nothing.
  struct EarlyAttach {
    runtime::AttachOptions options;
    std::function<void(Result<Fd>)> done;
  };
  std::vector<EarlyAttach> early_attaches;

  AsyncMutex mutex;  // start, stop, remove, pause: one at a time
  Signal changed;    // status, health, or existence changed

  bool running() const { return state.status == Status::Running || state.status == Status::Paused; }
  bool alive() const { return running() || state.status == Status::Restarting; }
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
