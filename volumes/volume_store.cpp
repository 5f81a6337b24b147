#include "volumes/volume_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/directory.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/units.h"
#include "volumes/content.h"
#include "volumes/host_mount.h"

namespace stack::volumes {

namespace {

Json description_of(const Volume& volume) {
  return Json{{"created", volume.created},
              {"driver", volume.driver},
              {"anonymous", volume.anonymous},
              {"options", volume.options},
              {"labels", volume.labels}};
}

std::map<std::string, std::string> string_map(const Json& object, const char* key) {
  std::map<std::string, std::string> out;
  auto member = object.find(key);
  if (member == object.end() || !member->is_object()) return out;
  for (const auto& [name, value] : member->items()) {
    if (value.is_string()) out[name] = value.get<std::string>();
  }
  return out;
}

Volume read_volume(const std::string& folder, const std::string& name) {
  Volume volume;
  volume.name = name;
  volume.mountpoint = folder + "/_data";
  Result<std::string> text = read_file(folder + "/volume.json", 1 << 20);
  if (!text) return volume;
  Result<Json> json = parse_json(*text);
  if (!json || !json->is_object()) return volume;
  volume.created = string_or(*json, "created");
  volume.driver = string_or(*json, "driver", "local");
  volume.anonymous = bool_or(*json, "anonymous");
  volume.options = string_map(*json, "options");
  volume.labels = string_map(*json, "labels");
  return volume;
}

Result<> make_folder(const std::string& folder, const Volume& volume) {
  TRY(ensure_directory(folder, 0711));
  TRY(ensure_directory(folder + "/_data", 0755));
  if (::chmod((folder + "/_data").c_str(), 0755) != 0) return Error::last_errno("chmod " + folder + "/_data");
  return write_file(folder + "/volume.json", to_text(description_of(volume)) + "\n", 0600);
}

// Must precede the removal of a volume's folder, which would otherwise remove the files of mounted file systems.
Result<> release_mounts(const std::string& folder) {
  TRY(unmount_on_host(folder + "/_data"));
  TRY_ASSIGN(std::vector<std::string> points, mount_points_below(folder));
  if (points.empty()) return {};
  return conflict("a file system is mounted on " + points.front() + "; unmount it first");
}

}  // namespace

Result<std::unique_ptr<VolumeStore>> VolumeStore::open(std::string root) {
  std::unique_ptr<VolumeStore> store(new VolumeStore(std::move(root)));
  TRY(store->load().in("volumes"));
  return store;
}

Result<> VolumeStore::load() {
  // Denies access to others, who could otherwise run set-user-id programs in a volume (CVE-2021-41091).
  TRY(ensure_directory(root_, 0700));
  if (::chmod(root_.c_str(), 0700) != 0) return Error::last_errno("chmod " + root_);
  TRY_ASSIGN(std::vector<std::string> names, names_in(root_));
  for (const std::string& name : names) {
    if (name.starts_with(".new-") || name.starts_with(".gone-")) {
      if (release_mounts(folder(name))) TRY(remove_tree(folder(name)));
      continue;
    }
    if (!check_volume_name(name) || !is_directory(folder(name) + "/_data")) continue;
    volumes_[name] = read_volume(folder(name), name);
  }
  return {};
}

Result<Volume> VolumeStore::described(const VolumeSpec& spec) const {
  Volume volume;
  volume.anonymous = spec.name.empty();
  volume.name = volume.anonymous ? random_id() : spec.name;
  TRY(check_volume_name(volume.name));
  volume.driver = spec.driver.empty() ? "local" : spec.driver;
  if (volume.driver != "local")
    return not_found("volume " + volume.name + ": volume driver \"" + volume.driver + "\" not found");
  volume.options = spec.options;
  volume.labels = spec.labels;
  volume.mountpoint = folder(volume.name) + "/_data";
  volume.created = rfc3339(std::chrono::system_clock::now());
  TRY(mount_of(volume));
  return volume;
}

Result<Volume> VolumeStore::create(const VolumeSpec& spec) {
  TRY_ASSIGN(Volume volume, described(spec));
  TRY_ASSIGN(bool made, add(volume));
  if (made && told_) told_(Change::Created, volume);
  return volume;
}

// false: a volume of this name exists, and `volume` is set to it.
Result<bool> VolumeStore::add(Volume& volume) {
  std::lock_guard lock(mutex_);
  auto existing = volumes_.find(volume.name);
  if (existing != volumes_.end()) {
    if (existing->second.driver != volume.driver)
      return conflict("volume " + volume.name + ": already exists with driver " + existing->second.driver);
    volume = existing->second;
    return false;
  }
  std::string fresh = root_ + "/.new-" + random_hex(8);
  Result<> made = make_folder(fresh, volume);
  if (made && ::rename(fresh.c_str(), folder(volume.name).c_str()) != 0) made = Error::last_errno("rename");
  if (!made) {
    (void)remove_tree(fresh);
    return std::move(made).error().in("create volume " + volume.name);
  }
  volumes_[volume.name] = volume;
  return true;
}

std::optional<Volume> VolumeStore::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto found = volumes_.find(name);
  if (found == volumes_.end()) return std::nullopt;
  return found->second;
}

std::vector<Volume> VolumeStore::list() const {
  std::lock_guard lock(mutex_);
  std::vector<Volume> all;
  all.reserve(volumes_.size());
  for (const auto& [name, volume] : volumes_) all.push_back(volume);
  return all;
}

