// The members of a container's record in the store (base/fields.h), all written.
#include "docker/container_body.h"
#include "docker/container_fields.h"
#include "engine/container/container.h"
#include "model/text_forms.h"

namespace stack::engine {

namespace {

// The phase as the next engine must find it.
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

}  // namespace

template <typename V, Like<MountSource> S>
void fields(V& v, S& s) {
  v("path", s.path);
  v("volume", s.volume);
  v("anonymous", s.anonymous);
}

template <typename V, Like<MountPoint> S>
void fields(V& v, S& s) {
  v("spec", s.spec);
  v("source", s.source);
}

template <typename V, Like<Endpoint> S>
void fields(V& v, S& s) {
  v("network", s.spec.network);
  v("spec", s.spec);
  v("network_id", s.network_id);
  v("endpoint_id", s.endpoint_id);
  v("interface", s.interface_name);
  v("ipv4", s.ipv4);
  v("ipv6", s.ipv6);
  v("mac", s.mac);
  v("attached", s.attached);
}

template <typename V, Like<PublishedPort> S>
void fields(V& v, S& s) {
  v("container_port", s.container_port);
  v("protocol", s.protocol);
  v("host_ip", s.host_ip);
  v("host_port", s.host_port);
}

template <typename V, Like<ContainerState> S>
void fields(V& v, S& s) {
  v("pid", s.pid);
  v("exit_code", s.exit_code);
  v("oom_killed", s.oom_killed);
  v("stopped_by_user", s.stopped_by_user);
  v("error", s.error);
  v("started_at", s.started_at);
  v("finished_at", s.finished_at);
  v("restart_count", s.restart_count);
}

template <typename V, Like<Container> S>
void fields(V& v, S& s) {
  v("name", s.spec.name);
  v("image_id", s.image_id);
  v("created_at", s.created_at);
  v("mounts", s.mounts);
  v("endpoints", s.endpoints);
  v("published", s.published);
  v("state", s.state);
  v("config_text", s.config_text);
  v("boot_id", s.boot_id);
}

Json record_of(const Container& container) {
  Json record = fields_to_json(container, Defaults::Written);
  record["spec"] = docker::container_to_json(container.spec);
  record["status"] = phase_record(container);
  return record;
}

Result<> read_record(const Json& record, Container& container) {
  for (const char* name : {"spec", "state", "status"})
    if (!record.contains(name)) return invalid(std::string("container record without ") + name);
  TRY_ASSIGN(container.spec, docker::container_from_json(record["spec"]));
  TRY(read_fields(record, container));
  container.phase = phase_from(string_or(record, "status"));
  return {};
}

}  // namespace stack::engine
