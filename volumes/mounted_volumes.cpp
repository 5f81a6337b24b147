#include "volumes/mounted_volumes.h"

#include "volumes/host_mount.h"

namespace stack::volumes {

std::shared_ptr<MountedVolumes::Entry> MountedVolumes::entry(const std::string& name) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<Entry>& one = entries_[name];
  if (!one) one = std::make_shared<Entry>();
  return one;
}

Result<> MountedVolumes::acquire(const Volume& volume, const std::string& user) {
  if (volume.options.empty()) return {};
  std::shared_ptr<Entry> one = entry(volume.name);
  std::lock_guard mounting(one->mounting);
  if (!is_mount_point(volume.mountpoint)) {
    TRY_ASSIGN(VolumeMount mount, mount_of(volume));
    TRY(mount_on_host(mount, volume.mountpoint).in("volume " + volume.name));
  }
  std::lock_guard lock(mutex_);
  one->users.insert(user);
  return {};
}

Result<> MountedVolumes::release(const Volume& volume, const std::string& user) {
  if (volume.options.empty()) return {};
  std::shared_ptr<Entry> one = entry(volume.name);
  std::lock_guard mounting(one->mounting);
  {
    std::lock_guard lock(mutex_);
    if (one->users.erase(user) == 0 || !one->users.empty()) return {};
  }
  return unmount_on_host(volume.mountpoint).in("volume " + volume.name);
}

void MountedVolumes::adopt(const Volume& volume, const std::string& user) {
  if (volume.options.empty()) return;
  std::shared_ptr<Entry> one = entry(volume.name);
  std::lock_guard lock(mutex_);
  one->users.insert(user);
}

Result<> MountedVolumes::unmount_unused(const Volume& volume) {
  if (volume.options.empty()) return {};
  std::shared_ptr<Entry> one = entry(volume.name);
  std::lock_guard mounting(one->mounting);
  if (used(volume.name)) return {};
  return unmount_on_host(volume.mountpoint).in("volume " + volume.name);
}

bool MountedVolumes::used(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(name);
  return found != entries_.end() && !found->second->users.empty();
}

}  // namespace stack::volumes
