#include "engine/container/container.h"

#include <array>

#include "base/log.h"
#include "docker/container_body.h"
#include "engine/container/container_run.h"

namespace stack::engine {

namespace {
constexpr std::array<std::string_view, 4> kMountKinds{"bind", "volume", "tmpfs", "image"};

MountKind mount_kind_from(std::string_view text) {
  for (size_t i = 0; i < kMountKinds.size(); ++i)
    if (kMountKinds[i] == text) return static_cast<MountKind>(i);
  return MountKind::Volume;
}

Json mount_record(const MountPoint& m) {
  return {{"kind", kMountKinds[static_cast<size_t>(m.kind)]},
          {"name", m.name},
          {"source", m.source},
          {"destination", m.destination},
          {"read_only", m.read_only},
          {"anonymous", m.anonymous},
          {"propagation", m.propagation},
          {"recursive", m.recursive},
          {"read_only_top", m.read_only_top},
          {"subpath", m.subpath},
          {"tmpfs_options", m.tmpfs_options},
          {"filesystem", m.filesystem},
          {"filesystem_options", m.filesystem_options}};
}

MountPoint read_mount(const Json& j) {
  MountPoint m;
  m.kind = mount_kind_from(string_or(j, "kind"));
  m.name = string_or(j, "name");
  m.source = string_or(j, "source");
  m.destination = string_or(j, "destination");
  m.read_only = bool_or(j, "read_only");
  m.anonymous = bool_or(j, "anonymous");
  m.propagation = string_or(j, "propagation");
  m.recursive = bool_or(j, "recursive", true);
  m.read_only_top = bool_or(j, "read_only_top");
  m.subpath = string_or(j, "subpath");
  m.tmpfs_options = string_or(j, "tmpfs_options");
  m.filesystem = string_or(j, "filesystem");
  m.filesystem_options = string_or(j, "filesystem_options");
  return m;
}

Json endpoint_record(const Endpoint& e) {
  return {{"network", e.spec.network},
          {"aliases", e.spec.aliases},
          {"want_ipv4", e.spec.ipv4_address},
          {"want_ipv6", e.spec.ipv6_address},
          {"want_mac", e.spec.mac_address},
          {"link_local_ips", e.spec.link_local_ips},
          {"want_interface", e.spec.interface_name},
          {"priority", e.spec.priority},
          {"gw_priority", e.spec.gw_priority},
          {"driver_opts", e.spec.driver_opts},
          {"network_id", e.network_id},
          {"endpoint_id", e.endpoint_id},
          {"interface", e.interface_name},
          {"ipv4", e.ipv4},
          {"ipv4_prefix", e.ipv4_prefix},
          {"ipv6", e.ipv6},
          {"ipv6_prefix", e.ipv6_prefix},
          {"mac", e.mac},
          {"attached", e.attached}};
}

std::vector<std::string> strings(const Json& j, const char* key) {
  std::vector<std::string> out;
  if (auto found = j.find(key); found != j.end() && found->is_array())
    for (const Json& item : *found)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

Endpoint read_endpoint(const Json& j) {
  Endpoint e;
  e.spec.network = string_or(j, "network");
  e.spec.aliases = strings(j, "aliases");
  e.spec.ipv4_address = string_or(j, "want_ipv4");
  e.spec.ipv6_address = string_or(j, "want_ipv6");
  e.spec.mac_address = string_or(j, "want_mac");
  e.spec.link_local_ips = strings(j, "link_local_ips");
  e.spec.interface_name = string_or(j, "want_interface");
  e.spec.priority = static_cast<int>(int_or(j, "priority"));
  e.spec.gw_priority = static_cast<int>(int_or(j, "gw_priority"));
  if (auto opts = j.find("driver_opts"); opts != j.end() && opts->is_object())
    for (const auto& [key, value] : opts->items())
      if (value.is_string()) e.spec.driver_opts[key] = value.get<std::string>();
  e.network_id = string_or(j, "network_id");
  e.endpoint_id = string_or(j, "endpoint_id");
  e.interface_name = string_or(j, "interface");
  e.ipv4 = string_or(j, "ipv4");
  e.ipv4_prefix = static_cast<int>(int_or(j, "ipv4_prefix"));
  e.ipv6 = string_or(j, "ipv6");
  e.ipv6_prefix = static_cast<int>(int_or(j, "ipv6_prefix"));
  e.mac = string_or(j, "mac");
  e.attached = bool_or(j, "attached");
  return e;
}

// The phase to record for the next engine.
std::string phase_record(const Container& c) {
  bool leaves_nothing = c.phase == Phase::Making || c.leaving();
  return leaves_nothing ? "creating" : std::string(to_text(c.status()));
}

Phase phase_from(const std::string& text) {
  if (text == "creating") return Phase::Making;
  if (text == "running") return Phase::Running;
  if (text == "paused") return Phase::Paused;
  return text == "restarting" ? Phase::Backoff : Phase::Stopped;
}

Json state_record(const Container& c) {
  const ContainerState& s = c.state;
  return {{"status", phase_record(c)},
          {"pid", s.pid},
          {"exit_code", s.exit_code},
          {"oom_killed", s.oom_killed},
          {"manually_stopped", s.stopped_by_user},
          {"error", s.error},
          {"started_at", s.started_at},
          {"finished_at", s.finished_at},
          {"restart_count", s.restart_count}};
}

ContainerState read_state(const Json& j) {
  ContainerState s;
  s.pid = int_or(j, "pid");
  s.exit_code = static_cast<int>(int_or(j, "exit_code"));
  s.oom_killed = bool_or(j, "oom_killed");
  s.stopped_by_user = bool_or(j, "manually_stopped");
  s.error = string_or(j, "error");
  s.started_at = string_or(j, "started_at");
  s.finished_at = string_or(j, "finished_at");
  s.restart_count = static_cast<int>(int_or(j, "restart_count"));
  return s;
}

}  // namespace

Verdict Container::take(LifeEvent event) {
  Transition step = next(phase, event);
  if (step.verdict == Verdict::Go) phase = step.next;
  if (step.verdict == Verdict::Impossible)
    log_error("bug: container " + spec.name + ": event \"" + std::string(to_text(event)) + "\" in phase " +
              std::string(to_text(phase)));
  return step.verdict;
}

bool Container::has_process() const { return run && run->process; }

ContainerStatus Container::status() const {
  StatusFacts facts;
  facts.has_process = has_process();
  facts.has_started = state.started_at != kZeroTime && !state.started_at.empty();
  facts.by_policy = run && run->by_policy;
  return status_of(phase, facts);
}

Json record_of(const Container& c) {
  Json mounts = Json::array();
  for (const MountPoint& m : c.mounts) mounts.push_back(mount_record(m));
  Json endpoints = Json::array();
  for (const Endpoint& e : c.endpoints) endpoints.push_back(endpoint_record(e));
  Json published = Json::array();
  for (const PublishedPort& p : c.published)
    published.push_back({{"container_port", p.container_port},
                         {"protocol", p.protocol},
                         {"host_ip", p.host_ip},
                         {"host_port", p.host_port}});
  return {{"spec", docker::container_to_json(c.spec)},
          {"name", c.spec.name},
          {"image_id", c.image_id},
          {"created_at", c.created_at},
          {"mounts", mounts},
          {"endpoints", endpoints},
          {"published", published},
          {"state", state_record(c)},
          {"config_text", c.config_text},
          {"boot_id", c.boot_id}};
}

Result<> read_record(const Json& record, Container& c) {
  auto spec = record.find("spec");
  auto state = record.find("state");
  if (spec == record.end() || state == record.end()) return invalid("container record without spec or state");
  TRY_ASSIGN(c.spec, docker::container_from_json(*spec));
  c.spec.name = string_or(record, "name");
  c.image_id = string_or(record, "image_id");
  c.created_at = string_or(record, "created_at");
  c.boot_id = string_or(record, "boot_id");
  c.config_text = string_or(record, "config_text");
  for (const Json& m : record.value("mounts", Json::array())) c.mounts.push_back(read_mount(m));
  for (const Json& e : record.value("endpoints", Json::array())) c.endpoints.push_back(read_endpoint(e));
  for (const Json& p : record.value("published", Json::array()))
    c.published.push_back({static_cast<uint16_t>(int_or(p, "container_port")), string_or(p, "protocol"),
                           string_or(p, "host_ip"), static_cast<uint16_t>(int_or(p, "host_port"))});
  c.state = read_state(*state);
  c.phase = phase_from(string_or(*state, "status"));
  return {};
}

}  // namespace stack::engine
