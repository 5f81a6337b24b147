// Containers as Docker's API shows them: a row of GET /containers/json, and GET /containers/{id}/json.
// Source: Engine API v1.50, ContainerSummary and ContainerInspectResponse, and the changes up to 1.52.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/units.h"
#include "model/address.h"
#include "model/container.h"
#include "model/container_id.h"
#include "model/health.h"

namespace stack::docker {

struct MountFacts {
  MountKind kind = MountKind::Volume;
  std::string name;         // of a volume
  std::string source;       // host path; for an image mount its reference
  std::string destination;  // in the container
  bool read_only = false;
  std::string propagation;  // "" = rprivate
};

struct EndpointFacts {
  EndpointSpec spec;
  std::string network;  // its name
  std::string network_id;
  // Only for an attached endpoint; else empty.
  std::string endpoint_id;
  std::string gateway;
  std::string gateway6;
  std::optional<Cidr> ipv4;
  std::optional<Cidr> ipv6;
  std::string mac;
};

struct PortBinding {
  IpAddress host_ip;
  uint16_t host_port = 0;
};

// The facts about a container, collected by the engine. Refers to the container's specification and health, which
// must outlive it.
struct ContainerFacts {
  explicit ContainerFacts(const ContainerSpec& container_spec) : spec(container_spec) {}

  const ContainerSpec& spec;
  const HealthState* health = nullptr;
  ContainerId id;
  std::string image_id;                       // "sha256:..."
  std::map<std::string, std::string> labels;  // the image's and its own
  std::string created_at;
  std::string status;  // Docker's word: "created", "running", ...
  int64_t pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;
  std::string started_at;  // RFC 3339; "" for never
  std::string finished_at;
  int restart_count = 0;
  std::vector<MountFacts> mounts;
  std::vector<EndpointFacts> endpoints;
  // "80/tcp"; no bindings: only exposed; empty while the container does not run.
  std::map<std::string, std::vector<PortBinding>> ports;
  std::vector<std::string> command_line;
  std::vector<std::string> linked_as;  // "web/db": names under which linking containers know it

  bool running() const { return status == "running" || status == "paused"; }
  std::string short_id() const { return id.short_text(); }
};

// Additional facts for GET /containers/{id}/json.
struct ContainerDetails {
  // The image's values, used if the container's specification has none.
  std::vector<std::string> image_command;
  std::vector<std::string> image_entrypoint;
  std::string image_working_dir;
  std::string image_user;
  std::string image_stop_signal;
  std::optional<HealthcheckSpec> healthcheck;  // the container's or its image's
  std::vector<std::string> image_ports;
  std::string hostname;
  std::vector<std::string> image_env;
  std::string resolv_conf_path;
  std::string hostname_path;
  std::string hosts_path;
  std::string log_path;
  std::vector<std::string> exec_ids;
};

// Docker's "never" in StartedAt, FinishedAt and the like.
inline constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

// "Up 5 minutes (healthy)", "Exited (0) 3 seconds ago", as `docker ps` shows it.
std::string status_text(const ContainerFacts& container, WallTime now);
Json container_summary(const ContainerFacts& container, WallTime now);
// `version`: NN of API 1.NN.
Json container_inspect(const ContainerFacts& container, const ContainerDetails& details, int version);

}  // namespace stack::docker
