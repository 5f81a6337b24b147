#include "engine/container/mount_sources.h"

#include <fcntl.h>

#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

Result<Fd> open_image(const MountPoint& mount, images::ImageStore& images) {
  TRY_ASSIGN(images::Image image, images.resolve(mount.source));
  TRY_ASSIGN(Fd view, runtime::open_rootfs_view(image.layer_dirs));
  if (mount.subpath.empty()) return view;
  return runtime::open_in_root(view.get(), mount.subpath, O_PATH);
}

Result<Fd> open_volume(const MountPoint& mount) {
  Fd volume(::open(mount.source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!volume) return Error::last_errno(mount.source);
  return runtime::open_in_root(volume.get(), mount.subpath, O_PATH);
}

// A slave or shared bind must be created from the host's mount before all mounts become private.
bool follows_the_host(const MountPoint& mount) {
  return mount.kind == MountKind::Bind &&
         (mount.propagation.ends_with("slave") || mount.propagation.ends_with("shared"));
}

Result<Fd> open_source(const MountPoint& mount, images::ImageStore& images) {
  if (mount.kind == MountKind::Image) return open_image(mount, images).in("image " + mount.source);
  if (mount.kind == MountKind::Volume) return open_volume(mount).in("volume " + mount.name);
  Fd source(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
  if (!source) return Error::last_errno("bind source " + mount.source);
  return source;
}

}  // namespace

Result<std::map<std::string, Fd>> open_mount_sources(const Container& container, images::ImageStore& images) {
  std::map<std::string, Fd> sources;
  for (const MountPoint& mount : container.mounts) {
    bool of_volume = mount.kind == MountKind::Volume && !mount.subpath.empty() && mount.filesystem.empty();
    if (mount.kind != MountKind::Image && !of_volume && !follows_the_host(mount)) continue;
    Result<Fd> source = open_source(mount, images);
    if (!source && !mount.subpath.empty()) return std::move(source).error().in("subpath " + mount.subpath);
    if (!source) return std::move(source).error();
    sources.emplace(mount.destination, std::move(*source));
  }
  return sources;
}

}  // namespace stack::engine
