// The resolved Compose project: the result of interpolation, merging, profile selection, and normalization. Plain
// values; all texts have been parsed.
//
// Strings: empty means "not set" unless the member is an optional. Field names are those of the Compose
// Specification (https://github.com/compose-spec/compose-spec, 05-services.md ff.).
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace stack {
using Json = nlohmann::json;
}

namespace stack::compose {

using StringMap = std::map<std::string, std::string>;
// A null value (a name without a value that is not set in the environment) unsets the image's variable.
using Environment = std::map<std::string, std::optional<std::string>>;
using StringList = std::vector<std::string>;
// x-* keys: name -> compact JSON text of the value.
using Extensions = std::map<std::string, std::string>;

// nullopt: use the image's. Empty list: explicitly none.
using Command = std::optional<StringList>;

struct Ulimit {
  int64_t soft = 0;  // -1: unlimited
  int64_t hard = 0;
  bool operator==(const Ulimit&) const = default;
};

// One published or exposed container port; ranges of equal length are already one entry per port.
struct PortMapping {
  std::string name;
  std::string mode;       // "ingress" (default) or "host"
  std::string host_ip;    // "" = all addresses
  uint32_t target = 0;    // container port, 1..65535
  std::string published;  // "8080", "3000-3010" (first free of the range), or "" = any free host port
  std::string protocol;   // "tcp", "udp", "sctp"
  std::string app_protocol;
  bool operator==(const PortMapping&) const = default;
};

// Volume, the default, comes first, because project_to_json omits the first enumerator.
enum class MountType { Volume, Bind, Tmpfs, Image };

struct BindOptions {
  std::string propagation;        // "", rprivate, private, rshared, shared, rslave, slave
  bool create_host_path = false;  // create a missing source directory
  std::string recursive;          // "", enabled, disabled, writable, readonly
  std::string selinux;            // "", z, Z
  bool operator==(const BindOptions&) const = default;
};

struct VolumeOptions {
  StringMap labels;
  bool nocopy = false;
  std::string subpath;
  bool operator==(const VolumeOptions&) const = default;
};

struct TmpfsOptions {
  ByteSize size;  // 0: unlimited
  std::optional<uint32_t> mode;
  bool operator==(const TmpfsOptions&) const = default;
};

struct ImageOptions {
  std::string subpath;
  bool operator==(const ImageOptions&) const = default;
};

// One entry of `volumes`. The short syntax `tmpfs:` is separate, in Service::tmpfs.
struct VolumeMount {
  MountType type = MountType::Volume;
  // Bind: absolute host path. Volume: key in Project::volumes, "" = anonymous. Image: reference.
  std::string source;
  std::string target;  // absolute, cleaned container path
  bool read_only = false;
  std::string consistency;  // accepted, but meaningless on Linux
  std::optional<BindOptions> bind;
  std::optional<VolumeOptions> volume;
  std::optional<TmpfsOptions> tmpfs;
  std::optional<ImageOptions> image;
  std::string
      id_map;  // Bind: "" or "host-user": the container's user and the owner of the source are the same
  bool operator==(const VolumeMount&) const = default;
};

// A mount of an entry of Project::configs or Project::secrets.
struct FileMount {
  std::string source;  // key in Project::configs / Project::secrets
  std::string target;  // absolute path in the container: default /<source> or /run/secrets/<source>
  std::string uid;
  std::string gid;
  std::optional<uint32_t> mode;  // default 0444
  bool operator==(const FileMount&) const = default;
};

enum class DependencyCondition { Started, Healthy, CompletedSuccessfully };

struct Dependency {
  DependencyCondition condition = DependencyCondition::Started;
  bool restart = false;  // restart the dependent when the dependency is recreated or restarted by us
  bool required = true;
  bool implicit = false;  // added for links, volumes_from, network_mode/ipc/pid service:x
  bool operator==(const Dependency&) const = default;
};

struct Healthcheck {
  bool disable = false;  // also for test NONE
  StringList test;       // first word CMD or CMD-SHELL; empty: the image's test
  std::optional<Nanoseconds> interval;
  std::optional<Nanoseconds> timeout;
  std::optional<uint64_t> retries;
  std::optional<Nanoseconds> start_period;
  std::optional<Nanoseconds> start_interval;
  bool operator==(const Healthcheck&) const = default;
};

enum class RestartMode { No, Always, OnFailure, UnlessStopped };

struct RestartPolicy {
  RestartMode mode = RestartMode::No;
  int64_t max_retries = 0;  // OnFailure: 0 = no limit
  bool operator==(const RestartPolicy&) const = default;
};

struct Logging {
  std::string driver;  // "" = default
  StringMap options;
  bool operator==(const Logging&) const = default;
};

struct BlkioWeightDevice {
  std::string path;
  uint16_t weight = 0;
  bool operator==(const BlkioWeightDevice&) const = default;
};

struct BlkioRateDevice {
  std::string path;
  uint64_t rate = 0;  // bytes or operations per second
  bool operator==(const BlkioRateDevice&) const = default;
};

struct BlkioConfig {
  uint16_t weight = 0;
  std::vector<BlkioWeightDevice> weight_device;
  std::vector<BlkioRateDevice> device_read_bps;
  std::vector<BlkioRateDevice> device_read_iops;
  std::vector<BlkioRateDevice> device_write_bps;
  std::vector<BlkioRateDevice> device_write_iops;
  bool operator==(const BlkioConfig&) const = default;
};

struct DeviceMapping {
  std::string source;  // host path, or a CDI name "vendor.com/class=name" (then target is the same)
  std::string target;
  std::string permissions;  // subset of "rwm"
  bool operator==(const DeviceMapping&) const = default;
};

struct DeviceRequest {  // gpus, deploy.resources.reservations.devices
  StringList capabilities;
  std::optional<int64_t> count;  // -1 = all
  StringList device_ids;
  std::string driver;
  StringMap options;
  bool operator==(const DeviceRequest&) const = default;
};

struct ResourceLimits {
  double cpus = 0;   // 0: not set
  ByteSize memory;   // 0: not set
  int64_t pids = 0;  // 0: not set, -1: unlimited
  bool operator==(const ResourceLimits&) const = default;
};

struct GenericResource {
  std::string kind;
  int64_t value = 0;
  bool operator==(const GenericResource&) const = default;
};

struct ResourceReservations {
  double cpus = 0;
  ByteSize memory;
  std::vector<GenericResource> generic_resources;
  std::vector<DeviceRequest> devices;
  bool operator==(const ResourceReservations&) const = default;
};

struct UpdateConfig {
  std::optional<uint64_t> parallelism;  // 0 = all at once
  Nanoseconds delay{0};
  std::string failure_action;  // "", pause, continue, rollback
  Nanoseconds monitor{0};
  double max_failure_ratio = 0;
  std::string order;  // "", start-first, stop-first
  bool operator==(const UpdateConfig&) const = default;
};

struct DeployRestartPolicy {
  std::string condition;  // none, on-failure, any; "" = any
  std::optional<Nanoseconds> delay;
  std::optional<uint64_t> max_attempts;
  std::optional<Nanoseconds> window;
  bool operator==(const DeployRestartPolicy&) const = default;
};

struct PlacementPreference {
  std::string spread;
  bool operator==(const PlacementPreference&) const = default;
};

struct Placement {
  StringList constraints;
  std::vector<PlacementPreference> preferences;
  uint64_t max_replicas_per_node = 0;
  bool operator==(const Placement&) const = default;
};

struct Deploy {
  std::string mode;
  std::string endpoint_mode;
  std::optional<int64_t> replicas;
  StringMap labels;
  std::optional<UpdateConfig> update_config;
  std::optional<UpdateConfig> rollback_config;
  std::optional<ResourceLimits> limits;
  std::optional<ResourceReservations> reservations;
  std::optional<DeployRestartPolicy> restart_policy;
  std::optional<Placement> placement;
  bool operator==(const Deploy&) const = default;
};

struct Build {
  std::string context;     // absolute path, or an unchanged URL or service:x
  std::string dockerfile;  // relative to context, or absolute; "" with dockerfile_inline
  std::optional<std::string> dockerfile_inline;
  StringList entitlements;
  StringMap args;  // arguments without a value are resolved or dropped
  StringList ssh;  // "default" or "id=path"
  StringMap labels;
  StringList cache_from;
  StringList cache_to;
  bool no_cache = false;
  StringList no_cache_filter;
  StringMap additional_contexts;
  bool pull = false;
  StringList extra_hosts;  // "host=ip"
  std::string isolation;
  std::string network;
  std::string provenance;
  std::string sbom;
  std::vector<FileMount> secrets;
  ByteSize shm_size;
  StringList tags;
  std::string target;
  std::map<std::string, Ulimit> ulimits;
  StringList platforms;
  bool privileged = false;
  bool operator==(const Build&) const = default;
};

struct ServiceHook {
  Command command;
  std::string image;  // pre_start only; "" = the service's
  std::string user;
  bool privileged = false;
  std::string working_dir;
  Environment environment;
  std::vector<VolumeMount> volumes = {};  // pre_start only, in addition to the service's
  StringList extra_hosts = {};            // pre_start only, in addition to the service's
  bool operator==(const ServiceHook&) const = default;
};

struct WatchRule {
  std::string path;    // absolute
  std::string action;  // rebuild, restart, sync, sync+restart, sync+exec
  std::string target;
  StringList ignore;
  StringList include;
  std::optional<ServiceHook> exec;
  bool initial_sync = false;
  bool operator==(const WatchRule&) const = default;
};

struct ServiceNetwork {
  StringList aliases;  // without the service's own name, which always resolves
  std::string interface_name;
  std::string ipv4_address;
  std::string ipv6_address;
  StringList link_local_ips;
  std::string mac_address;
  StringMap driver_opts;
  int64_t priority = 0;     // attach order: higher first
  int64_t gw_priority = 0;  // default gateway: highest wins
  bool operator==(const ServiceNetwork&) const = default;
};

struct ServiceModel {
  std::string endpoint_var;
  std::string model_var;
  bool operator==(const ServiceModel&) const = default;
};

struct Provider {
  std::string type;
  std::map<std::string, StringList> options;
  bool operator==(const Provider&) const = default;
};

struct CredentialSpec {
  std::string config;
  std::string file;
  std::string registry;
  bool operator==(const CredentialSpec&) const = default;
};

struct Service {
  std::string name;
  StringList profiles;

