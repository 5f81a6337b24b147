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
      TRY(remove_tree(folder(name)));
      continue;
    }
    if (!check_volume_name(name) || !is_directory(folder(name) + "/_data")) continue;
    volumes_[name] = read_volume(folder(name), name);
  }
  return {};
}

Result<Volume> VolumeStore::create(const VolumeSpec& spec) {
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
  TRY_ASSIGN(bool made, add(volume));
  if (made && told_) told_(Change::Created, volume);
  return volume;
}

// false: it is there already, and `volume` becomes that one.
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
  if (!volume->options.empty()) return false;
  std::lock_guard lock(populate_mutex_);
  return fill_volume(folder(name), source).in("populate volume " + name);
}

Result<uint64_t> VolumeStore::disk_usage(const std::string& name) const {
  std::optional<Volume> volume = find(name);
  if (!volume) return not_found("get " + name + ": no such volume");
  return tree_bytes(volume->mountpoint);
}

}  // namespace stack::volumes
