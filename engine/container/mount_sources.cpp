#include "engine/container/mount_sources.h"

#include <fcntl.h>

#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

Result<Fd> open_image(const MountPoint& mount, images::ImageStore& images) {
  TRY_ASSIGN(images::Image image, images.resolve(mount.spec.source));
  TRY_ASSIGN(Fd view, runtime::open_rootfs_view(image.layer_dirs));
  if (mount.spec.subpath.empty()) return view;
  return runtime::open_in_root(view.get(), mount.spec.subpath, O_PATH);
}

Result<Fd> open_volume(const MountPoint& mount) {
  Fd volume(::open(mount.source.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!volume) return Error::last_errno(mount.source.path);
  return runtime::open_in_root(volume.get(), mount.spec.subpath, O_PATH);
}

// A slave or shared bind must be created from the host's mount before all mounts become private.
bool follows_the_host(const MountPoint& mount) {
  return mount.spec.kind == MountKind::Bind &&
         (mount.spec.propagation.ends_with("slave") || mount.spec.propagation.ends_with("shared"));
}

Result<Fd> open_source(const MountPoint& mount, images::ImageStore& images) {
  if (mount.spec.kind == MountKind::Image) return open_image(mount, images).in("image " + mount.spec.source);
  if (mount.spec.kind == MountKind::Volume) return open_volume(mount).in("volume " + mount.source.volume);
  Fd source(::open(mount.source.path.c_str(), O_PATH | O_CLOEXEC));
  if (!source) return Error::last_errno("bind source " + mount.source.path);
  return source;
}

}  // namespace

Result<std::map<std::string, Fd>> open_mount_sources(const std::vector<MountPoint>& mounts,
                                                     images::ImageStore& images) {
  std::map<std::string, Fd> sources;
  for (const MountPoint& mount : mounts) {
    bool of_volume = mount.spec.kind == MountKind::Volume && !mount.spec.subpath.empty();
    if (mount.spec.kind != MountKind::Image && !of_volume && !follows_the_host(mount)) continue;
    Result<Fd> source = open_source(mount, images);
    if (!source && !mount.spec.subpath.empty()) return std::move(source).error().in("subpath " + mount.spec.subpath);
    if (!source) return std::move(source).error();
    sources.emplace(mount.spec.target, std::move(*source));
  }
  return sources;
}

}  // namespace stack::engine