  // Image and build
  std::string image;  // as written; see image_name()
  std::optional<Build> build;
  std::string pull_policy;  // "", always, never, missing, build, daily, weekly, every_<duration>, refresh
  std::string pull_refresh_after;
  std::string platform;

  // Process
  Command command;
  Command entrypoint;
  std::string working_dir;
  std::string user;
  StringList group_add;
  std::optional<bool> init;
  bool tty = false;
  bool stdin_open = false;
  std::string stop_signal;
  std::optional<Nanoseconds> stop_grace_period;
  std::optional<bool> attach;  // nullopt = true
  Environment environment;     // includes env_file; environment has precedence
  StringMap labels;            // includes label_file
  StringMap annotations;

  // Lifecycle
  std::map<std::string, Dependency> depends_on;
  std::optional<RestartPolicy> restart;
  std::optional<Healthcheck> healthcheck;
  std::vector<ServiceHook> pre_start;
  std::vector<ServiceHook> post_start;
  std::vector<ServiceHook> pre_stop;
  std::optional<int64_t> scale;  // see replicas()
  std::optional<Deploy> deploy;
  std::vector<WatchRule> watch;  // develop.watch
  std::optional<Provider> provider;

  // Networking
  std::string container_name;
  std::string hostname;
  std::string domainname;
  std::string network_mode;  // "", none, host, bridge, service:x, container:x; never together with networks
  std::map<std::string, ServiceNetwork> networks;
  std::vector<PortMapping> ports;
  StringList expose;  // "80", "80/udp", "3000-3005"
  StringList dns;
  StringList dns_opt;
  StringList dns_search;
  StringList extra_hosts;  // "host=ip", one address each; "host-gateway" allowed as ip
  StringList links;        // "service" or "service:alias"
  StringList external_links;
  std::string mac_address;

