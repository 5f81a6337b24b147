#include "engine/container/container_volumes.h"

#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "model/labels.h"
#include "runtime/rootfs/rootfs_view.h"
#include "volumes/bind_source.h"

namespace stack::engine {

namespace {

bool has_volumes(const Container& container) {
  return std::any_of(container.mounts.begin(), container.mounts.end(),
                     [](const MountPoint& m) { return m.spec.kind == MountKind::Volume; });
}

// Fills volumes from the image; runs on the pool. `mounted`: those with driver options, or all others.
Result<> fill_volumes(volumes::VolumeStore& store, const std::vector<MountPoint>& mounts,
                      const images::Image& image, bool mounted) {
  Fd view;
  for (const MountPoint& mount : mounts) {
    const MountSpec& spec = mount.spec;
    if (spec.kind != MountKind::Volume || !spec.subpath.empty() || spec.no_copy || image.layer_dirs.empty())
      continue;
    std::optional<volumes::Volume> volume = store.find(mount.source.volume);
    if (!volume || volume->options.empty() == mounted) continue;
    if (!view) {
      TRY_ASSIGN(view, runtime::open_rootfs_view(image.layer_dirs));
    }
    Result<Fd> source = runtime::open_in_root(view.get(), spec.target, O_RDONLY | O_DIRECTORY);
    if (!source) continue;  // the image has no files at this path
    Result<bool> filled = store.populate(mount.source.volume, source->get());
    if (!filled) return std::move(filled).error().in("volume " + mount.source.volume);
  }
  return {};
}

volumes::VolumeSpec volume_spec(const Container& container, const MountPoint& mount) {
  volumes::VolumeSpec spec;
  spec.name = mount.source.volume;
  spec.driver = mount.spec.volume_driver;
  spec.options = mount.spec.volume_options;
  spec.labels = mount.spec.volume_labels;
  if (!mount.source.anonymous) return spec;
  spec.labels["com.docker.volume.anonymous"] = "";
  // Lets `down -v` find it after its container is removed.
  std::string project = container.label(label::kProject);
  if (!project.empty()) spec.labels[label::kProject] = project;
  return spec;
}

}  // namespace

Task<Result<>> ContainerVolumes::make(ContainerPtr container, images::Image image) {
  for (MountPoint& mount : container->mounts) {
    if (mount.spec.kind == MountKind::Bind) {
      Result<volumes::BindSource> source =
          volumes::ensure_bind_source(mount.source.path, mount.spec.create_host_path);
      CO_TRY(source);
    } else if (mount.spec.kind == MountKind::Volume) {
      Result<volumes::Volume> volume = parts_.volumes.create(volume_spec(*container, mount));
      CO_TRY(volume);
      mount.source.path = volume->mountpoint;
      mount.spec.recursive = !volume->options.empty();
    }
  }
  if (!has_volumes(*container)) co_return Result<>();
  auto work = [&store = parts_.volumes, mounts = container->mounts, image = std::move(image)] {
    return fill_volumes(store, mounts, image, false);
  };
  Result<> filled = co_await offload(context_.pool, std::move(work));
  co_return filled;
}

Task<Result<>> ContainerVolumes::attach(ContainerPtr container) {
  bool any = false;
  for (MountPoint& mount : container->mounts) {
    // Again at each start, like in Docker: it may be on a tmpfs that a reboot emptied.
    if (mount.spec.kind == MountKind::Bind && mount.spec.create_host_path) {
      Result<volumes::BindSource> source = volumes::ensure_bind_source(mount.source.path, true);
      CO_TRY(source);
    }
    if (mount.spec.kind != MountKind::Volume) continue;
    std::optional<volumes::Volume> volume = parts_.volumes.find(mount.source.volume);
    if (!volume) co_return not_found("volume " + mount.source.volume + " does not exist");
    if (volume->options.empty()) continue;
    any = true;
    mount.source.path = volume->mountpoint;
    mount.spec.recursive = true;
  }
  if (!any) co_return Result<>();
  Result<images::Image> image = parts_.images.resolve(container->image_id);
  CO_TRY(image);
  auto work = [&store = parts_.volumes, mounts = container->mounts, id = container->id.text(),
               from = std::move(*image)]() -> Result<> {
    for (const MountPoint& mount : mounts)
      if (mount.spec.kind == MountKind::Volume) TRY(store.attach(mount.source.volume, id));
    return fill_volumes(store, mounts, from, true);
  };
  Result<> attached = co_await offload(context_.pool, std::move(work));
  co_return attached;
}

Task<> ContainerVolumes::detach(ContainerPtr container) {
  bool any = std::any_of(container->mounts.begin(), container->mounts.end(), [this](const MountPoint& mount) {
    std::optional<volumes::Volume> volume = parts_.volumes.find(mount.source.volume);
    return volume && !volume->options.empty();
  });
  if (!any) co_return;
  auto work = [&store = parts_.volumes, mounts = container->mounts, id = container->id.text()] {
    for (const MountPoint& mount : mounts) {
      if (mount.spec.kind != MountKind::Volume) continue;
      Result<> detached = store.detach(mount.source.volume, id);
      if (!detached) log_warning(detached.error().text());
    }
    return true;
  };
  co_await offload(context_.pool, std::move(work));
}

void ContainerVolumes::adopt(const std::vector<ContainerPtr>& alive) {
  for (const ContainerPtr& container : alive)
    for (const MountPoint& mount : container->mounts)
      if (mount.spec.kind == MountKind::Volume)
        parts_.volumes.adopt(mount.source.volume, container->id.text());
  if (!context_.unreadable.empty()) return;
  Result<> unmounted = parts_.volumes.unmount_unused();
  if (!unmounted) log_warning(unmounted.error().text());
}

std::vector<std::string> ContainerVolumes::owned_by(const Container& container) const {
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

}  // namespace stack::engine
