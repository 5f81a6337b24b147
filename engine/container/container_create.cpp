// ContainerService: creates and removes containers.
#include <sys/sysinfo.h>

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/container_run.h"
#include "engine/container/container_service.h"
#include "engine/container/refusal.h"
#include "engine/container/spec_check.h"
#include "engine/logs/log_settings.h"
#include "model/docker_socket.h"
#include "model/labels.h"
#include "model/link.h"
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

std::string ContainerService::free_name() const {
  constexpr int kTries = 6;
  std::string name;
  for (int i = 0; i < kTries; ++i) {
    name = random_name(std::stoull(random_hex(6), nullptr, 16));
    if (!context_.find_container(name)) return name;
  }
  return name + "_" + random_hex(5);
}

Result<> ContainerService::check_spec(const ContainerSpec& spec) const {
  TRY(check_container_name(spec.name));
  if (ContainerPtr holder = context_.find_container(spec.name); holder && holder->spec.name == spec.name)
    return conflict("Conflict. The container name \"/" + spec.name + "\" is already in use by container \"" +
                    holder->id +
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

Result<std::vector<MountPoint>> ContainerService::plan_mounts(const ContainerSpec& spec,
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
  for (const std::string& entry : spec.volumes_from) {
    std::string name = entry.substr(0, entry.find(':'));
    bool read_only = entry.ends_with(":ro");
    Result<ContainerPtr> other = context_.require_container(name);
    if (!other) return std::move(other).error().in("volumes_from");
    for (MountPoint point : (*other)->mounts) {
      if (point.spec.kind == MountKind::Tmpfs) continue;
      point.spec.read_only = point.spec.read_only || read_only;
      point.spec.create_host_path = false;
      point.source.anonymous = false;
      points.push_back(point);
    }
  }
  auto taken = [&](const std::string& path) {
    return std::any_of(points.begin(), points.end(),
                       [&](const MountPoint& p) { return p.spec.target == path; });
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

Task<Result<ContainerPtr>> ContainerService::create(ContainerSpec spec, CreateOptions options) {
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
  container->id = random_id();
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
  if (made) made = co_await make_mounts(container, std::move(*image));
  if (made) {
    (void)container->take(LifeEvent::Made);
    made = context_.save(*container);
  }
  if (!made) {
    (void)container->take(container->phase == Phase::Making ? LifeEvent::MakeFailed : LifeEvent::Remove);
    co_await discard(container);
    co_return std::move(made).error();
  }
  context_.publish(*container, "create");
  co_return container;
}

namespace {

constexpr size_t kRemembered = 1000;

}  // namespace

std::optional<int> ContainerService::exit_code_of_removed(const std::string& id) const {
  for (const auto& [removed, exit_code] : removed_)
    if (removed == id) return exit_code;
  return std::nullopt;
}

// The anonymous volumes that no other container mounts.
std::vector<std::string> ContainerService::own_volumes(const Container& container) const {
  std::vector<std::string> names;
  for (const MountPoint& mount : container.mounts) {
    if (!mount.source.anonymous) continue;
    bool shared = std::any_of(context_.containers.begin(), context_.containers.end(), [&](const auto& entry) {
      const std::vector<MountPoint>& mounts = entry.second->mounts;
      return entry.first != container.id &&
             std::any_of(mounts.begin(), mounts.end(),
                         [&](const MountPoint& m) { return m.source.volume == mount.source.volume; });
    });
    if (!shared) names.push_back(mount.source.volume);
  }
  return names;
}

// Removes the record and everything that belongs only to the container. Continues after failures.
Task<> ContainerService::discard(ContainerPtr container) {
  auto work = [paths = context_.paths, id = container->id, name = container->spec.name,
               cgroup = cgroup_path(*container), cgroups = parts_.cgroups, &store = parts_.volumes,
               volumes = own_volumes(*container)] {
    auto note = [&name](const Result<>& done) {
      if (!done && done.error().kind() != ErrorKind::NotFound)
        log_warning("container " + name + ": " + done.error().text());
    };
    for (const std::string& volume : volumes) note(store.remove(volume, {}));
    note(remove_container_folder(paths, id));
    note(remove_tree(paths.container_run(id)));
    if (cgroups.exists(cgroup)) note(cgroups.remove(cgroup));
    return true;
  };
  co_await offload(context_.pool, work);
  parts_.networks.forget(*container);
  (void)context_.store.remove(Table::Containers, container->id);
  context_.containers.erase(container->id);
  if (container->spec.auto_remove) removed_.emplace_back(container->id, container->state.exit_code);
  if (removed_.size() > kRemembered) removed_.pop_front();
  (void)container->take(LifeEvent::Discarded);
  for (auto& attach : std::exchange(container->waiting_attaches, {}))
    attach.done(not_found("container " + container->spec.name + " was removed"));
  container->changed.notify_all();
}

Task<Result<>> ContainerService::remove(ContainerPtr container, bool force, bool volumes) {
  LifeEvent request = force ? LifeEvent::ForceRemove : LifeEvent::Remove;
  while (next(container->phase, request).verdict == Verdict::Wait) co_await container->changed.wait();
  bool was_paused = container->phase == Phase::Paused;
  if (container->take(request) != Verdict::Go) co_return refusal(*container, request);
  if (!volumes)
    for (MountPoint& mount : container->mounts) mount.source.anonymous = false;
  container->commands.preempt();
  if (std::shared_ptr<ContainerRun> run = container->run) {
    end_launch(*run);
    if (was_paused) (void)parts_.cgroups.thaw(cgroup_path(*container));
    container->changed.notify_all();
    bool ended = co_await kill_until_ended(container, run);
    if (!ended) log_warning("container " + container->spec.name + " did not end after SIGKILL");
    (void)co_await await_end(container, run, std::chrono::steady_clock::time_point::max());
  }
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  // After a crash from here on, the next engine completes the removal.
  (void)context_.save(*container);
  co_await discard(container);
  context_.publish(*container, "destroy");
  co_return Result<>();
}

Task<Result<>> ContainerService::rename(ContainerPtr container, std::string name) {
  if (container->leaving()) co_return refusal(*container, LifeEvent::Remove);
  if (name.starts_with('/')) name.erase(0, 1);
  Result<> checked = check_container_name(name);
  CO_TRY(checked);
  if (ContainerPtr holder = context_.find_container(name);
      holder && holder->spec.name == name && holder != container)
    co_return conflict("Conflict. The container name \"/" + name + "\" is already in use by container \"" +
                       holder->id + "\".");
  std::string old = std::exchange(container->spec.name, name);
  for (Endpoint& endpoint : container->endpoints)
    std::replace(endpoint.spec.aliases.begin(), endpoint.spec.aliases.end(), old, name);
  Result<> saved = context_.save(*container);
  CO_TRY(saved);
  parts_.networks.refresh_names(*container);
  context_.publish(*container, "rename", {{"oldName", "/" + old}});
  co_return Result<>();
}

Result<> ContainerService::remove_link(const std::string& name, const std::string& alias) {
  TRY_ASSIGN(ContainerPtr container, context_.require_container(name).in("link " + name + "/" + alias));
  auto names_alias = [&alias](const std::string& link) { return parse_link(link).alias == alias; };
  size_t removed = std::erase_if(container->spec.links, names_alias);
  for (Endpoint& endpoint : container->endpoints) removed += std::erase_if(endpoint.spec.links, names_alias);
  if (removed == 0) return not_found("No such link: /" + container->spec.name + "/" + alias);
  TRY(context_.save(*container));
  parts_.networks.refresh_names(*container);
  return {};
}

}  // namespace stack::engine