  // Storage
  std::vector<VolumeMount> volumes;
  StringList volumes_from;  // "service[:ro|rw]" or "container:name[:ro|rw]"
  StringList tmpfs;         // "/path[:options]"
  std::vector<FileMount> configs;
  std::vector<FileMount> secrets;
  bool read_only = false;
  StringMap storage_opt;
  ByteSize shm_size;  // 0: default (64 MiB)

  // Resources
  double cpus = 0;
  int64_t cpu_count = 0;
  double cpu_percent = 0;
  int64_t cpu_shares = 0;
  int64_t cpu_quota = 0;      // microseconds
  int64_t cpu_period = 0;     // microseconds
  int64_t cpu_rt_period = 0;  // microseconds
  int64_t cpu_rt_runtime = 0;
  std::string cpuset;
  ByteSize mem_limit;
  ByteSize mem_reservation;
  ByteSize memswap_limit;  // -1: unlimited
  std::optional<int64_t> mem_swappiness;
  bool oom_kill_disable = false;
  int64_t oom_score_adj = 0;
  int64_t pids_limit = 0;  // 0: not set, -1: unlimited
  std::optional<BlkioConfig> blkio_config;
  std::map<std::string, Ulimit> ulimits;

  // Devices
  std::vector<DeviceMapping> devices;
  StringList device_cgroup_rules;
  std::vector<DeviceRequest> gpus;

  // Isolation
  StringList cap_add;
  StringList cap_drop;
  bool privileged = false;
  StringList security_opt;
  std::string userns_mode;
  std::string pid;
  std::string ipc;
  std::string uts;
  std::string cgroup;
  std::string cgroup_parent;
  std::string runtime;
  std::string isolation;
  StringMap sysctls;
  std::optional<CredentialSpec> credential_spec;
  bool use_api_socket = false;

