#include "engine/mount_sources.h"

#include <fcntl.h>

#include "runtime/rootfs_view.h"

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

}  // namespace

Result<std::map<std::string, Fd>> open_mount_sources(const Container& container, images::ImageStore& images) {
  std::map<std::string, Fd> sources;
  for (const MountPoint& mount : container.mounts) {
    bool of_volume = mount.kind == MountKind::Volume && !mount.subpath.empty() && mount.filesystem.empty();
    if (mount.kind != MountKind::Image && !of_volume) continue;
    Result<Fd> source = of_volume ? open_volume(mount) : open_image(mount, images);
    std::string what = of_volume ? "volume " + mount.name : "image " + mount.source;
    if (!mount.subpath.empty()) what += ": subpath " + mount.subpath;
    if (!source) return std::move(source).error().in(what);
    sources.emplace(mount.destination, std::move(*source));
  }
  return sources;
}

}  // namespace stack::engine
