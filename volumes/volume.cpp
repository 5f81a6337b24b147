#include "volumes/volume.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace stack::volumes {

namespace {

constexpr size_t kLongestName = 255;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

struct FlagName {
  std::string_view word;
  unsigned long set;
  unsigned long clear;
};

// mount(8), "filesystem-independent mount options".
constexpr std::array kFlagNames{
    FlagName{"defaults", 0, 0},
    FlagName{"ro", MS_RDONLY, 0},
    FlagName{"rw", 0, MS_RDONLY},
    FlagName{"nosuid", MS_NOSUID, 0},
    FlagName{"suid", 0, MS_NOSUID},
    FlagName{"nodev", MS_NODEV, 0},
    FlagName{"dev", 0, MS_NODEV},
    FlagName{"noexec", MS_NOEXEC, 0},
    FlagName{"exec", 0, MS_NOEXEC},
    FlagName{"noatime", MS_NOATIME, 0},
    FlagName{"atime", 0, MS_NOATIME},
    FlagName{"nodiratime", MS_NODIRATIME, 0},
    FlagName{"diratime", 0, MS_NODIRATIME},
    FlagName{"relatime", MS_RELATIME, 0},
    FlagName{"norelatime", 0, MS_RELATIME},
    FlagName{"strictatime", MS_STRICTATIME, 0},
    FlagName{"sync", MS_SYNCHRONOUS, 0},
    FlagName{"async", 0, MS_SYNCHRONOUS},
    FlagName{"dirsync", MS_DIRSYNC, 0},
};

struct MountWords {
  bool bind = false;
  bool recursive = false;
  unsigned long flags = 0;
  std::vector<std::string> others;
};

MountWords parse_mount_words(std::string_view options) {
  MountWords words;
  for (const std::string& word : split(options, ',')) {
    if (word.empty()) continue;
    if (word == "bind" || word == "rbind") {
      words.bind = true;
      words.recursive = word == "rbind";
      continue;
    }
    auto known = std::find_if(kFlagNames.begin(), kFlagNames.end(),
                              [&](const FlagName& name) { return name.word == word; });
    if (known == kFlagNames.end()) {
      words.others.push_back(word);
      continue;
    }
    words.flags = (words.flags & ~known->clear) | known->set;
  }
  return words;
}

std::string option(const Volume& volume, const std::string& key) {
  auto found = volume.options.find(key);
  return found == volume.options.end() ? std::string() : found->second;
}

Result<> check_options(const Volume& volume) {
  for (const auto& [key, value] : volume.options) {
    if (key != "type" && key != "o" && key != "device")
      return invalid("invalid option of the local volume driver: \"" + key +
                     "\" (must be type, o, or device)");
  }
  if (volume.options.empty()) return {};
  if (option(volume, "device").empty()) return invalid("missing required option: \"device\"");
  if (option(volume, "type").empty() && !parse_mount_words(option(volume, "o")).bind)
    return invalid("missing required option: \"type\"");
  return {};
}

}  // namespace

Result<> check_volume_name(std::string_view name) {
  bool good = !name.empty() && name.size() <= kLongestName && is_alphanumeric(name.front());
  for (char c : name) good = good && (is_alphanumeric(c) || c == '_' || c == '.' || c == '-');
  if (good) return {};
  return invalid("\"" + std::string(name) +
                 "\" includes invalid characters for a volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]*\" "
                 "are allowed; use an absolute path for a host folder");
}

Result<VolumeMount> mount_of(const Volume& volume) {
  TRY(check_options(volume).in("volume " + volume.name));
  VolumeMount mount;
  if (volume.options.empty()) {
    mount.source = volume.mountpoint;
    return mount;
  }
  std::string type = option(volume, "type");
  MountWords words = parse_mount_words(option(volume, "o"));
  mount.source = option(volume, "device");
  mount.flags = words.flags;
  if (words.bind || type == "none" || type == "bind") {
    if (!mount.source.starts_with('/'))
      return invalid("volume " + volume.name + ": device \"" + mount.source + "\" must be an absolute path");
    mount.recursive = words.recursive;
    return mount;
  }
  mount.type = type;
  mount.filesystem_options = join(words.others, ",");
  return mount;
}

bool sets_owner(const Volume& volume) {
  std::vector<std::string> words = parse_mount_words(option(volume, "o")).others;
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word.starts_with("uid=") || word.starts_with("gid=") || word.starts_with("mode=");
  });
}

Json volume_to_json(const Volume& volume) {
  return Json{{"Name", volume.name},         {"Driver", volume.driver},
              {"Scope", volume.scope},       {"Mountpoint", volume.mountpoint},
              {"CreatedAt", volume.created}, {"Labels", volume.labels},
              {"Options", volume.options}};
}

}  // namespace stack::volumes
