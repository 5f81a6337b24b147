#include "engine/container/container_factory.h"

#include <sys/sysinfo.h>

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/oci_config.h"
#include "engine/container/spec_check.h"
#include "engine/logs/log_settings.h"
#include "model/docker_socket.h"
#include "model/random_name.h"

namespace stack::engine {

Result<> check_container_name(const std::string& name) {
  auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  bool good = name.size() >= 2 && name.size() <= 255 && plain(name[0]) &&
              std::all_of(name.begin(), name.end(),
                          [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
  if (good) return {};
  return invalid("Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
}

std::string ContainerFactory::free_name() const {
  constexpr int kTries = 6;
  std::string name;
  for (int i = 0; i < kTries; ++i) {
    name = random_name(std::stoull(random_hex(6), nullptr, 16));
    if (!context_.find_container(name)) return name;
  }
  return name + "_" + random_hex(5);
}

Result<> ContainerFactory::check_spec(const ContainerSpec& spec) const {
  TRY(check_container_name(spec.name));
  if (ContainerPtr holder = context_.find_container(spec.name); holder && holder->spec.name == spec.name)
    return conflict("Conflict. The container name \"/" + spec.name + "\" is already in use by container \"" +
                    holder->id.text() +
                    "\". You have to remove (or rename) that container to be able to reuse that name.");
  TRY_ASSIGN(LogPlan log, plan_log(spec.log));
  TRY(check_log_target(log));
  if (!spec.runtime.empty() && spec.runtime != "runc" && spec.runtime != "stack" &&
      spec.runtime != "io.containerd.runc.v2")
    return unsupported("runtime \"" + spec.runtime + "\" is not supported");
  if (!spec.storage_opt.empty())
    return unsupported(
        "storage_opt " + spec.storage_opt.begin()->first +
        " is not supported: overlay on this file system does not support limits per container");
  if (auto fault = find_fault(spec, static_cast<unsigned>(::get_nprocs_conf()))) return invalid(fault->text);
  return {};
}

namespace {

MountPoint planned(const MountSpec& mount) {
  MountPoint point{mount, {}};
  point.spec.target = clean_path(mount.target);
  if (mount.kind == MountKind::Bind) point.source.path = clean_path(mount.source);
  if (mount.kind == MountKind::Volume) {
    point.source.anonymous = mount.source.empty();
    point.source.volume = point.source.anonymous ? random_id() : mount.source;
  }
  return point;
}

}  // namespace

Result<std::vector<MountPoint>> ContainerFactory::plan_mounts(const ContainerSpec& spec,
                                                              const images::Image& image) const {
  std::vector<MountPoint> points;
  for (const MountSpec& mount : spec.mounts) {
    if (!mount.target.starts_with('/'))
      return invalid("invalid mount target \"" + mount.target + "\": must be an absolute path");
    if (mount.kind == MountKind::Volume && !mount.source.empty())
      TRY(volumes::check_volume_name(mount.source));
    points.push_back(planned(mount));
    if (mount.kind == MountKind::Bind && is_docker_socket(mount.source))
      points.back().source.path = context_.paths.socket();
  }
  if (spec.api_socket) {
    MountSpec socket;
    socket.kind = MountKind::Bind;
    socket.source = context_.paths.socket();
    socket.target = "/var/run/docker.sock";
    points.push_back(planned(socket));
  }
  // Its own mounts win over inherited ones, and of these the last.
  const std::vector<MountPoint> own = points;
  auto at = [](const std::string& path) {
    return [&path](const MountPoint& point) { return point.spec.target == path; };
  };
  for (const std::string& entry : spec.volumes_from) {
    std::string name = entry.substr(0, entry.find(':'));
    bool read_only = entry.ends_with(":ro");
    Result<ContainerPtr> other = context_.require_container(name);
    if (!other) return std::move(other).error().in("volumes_from");
    for (MountPoint point : (*other)->mounts) {
      const std::string target = point.spec.target;
      if (point.spec.kind == MountKind::Tmpfs || std::any_of(own.begin(), own.end(), at(target))) continue;
      std::erase_if(points, at(target));
      point.spec.read_only = point.spec.read_only || read_only;
      point.spec.create_host_path = false;
      point.source.anonymous = false;
      points.push_back(point);
    }
  }
  auto taken = [&](const std::string& path) {
    return std::any_of(points.begin(), points.end(), at(path));
  };
  for (const std::string& path : image.config().volumes) {
    std::string destination = clean_path(path);
    if (!destination.starts_with('/') || destination == "/" || taken(destination)) continue;
    MountSpec anonymous;
    anonymous.target = destination;
    points.push_back(planned(anonymous));
  }
  return points;
}

namespace {

// "linux/arm64/v8": compares system and architecture.
Result<> check_platform(const ContainerSpec& spec, const images::Image& image) {
  std::vector<std::string> parts = split(spec.platform, '/');
  if (parts.size() < 2) return {};
  std::string wanted = parts[1] == "x86_64" ? "amd64" : parts[1] == "aarch64" ? "arm64" : parts[1];
  const std::string& architecture = image.document.architecture;
  if (parts[0] == "linux" && (architecture.empty() || architecture == wanted)) return {};
  return invalid("image " + spec.image + " is for linux/" + architecture + ", not for the platform " +
                 spec.platform);
}

// The ports that `publish_all` publishes must be known without the image.
void add_exposed_ports(ContainerSpec& spec, const std::vector<std::string>& ports) {
  for (const std::string& port : ports)
    if (std::find(spec.exposed_ports.begin(), spec.exposed_ports.end(), port) == spec.exposed_ports.end())
      spec.exposed_ports.push_back(port);
}

void take_over_volumes(std::vector<MountPoint>& mounts, const Container& former) {
  for (MountPoint& mount : mounts) {
    if (!mount.source.anonymous) continue;
    for (const MountPoint& old : former.mounts)
      if (old.source.anonymous && old.spec.target == mount.spec.target)
        mount.source.volume = old.source.volume;
  }
}

}  // namespace

Task<Result<ContainerPtr>> ContainerFactory::create(ContainerSpec spec, CreateOptions options) {
  if (spec.name.empty()) spec.name = free_name();
  apply_default_log(context_.settings.log, spec.log);
  Result<> checked = check_spec(spec);
  CO_TRY(checked);
  Result<images::Image> image = parts_.images.resolve(spec.image);
  CO_TRY(image);
  Result<> fitting = check_platform(spec, *image);
  CO_TRY(fitting);
  Result<std::vector<MountPoint>> mounts = plan_mounts(spec, *image);
  CO_TRY(mounts);
  if (options.volumes_of) take_over_volumes(*mounts, *options.volumes_of);

  auto container = std::make_shared<Container>(context_.io);
  container->id = ContainerId(random_id());
  container->image_id = image->id;
  container->created_at = rfc3339(std::chrono::system_clock::now());
  container->mounts = std::move(*mounts);
  container->config_text = std::move(options.config_text);
  container->state.started_at = container->state.finished_at = kZeroTime;
  for (const EndpointSpec& endpoint : spec.endpoints) {
    Endpoint wanted;
    wanted.spec = endpoint;
    container->endpoints.push_back(std::move(wanted));
  }
  container->spec = std::move(spec);
  if (container->spec.publish_all) add_exposed_ports(container->spec, image->config().exposed_ports);
  // From here on the record names everything that will be made, so that a crash leaves nothing without an
  // owner.
  context_.containers[container->id] = container;
  Result<> made = context_.save(*container);
  if (made) made = ensure_directory(context_.paths.container(container->id), 0700);
  if (made) made = co_await volumes_.make(container, std::move(*image));
  if (made) {
    (void)container->take(LifeEvent::Made);
    made = context_.save(*container);
  }
  if (!made) {
    (void)container->take(container->phase == Phase::Making ? LifeEvent::MakeFailed : LifeEvent::Remove);
    co_await removal_.discard(container);
    co_return std::move(made).error();
  }
  context_.publish(*container, "create");
  co_return container;
}

}  // namespace stack::engine
