#include "engine/container/container_roots.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/copy_tree.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/container_run.h"
#include "images/builder/solver/stage.h"
#include "images/layer/layer_changes.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

// Mount points that the runtime creates if the image lacks them.
const std::vector<std::string> kOwnMountPoints{
    "/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv"};

bool is_empty_directory_or_file(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return false;
  return S_ISDIR(info.st_mode) || (S_ISREG(info.st_mode) && info.st_size == 0);
}

Result<> copy_upper(const std::string& upper, const images::StagedLayer& staged,
                    const std::vector<std::string>& lower, const std::vector<std::string>& mount_points) {
  if (is_directory(upper)) {
    TRY_ASSIGN(Fd from, open_file(upper, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(Fd to, open_file(staged.directory(), O_RDONLY | O_DIRECTORY));
    CopyOptions options;
    options.keep_opaque = true;
    TRY(copy_tree(from.get(), to.get(), options));
  }
  TRY_ASSIGN(images::LayerView below, images::LayerView::open(lower));
  return builder::remove_mount_points(below, staged.directory(), mount_points);
}

// Docker's Config of a container: the image's, overridden by the container's.
images::ImageConfig committed_config(const ContainerSpec& spec, images::ImageConfig config) {
  for (const std::string& entry : spec.env) {
    std::string key = entry.substr(0, entry.find('='));
    std::erase_if(config.env, [&](const std::string& e) { return e.substr(0, e.find('=')) == key; });
    if (entry.find('=') != std::string::npos) config.env.push_back(entry);
  }
  if (spec.entrypoint) {
    config.entrypoint = *spec.entrypoint;
    if (!spec.command) config.cmd.clear();
  }
  if (spec.command) config.cmd = *spec.command;
  if (!spec.working_dir.empty()) config.working_dir = spec.working_dir;
  if (!spec.user.empty()) config.user = spec.user;
  if (!spec.stop_signal.empty()) config.stop_signal = spec.stop_signal;
  for (const auto& [key, value] : spec.labels) config.labels[key] = value;
  std::set<std::string> ports(config.exposed_ports.begin(), config.exposed_ports.end());
  ports.insert(spec.exposed_ports.begin(), spec.exposed_ports.end());
  config.exposed_ports.assign(ports.begin(), ports.end());
  if (spec.healthcheck && !spec.healthcheck->test.empty()) {
    const HealthcheckSpec& check = *spec.healthcheck;
    config.healthcheck = images::Healthcheck{check.test,         check.interval,       check.timeout,
                                             check.start_period, check.start_interval, check.retries};
  }
  return config;
}

// Applies the overrides in a client's request body.
void apply_overrides(const Json& body, images::ImageConfig& config) {
  if (!body.is_object()) return;
  images::ImageConfig wanted = images::image_config_from_json(body);
  if (!wanted.env.empty()) config.env = wanted.env;
  if (!wanted.entrypoint.empty()) config.entrypoint = wanted.entrypoint;
  if (!wanted.cmd.empty()) config.cmd = wanted.cmd;
  if (!wanted.working_dir.empty()) config.working_dir = wanted.working_dir;
  if (!wanted.user.empty()) config.user = wanted.user;
  if (!wanted.stop_signal.empty()) config.stop_signal = wanted.stop_signal;
  if (!wanted.exposed_ports.empty()) config.exposed_ports = wanted.exposed_ports;
  if (!wanted.volumes.empty()) config.volumes = wanted.volumes;
  for (const auto& [key, value] : wanted.labels) config.labels[key] = value;
}

}  // namespace

std::vector<std::string> ContainerRoots::mount_points(const Container& container) const {
  std::vector<std::string> points = kOwnMountPoints;
  for (const MountPoint& mount : container.mounts) points.push_back(mount.spec.target);
  for (const FileSpec& file : container.spec.files) points.push_back(clean_path(file.target));
  return points;
}

Result<std::vector<images::LayerChange>> ContainerRoots::changes(const Container& container) const {
  TRY_ASSIGN(images::Image image, parts_.images.resolve(container.image_id));
  TRY_ASSIGN(images::LayerView below, images::LayerView::open(image.layer_dirs));
  std::string upper = facts_.upper_directory(container);
  std::vector<std::string> points = mount_points(container);
  auto ignored = [&](const std::string& path) {
    return std::find(points.begin(), points.end(), path) != points.end() &&
           is_empty_directory_or_file(upper + path);
  };
  return images::layer_changes(upper, below, ignored);
}

Result<std::function<Result<runtime::ContainerFiles>()>> ContainerRoots::files_of(
    const Container& container) const {
  if (container.has_process()) {
    TRY_ASSIGN(Fd pidfd, container.run->process->pidfd.duplicate());
    auto held = std::make_shared<Fd>(std::move(pidfd));
    return std::function([held, pid = static_cast<pid_t>(container.state.pid)] {
      return runtime::open_running_files(held->get(), pid);
    });
  }
  TRY_ASSIGN(images::Image image, parts_.images.resolve(container.image_id));
  std::string state_dir = context_.paths.container(container.id);
  std::string rootfs = state_dir + "/rootfs";
  for (const char* part : {"/upper", "/work", "/merged", "/empty"})
    TRY(ensure_directory(rootfs + part, 0755));
  runtime::StoppedFiles stopped;
  stopped.lower_dirs = image.layer_dirs;
  if (stopped.lower_dirs.empty()) stopped.lower_dirs.push_back(rootfs + "/empty");
  stopped.upper_dir = rootfs + "/upper";
  stopped.work_dir = rootfs + "/work";
  stopped.attach_point = rootfs + "/merged";
  stopped.read_only = container.spec.read_only;
  for (const MountPoint& mount : container.mounts) {
    const MountSpec& spec = mount.spec;
    if (spec.kind == MountKind::Bind || spec.kind == MountKind::Volume)
      stopped.mounts.push_back({mount.source.path, spec.subpath, spec.target, spec.read_only});
  }
  for (const char* name : {"hosts", "hostname", "resolv.conf"})
    if (path_exists(state_dir + "/" + name))
      stopped.mounts.push_back({state_dir + "/" + name, "", std::string("/etc/") + name, false});
  return std::function([stopped = std::move(stopped), &store = parts_.volumes, mounts = container.mounts,
                        user = "files " + container.id.text()]() -> Result<runtime::ContainerFiles> {
    // The opened files have their own mounts.
    Result<> attached;
    for (const MountPoint& mount : mounts)
      if (attached && mount.spec.kind == MountKind::Volume)
        attached = store.attach(mount.source.volume, user);
    Result<runtime::ContainerFiles> files = Error("not opened");
    if (attached) files = runtime::open_stopped_files(stopped);
    for (const MountPoint& mount : mounts)
      if (mount.spec.kind == MountKind::Volume) (void)store.detach(mount.source.volume, user);
    if (!attached) return std::move(attached).error();
    return files;
  });
}

namespace {

// Its process may have exited without our having heard of it.
bool has_ended(const Container& container) {
  if (container.phase != Phase::Running || !container.has_process()) return true;
  pollfd exited{container.run->process->pidfd.get(), POLLIN, 0};
  return ::poll(&exited, 1, 0) == 1;
}

}  // namespace

Task<Result<images::Image>> ContainerRoots::commit(ContainerPtr container, CommitRequest request) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  if (container->leaving())
    co_return conflict("You cannot commit container " + container->id.text() + " which is Dead");
  Result<images::Image> base = parts_.images.resolve(container->image_id);
  CO_TRY(base);
  std::string cgroup = facts_.cgroup_path(*container);
  bool frozen = request.pause && container->phase == Phase::Running;
  if (frozen) {
    auto freeze = [cgroups = parts_.cgroups, cgroup] { return cgroups.freeze(cgroup); };
    Result<> done = co_await offload(context_.pool, freeze);
    // A container that exits meanwhile needs no freeze, and its cgroup may be gone.
    frozen = done.has_value();
    if (!done && !has_ended(*container)) co_return std::move(done).error();
  }
  images::ImageDocument document = base->document;
  document.created = rfc3339(std::chrono::system_clock::now());
  document.author = request.author;
  document.config = committed_config(container->spec, base->config());
  apply_overrides(request.overrides, document.config);
  std::vector<std::string> shown = document.config.entrypoint;
  shown.insert(shown.end(), document.config.cmd.begin(), document.config.cmd.end());
  auto work = [&store = parts_.images, base = *base, document, shown, request, id = container->id.text(),
               image = container->spec.image, upper = facts_.upper_directory(*container),
               points = mount_points(*container)]() mutable -> Result<images::Image> {
    TRY_ASSIGN(std::vector<images::LayerPin> pins, store.pin_layers(base));
    TRY_ASSIGN(images::StagedLayer staged, store.stage_layer());
    TRY(copy_upper(upper, staged, base.layer_dirs, points));
    TRY_ASSIGN(images::LayerPin layer, store.commit_layer(std::move(staged)));
    if (layer) document.diff_ids.push_back(layer->diff_id);
    document.history.push_back(
        {document.created, join(shown, " "), request.comment, request.author, layer == nullptr});
    images::ImageOrigin origin{id, images::docker_config(document.config), base.id};
    origin.config["Image"] = image;
    return store.create_image_from(images::with_origin(images::to_json_text(document), origin), request.tags);
  };
  Result<images::Image> made = co_await offload(context_.pool, work);
  if (frozen) {
    Result<> thawed = parts_.cgroups.thaw(cgroup);
    if (!thawed) log_error("container " + container->spec.name + ": " + thawed.error().text());
  }
  if (made) context_.publish(*container, "commit", {{"comment", request.comment}, {"imageID", made->id}});
  co_return made;
}

}  // namespace stack::engine
