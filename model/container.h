// The desired container: the planner writes this description, the engine stores and executes it, and the Docker API
// converts to and from it. Its JSON form is the body of Docker's POST /containers/create (Engine API 1.44 or later: Config
// members at the top, "HostConfig", "NetworkingConfig") with our own members under "Stack".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/units.h"
#include "model/address.h"
#include "model/protocol.h"

namespace stack {

// Docker's health check. An empty `test` inherits the image's; {"NONE"} disables it.
struct HealthcheckSpec {
  std::vector<std::string> test;  // {"CMD", args...} | {"CMD-SHELL", script} | {"NONE"}
  Nanoseconds interval{};         // 0 = default 30 s
  Nanoseconds timeout{};          // 0 = default 30 s
  Nanoseconds start_period{};     // 0 = none
  Nanoseconds start_interval{};   // 0 = default 5 s
  int retries = 0;                // 0 = default 3
};

enum class MountKind { Bind, Volume, Tmpfs, Image };

struct MountSpec {
  MountKind kind = MountKind::Volume;
  // Bind: host path; Volume: volume name, "" = anonymous; Image: reference; Tmpfs: unused.
  std::string source;
  std::string target;  // absolute path in the container
  bool read_only = false;
  // Bind
  std::string propagation;        // "" = rprivate
  bool create_host_path = false;  // create a missing source directory
  bool recursive = true;
  bool read_only_top = false;  // read_only does not apply to mounts below the source
  bool map_owner = false;      // the container's user owns the files of the source's owner, and the reverse
  // Volume
  bool no_copy = false;
  std::string subpath;  // Volume and Image
  std::map<std::string, std::string> volume_labels;
  std::string volume_driver;                          // of a volume that does not exist yet; "" = local
  std::map<std::string, std::string> volume_options;  // of its driver
  // Tmpfs
  std::optional<ByteSize> tmpfs_size;
  std::optional<uint32_t> tmpfs_mode;
  std::string tmpfs_options;  // additional options of the short form, such as "uid=1000,noexec"
  // The mount as a client wrote it in HostConfig.Binds ("/src:/dst:ro"), HostConfig.Tmpfs (the options), or Volumes (the
  // path), for display. The members above have the same meaning.
  std::optional<std::string> short_form;
};

// A config or secret: a read-only file in the container.
struct FileSpec {
  std::string target;     // absolute path
  std::string content;    // literal bytes; used when host_path is empty
  std::string host_path;  // bind-mounted read-only instead
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t mode = 0444;
  bool secret = false;  // content is hidden and stored on tmpfs
};

struct EndpointSpec {
  std::string network;  // name or id
  std::vector<std::string> aliases;
  std::vector<std::string> links;  // "container:alias": names that only this container sees
  std::optional<IpAddress> ipv4_address;
  std::optional<IpAddress> ipv6_address;
  std::optional<MacAddress> mac_address;
  std::vector<IpAddress> link_local_ips;
  std::string interface_name;
  int priority = 0;
  int gw_priority = 0;
  std::map<std::string, std::string> driver_opts;
};

struct PortSpec {
  uint16_t container_port = 0;
  Protocol protocol = Protocol::Tcp;
  std::optional<IpAddress> host_ip;  // none = all addresses, both families
  uint16_t host_port = 0;            // 0 = any free port; with host_port_end: first of the range
  uint16_t host_port_end = 0;        // 0 = exactly host_port
};

struct UlimitSpec {
  std::string name;  // "nofile"
  int64_t soft = 0;
  int64_t hard = 0;  // -1 = unlimited
};

struct DeviceSpec {
  std::string host_path;
  std::string container_path;
  std::string permissions = "rwm";
};

struct RestartSpec {
  std::string name = "no";  // no | always | unless-stopped | on-failure
  int max_retries = 0;      // 0 = unlimited
  Nanoseconds delay{};      // between exit and restart; 0 = Docker's increasing delay
  Nanoseconds window{};     // a run of this length resets the retries; 0 = never
};

struct ResourceSpec {
  int64_t memory = 0;  // bytes; 0 = unlimited
  int64_t memory_reservation = 0;
  int64_t memory_swap = 0;  // memory + swap; -1 = unlimited, 0 = twice memory
  std::optional<int64_t> memory_swappiness;
  int64_t nano_cpus = 0;  // 1e9 = one CPU
  int64_t cpu_shares = 0;
  int64_t cpu_period = 0;
  int64_t cpu_quota = 0;
  int64_t cpu_rt_period = 0;
  int64_t cpu_rt_runtime = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  int64_t pids_limit = 0;  // 0 or -1 = unlimited
  bool oom_kill_disable = false;
  Json blkio;  // {"weight":n,"weight_device":[...],"device_read_bps":[{"path":..,"rate":n}],...}; null = none
  std::vector<UlimitSpec> ulimits;
  std::vector<DeviceSpec> devices;
  std::vector<std::string> device_cgroup_rules;
  std::string cgroup_parent;
};

struct LogSpec {
  std::string driver = "json-file";
  std::map<std::string, std::string> options;
};

struct HookSpec {
  std::vector<std::string> command;
  std::string user;
  bool privileged = false;
  std::string working_dir;
  std::vector<std::string> env;  // "K=V"
};

struct ContainerSpec {
  std::string name;   // "shop-web-1"
  std::string image;  // reference as written by the user
  // Process. nullopt = the image's; an empty list clears it.
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> command;
  std::vector<std::string> env;  // "K=V" sets, "K" (no '=') unsets the image's
  std::string working_dir;
  std::string user;
  std::vector<std::string> group_add;
  std::string hostname;  // "" = first 12 digits of the ID
  std::string domainname;
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  // The streams that the creating client attaches to, for display.
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  std::string stop_signal;                           // "" = the image's, otherwise SIGTERM
  std::optional<std::chrono::seconds> stop_timeout;  // nullopt = 10 s
  std::optional<HealthcheckSpec> healthcheck;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> exposed_ports;  // "80/tcp"

  // Files
  std::vector<MountSpec> mounts;
  std::vector<FileSpec> files;
  std::vector<std::string> volumes_from;  // "container[:ro]"
  bool read_only = false;
  std::optional<ByteSize> shm_size;
  std::map<std::string, std::string> storage_opt;
  std::string volume_driver;  // of the volumes in `mounts`: "" = local

  // Network. mode: "" = the endpoints below | "none" | "host" | "container:<name or id>"
  std::string network_mode;
  std::vector<EndpointSpec> endpoints;
  std::vector<PortSpec> ports;
  bool publish_all = false;
  std::vector<std::string> links;        // "container:alias"
  std::vector<std::string> extra_hosts;  // "name:ip", ip may be host-gateway
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;

  // Isolation
  bool privileged = false;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;
  std::map<std::string, std::string> sysctls;
  std::string ipc_mode;  // "" | private | shareable | host | container:<id>
  std::string pid_mode;  // "" | host | container:<id>
  std::string uts_mode;  // "" | host
  std::string userns_mode;
  std::string cgroup_mode;  // "" | private | host
  std::optional<int> oom_score_adj;
  std::optional<bool> init;
  bool api_socket = false;  // the engine's socket at /var/run/docker.sock
  std::string runtime;      // "" = the built-in runtime
  std::string isolation;    // "" | default
  std::string platform;
  ResourceSpec resources;

  // Restart policy
  RestartSpec restart;
  bool auto_remove = false;
  LogSpec log;
  std::vector<HookSpec> post_start;
  std::vector<HookSpec> pre_stop;
};

}  // namespace stack
