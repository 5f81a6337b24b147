// Volumes and memory file systems of a service.
#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr int kVersionOfSubpath = 45;

void push(ServiceDraft& parts, OrderedJson mount) { parts.container["Mounts"].push_back(std::move(mount)); }

bool is_mounted(const ServiceDraft& parts, const std::string& target) {
  for (const OrderedJson& mount : parts.container.value("Mounts", OrderedJson::array()))
    if (mount["Target"] == target) return true;
  return false;
}

// Whether every node reaches the same data: a file system of the network.
bool is_shared(const compose::Volume& volume) {
  if (!volume.driver.empty() && volume.driver != "local") return true;
  auto type = volume.driver_opts.find("type");
  if (type == volume.driver_opts.end()) return false;
  constexpr std::string_view kNetworkTypes[] = {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "9p"};
  return std::find(std::begin(kNetworkTypes), std::end(kNetworkTypes), type->second) !=
         std::end(kNetworkTypes);
}

OrderedJson volume_options(const Draft& draft, const compose::Volume& volume,
                           const compose::VolumeMount& mount) {
  OrderedJson out = OrderedJson::object();
  if (mount.volume && mount.volume->nocopy) out["NoCopy"] = true;
  if (mount.volume && !mount.volume->subpath.empty()) out["Subpath"] = mount.volume->subpath;
  if (volume.external) return out;
  OrderedJson labels = pairs(volume.labels);
  labels[std::string(kNamespaceLabel)] = draft.project.name;
  out["Labels"] = std::move(labels);
  if (!volume.driver.empty() || !volume.driver_opts.empty()) {
    out["DriverConfig"]["Name"] = volume.driver.empty() ? "local" : volume.driver;
    if (!volume.driver_opts.empty()) out["DriverConfig"]["Options"] = pairs(volume.driver_opts);
  }
  return out;
}

void add_volume(Draft& draft, ServiceDraft& parts, const compose::VolumeMount& mount,
                const std::string& pointer) {
  OrderedJson out{{"Type", "volume"}, {"Target", mount.target}};
  if (mount.volume && !mount.volume->subpath.empty() && !draft.knows(kVersionOfSubpath))
    return draft.notes.refused(pointer + "/volume/subpath", "the manager's Docker is older than 26");
  if (mount.source.empty()) {
    draft.notes.adapted(pointer, "a new volume for each task");
  } else {
    auto volume = draft.project.volumes.find(mount.source);
    if (volume == draft.project.volumes.end()) return;
    out["Source"] = volume->second.name;
    OrderedJson options = volume_options(draft, volume->second, mount);
    if (!options.empty()) out["VolumeOptions"] = std::move(options);
    if (!is_shared(volume->second)) use_local_volume(draft, parts, volume->second.name, pointer);
  }
  if (mount.read_only) out["ReadOnly"] = true;
  push(parts, std::move(out));
}

void push_tmpfs(ServiceDraft& parts, const std::string& target, uint64_t size, std::optional<uint32_t> mode) {
  OrderedJson out{{"Type", "tmpfs"}, {"Target", target}};
  OrderedJson options = OrderedJson::object();
  if (size > 0) options["SizeBytes"] = size;
  if (mode) options["Mode"] = *mode;
  if (!options.empty()) out["TmpfsOptions"] = std::move(options);
  push(parts, std::move(out));
}

// "/run:size=1m,mode=700,uid=5"
void add_short_tmpfs(Draft& draft, ServiceDraft& parts, const std::string& text, const std::string& pointer) {
  size_t colon = text.find(':');
  uint64_t size = 0;
  std::optional<uint32_t> mode;
  std::vector<std::string> ignored;
  if (colon != std::string::npos)
    for (const std::string& option : split(text.substr(colon + 1), ',')) {
      if (option.starts_with("size=")) {
        auto parsed = parse_byte_size(option.substr(5));
        if (parsed) size = static_cast<uint64_t>(parsed->bytes);
      } else if (option.starts_with("mode=")) {
        mode = static_cast<uint32_t>(std::strtoul(option.c_str() + 5, nullptr, 8));
      } else if (!option.empty() && option != "rw" && option != "nosuid" && option != "nodev" &&
                 option != "noexec") {
        ignored.push_back(option);
      }
    }
  if (!ignored.empty()) draft.notes.lost(pointer, "only size and mode are supported: " + join(ignored, ", "));
  push_tmpfs(parts, text.substr(0, colon), size, mode);
}

void add_mount(Draft& draft, ServiceDraft& parts, const compose::VolumeMount& mount,
               const std::string& pointer) {
  switch (mount.type) {
    case compose::MountType::Volume:
      return add_volume(draft, parts, mount, pointer);
    case compose::MountType::Bind:
      return add_bind(draft, parts, mount, pointer);
    case compose::MountType::Tmpfs:
      return push_tmpfs(parts, mount.target, mount.tmpfs ? static_cast<uint64_t>(mount.tmpfs->size.bytes) : 0,
                        mount.tmpfs ? mount.tmpfs->mode : std::nullopt);
    case compose::MountType::Image:
      return draft.notes.refused(pointer, "services of a swarm cannot mount images");
  }
}

// The mounts of another service, without its anonymous volumes, which belong to its tasks.
void add_mounts_from(Draft& draft, ServiceDraft& parts, const std::string& entry,
                     const std::string& pointer) {
  std::vector<std::string> words = split(entry, ':');
  auto other = draft.project.services.find(words[0]);
  if (other == draft.project.services.end())
    return draft.notes.refused(pointer, "containers outside the project do not exist");
  bool read_only = words.back() == "ro";
  for (compose::VolumeMount mount : other->second.volumes) {
    if (is_mounted(parts, mount.target)) continue;
    if (mount.type == compose::MountType::Volume && mount.source.empty()) {
      draft.notes.lost(pointer, "anonymous volumes belong to one task");
      continue;
    }
    mount.read_only = mount.read_only || read_only;
    add_mount(draft, parts, mount, pointer);
  }
}

}  // namespace

void use_local_volume(Draft& draft, ServiceDraft& parts, const std::string& name,
                      const std::string& pointer) {
  draft.local_volumes[name].insert(parts.service.name);
  auto node = draft.inputs.nodes.find(name);
  draft.notes.adapted(pointer, "on the disk of one node, so that the service runs only there");
  if (node == draft.inputs.nodes.end()) return;
  parts.labels[std::string(kVolumeNodeLabel) + name] = node->second;
  std::string constraint = "node.id==" + node->second;
  if (std::find(parts.constraints.begin(), parts.constraints.end(), constraint) == parts.constraints.end())
    parts.constraints.push_back(constraint);
}

void add_mounts(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  for (size_t i = 0; i < service.volumes.size(); ++i)
    add_mount(draft, parts, service.volumes[i], pointer_to(parts.at("/volumes"), std::to_string(i)));
  for (size_t i = 0; i < service.volumes_from.size(); ++i)
    add_mounts_from(draft, parts, service.volumes_from[i],
                    pointer_to(parts.at("/volumes_from"), std::to_string(i)));
  for (size_t i = 0; i < service.tmpfs.size(); ++i)
    add_short_tmpfs(draft, parts, service.tmpfs[i], pointer_to(parts.at("/tmpfs"), std::to_string(i)));
  if (service.shm_size.bytes > 0)
    push_tmpfs(parts, "/dev/shm", static_cast<uint64_t>(service.shm_size.bytes), 01777);
}

}  // namespace stack::targets::swarm