  std::optional<Logging> logging;
  std::map<std::string, ServiceModel> models;
  Extensions extensions;
  bool operator==(const Service&) const = default;
};

struct IpamPool {
  std::string subnet;
  std::string ip_range;
  std::string gateway;
  StringMap aux_addresses;
  bool operator==(const IpamPool&) const = default;
};

struct Ipam {
  std::string driver;
  std::vector<IpamPool> config;
  StringMap options;
  bool operator==(const Ipam&) const = default;
};

struct Network {
  std::string name;  // real name: <project>_<key>, or as given
  std::string driver;
  StringMap driver_opts;
  Ipam ipam;
  bool external = false;
  bool internal = false;
  bool attachable = false;
  std::optional<bool> enable_ipv4;
  std::optional<bool> enable_ipv6;
  StringMap labels;
  Extensions extensions;
  bool operator==(const Network&) const = default;
};

struct Volume {
  std::string name;  // real name: <project>_<key>, or as given
  std::string driver;
  StringMap driver_opts;
  bool external = false;
  StringMap labels;
  Extensions extensions;
  bool operator==(const Volume&) const = default;
};

// An entry of the top-level `configs` or `secrets`.
struct FileObject {
  std::string name;  // real name
  bool external = false;
  std::string file;                    // absolute path; "" = not from a file
  std::string environment;             // variable name; "" = not from the environment
  std::optional<std::string> content;  // as written inline (configs only)
  // The contents from any source, if an enabled service uses the object and contents were requested. nullopt if `file`
  // is a directory or the object is external.
  std::optional<std::string> bytes;
  bool directory = false;  // `file` is a directory, which is bind-mounted
  StringMap labels;
  std::string driver;
  StringMap driver_opts;
  std::string template_driver;
  Extensions extensions;
  bool operator==(const FileObject&) const = default;
};

struct Model {
  std::string name;
  std::string model;
  int64_t context_size = 0;
  StringList runtime_flags;
  bool operator==(const Model&) const = default;
};

enum class DisabledReason { Profile, NotSelected, Job };

// A service that this load excluded, or a job. Its containers are not orphans.
struct DisabledService {
  DisabledReason reason = DisabledReason::Profile;
  StringList profiles;
  bool scheduled = false;  // a job with a schedule whose profile is active
  bool operator==(const DisabledService&) const = default;
};

struct Project {
  std::string name;
  std::string working_dir;                  // absolute project directory
  StringList compose_files;                 // absolute paths ("-" for standard input), in -f order
  StringList env_files;                     // absolute paths of the environment files read
  StringList profiles;                      // active profiles
  std::map<std::string, Service> services;  // enabled only; key == Service::name
  std::map<std::string, DisabledService> disabled_services;
  std::map<std::string, Network> networks;
  std::map<std::string, Volume> volumes;
  std::map<std::string, FileObject> configs;
  std::map<std::string, FileObject> secrets;
  std::map<std::string, Model> models;
  Extensions extensions;
  // Between the parts of a default name, "shop-web-1": "-", or "_" as in Compose 1.
  std::string separator = "-";
  // JSON pointer ("/services/web/ports/0") -> "file:line:col" of its definition. Kept for services, top-level
  // resources, and values that can fail later (ports, volumes, images, networks, names).
  std::map<std::string, std::string> origins;
  bool operator==(const Project&) const = default;
};

// "<project>-<service>", with which the default names of its containers and its image begin.
std::string default_name(const Project& project, const std::string& service);
// The service's image: `image`, or its default name if it is only built.
std::string image_name(const Project& project, const Service& service);
// `scale`, else deploy.replicas, else 1.
int64_t replicas(const Service& service);
// "no", "always", "on-failure:3", "unless-stopped".
std::string to_text(const RestartPolicy& policy);
std::string_view to_text(DependencyCondition condition);  // "service_started", ...
std::string_view to_text(MountType type);                 // "bind", ...
// The origin of the closest enclosing value that has one, or "".
std::string origin_of(const Project& project, std::string_view json_pointer);

// Lossless: project_from_json(project_to_json(p)) == p. Omits members with default values. Uses the names of the Compose
// Specification, Go durations ("1m30s"), and sizes in bytes.
Json project_to_json(const Project& project);
// Ignores unknown members, so that a newer command line can talk to an older engine. Never throws.
Result<Project> project_from_json(const Json& json);
// A single service in the same format, for hashing and comparing.
Json service_to_json(const Service& service);
Json network_to_json(const Network& network);
Json volume_to_json(const Volume& volume);
Json file_object_to_json(const FileObject& object);

}  // namespace stack::compose