Result<> VolumeStore::remove(const std::string& name, std::span<const std::string> users) {
  std::string grave = root_ + "/.gone-" + random_hex(8);
  Volume gone;
  {
    std::lock_guard lock(mutex_);
    if (!volumes_.contains(name)) return not_found("get " + name + ": no such volume");
    if (!users.empty()) {
      std::string text = "remove " + name + ": volume is in use - [";
      for (size_t i = 0; i < users.size(); ++i) text += (i > 0 ? ", " : "") + users[i];
      return conflict(text + "]");
    }
    if (mounted_.used(name)) return conflict("remove " + name + ": volume is in use");
    TRY(release_mounts(folder(name)).in("remove volume " + name));
    if (::rename(folder(name).c_str(), grave.c_str()) != 0 && errno != ENOENT)
      return Error::last_errno("remove volume " + name);
    gone = std::move(volumes_.extract(name).mapped());
  }
  if (told_) told_(Change::Removed, gone);
  return remove_tree(grave).in("remove volume " + name);
}

Result<bool> VolumeStore::populate(const std::string& name, int source) {
  std::optional<Volume> volume = find(name);
  if (!volume) return not_found("get " + name + ": no such volume");
  std::lock_guard lock(populate_mutex_);
  bool own = volume->options.empty();
  if (!own && !mounted_.used(name)) return conflict("populate volume " + name + ": it is not mounted");
  FillPlaces places = own ? places_beside(folder(name)) : places_inside(volume->mountpoint);
  return fill_volume(places, source, sets_owner(*volume)).in("populate volume " + name);
}

Result<> VolumeStore::attach(const std::string& name, const std::string& user) {
  std::optional<Volume> volume = find(name);
  return volume ? mounted_.acquire(*volume, user) : Result<>();
}

Result<> VolumeStore::detach(const std::string& name, const std::string& user) {
  std::optional<Volume> volume = find(name);
  return volume ? mounted_.release(*volume, user) : Result<>();
}

void VolumeStore::adopt(const std::string& name, const std::string& user) {
  if (std::optional<Volume> volume = find(name)) mounted_.adopt(*volume, user);
}

Result<> VolumeStore::unmount_unused() {
  Result<> outcome;
  for (const Volume& volume : list()) {
    Result<> done = mounted_.unmount_unused(volume);
    if (!done && outcome) outcome = std::move(done);
  }
  return outcome;
}

Result<uint64_t> VolumeStore::disk_usage(const std::string& name) const {
  std::optional<Volume> volume = find(name);
  if (!volume) return not_found("get " + name + ": no such volume");
  return tree_bytes(volume->mountpoint);
}

Result<VolumeStore::Staging> VolumeStore::stage(const std::string& name) {
  TRY(check_volume_name(name));
  std::optional<Volume> volume = find(name);
  if (volume && !volume->options.empty()) {
    FillPlaces places = places_inside(volume->mountpoint);
    TRY(remove_tree(places.part));
    TRY_ASSIGN(bool filled, holds_files(places));
    if (filled)
      return conflict("volume " + name + " has driver options and is not empty; remove its files first, because "
                      "its file system cannot be exchanged");
    TRY(ensure_directory(places.part, 0755));
    return Staging{volume->mountpoint, base_name(places.part), true};
  }
  std::string fresh = root_ + "/.new-" + random_hex(8);
  TRY(ensure_directory(fresh + "/_data", 0755));
  if (::chmod(fresh.c_str(), 0711) != 0) return Error::last_errno("chmod " + fresh);
  return Staging{fresh, "_data", false};
}

Result<Volume> VolumeStore::commit(const Staging& staging, const VolumeSpec& spec, bool replace) {
  // Syncs first, so that a power cut after the exchange does not leave files without contents.
  TRY_ASSIGN(Fd staged, open_file(staging.parent + "/" + staging.entry, O_RDONLY | O_DIRECTORY));
  if (::syncfs(staged.get()) != 0) return Error::last_errno("sync");
  std::optional<Volume> existing = find(spec.name);
  if (staging.in_volume) {
    if (!existing) return not_found("get " + spec.name + ": no such volume");
    TRY(publish_staged(places_inside(existing->mountpoint)).in("volume " + spec.name));
    return *existing;
  }
  return existing ? exchange(staging, *existing, replace) : create_from(staging, spec);
}

Result<Volume> VolumeStore::exchange(const Staging& staging, const Volume& volume, bool replace) {
  std::lock_guard lock(mutex_);
  TRY_ASSIGN(bool filled, holds_files(places_beside(folder(volume.name))));
  if (filled && !replace) return conflict("volume " + volume.name + " is not empty");
  std::string staged = staging.parent + "/" + staging.entry;
  if (::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, volume.mountpoint.c_str(), RENAME_EXCHANGE) != 0)
    return Error::last_errno("exchange the files of volume " + volume.name);
  (void)remove_tree(staging.parent);
  return volume;
}

Result<Volume> VolumeStore::create_from(const Staging& staging, const VolumeSpec& spec) {
  TRY_ASSIGN(Volume volume, described(spec));
  TRY(write_file(staging.parent + "/volume.json", to_text(description_of(volume)) + "\n", 0600));
  {
    std::lock_guard lock(mutex_);
    if (volumes_.contains(volume.name)) return conflict("volume " + volume.name + " already exists");
    if (::rename(staging.parent.c_str(), folder(volume.name).c_str()) != 0)
      return Error::last_errno("create volume " + volume.name);
    volumes_[volume.name] = volume;
  }
  if (told_) told_(Change::Created, volume);
  return volume;
}

void VolumeStore::discard(const Staging& staging) {
  (void)remove_tree(staging.in_volume ? staging.parent + "/" + staging.entry : staging.parent);
}

}  // namespace stack::volumes
