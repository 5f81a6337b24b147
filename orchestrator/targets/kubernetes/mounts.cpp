// Volumes of a service: persistent volume claims, memory, and the mounts of other services.
#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr std::string_view kDefaultSize = "1Gi";
constexpr std::string_view kFillPath = "/.stack-volume";
constexpr std::string_view kDataFolder = "data";

std::string driver_option(const compose::StringMap& options, const std::string& name) {
  auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

// The value of `name=` in mount options: "addr=10.0.0.1,rw".
std::string mount_option(const std::string& options, const std::string& name) {
  for (const std::string& part : split(options, ','))
    if (part.starts_with(name + "=")) return part.substr(name.size() + 1);
  return "";
}

// The source of a named volume in a pod. Our claims hold the contents in a folder, which hides the file system's
// lost+found and the marker of the first fill.
struct VolumeSource {
  OrderedJson source;
  bool filled = true;   // filled from the image when new
  bool claimed = true;  // a claim that several pods can use only on one node
};

VolumeSource source_of(Draft& draft, const Pod& pod, const std::string& key, const compose::Volume& volume) {
  std::string type = driver_option(volume.driver_opts, "type");
  std::string options = driver_option(volume.driver_opts, "o");
  std::string device = driver_option(volume.driver_opts, "device");
  std::string pointer = pointer_to("/volumes", key) + "/driver_opts";
  if (!volume.external && (type == "nfs" || type == "nfs4")) {
    std::string server = mount_option(options, "addr");
    std::string path = device.starts_with(":") ? device.substr(1) : device;
    if (server.empty() && device.find(":/") != std::string::npos) {
      server = device.substr(0, device.find(":/"));
      path = device.substr(device.find(":/") + 1);
    }
    if (!server.empty() && path.starts_with("/")) {
      draft.notes.adapted(pointer, "an NFS volume of the pods; other mount options are the nodes'");
      return {{{"nfs", {{"server", server}, {"path", path}}}}, false, false};
    }
  }
  if (!volume.external && type == "tmpfs") {
    draft.notes.adapted(pointer, "memory of each pod; not shared between services");
    OrderedJson memory{{"medium", "Memory"}};
    auto size = parse_byte_size(mount_option(options, "size"));
    if (size && size->bytes > 0) memory["sizeLimit"] = std::to_string(size->bytes);
    return {{{"emptyDir", std::move(memory)}}, false, false};
  }
  if (pod.kind == WorkloadKind::DaemonSet && !volume.external) {
    draft.notes.adapted(pointer_to("/volumes", key), "a folder of each node");
    return {{{"hostPath",
              {{"path", "/var/lib/stack-volumes/" + claim_name(volume)}, {"type", "DirectoryOrCreate"}}}},
            true,
            false};
  }
  return {{{"persistentVolumeClaim", {{"claimName", claim_name(volume)}}}}, !volume.external, true};
}

void add_fill(Draft& draft, Pod& pod, const Service& service, const std::string& volume,
              const std::string& target) {
  OrderedJson container = helper_container(draft, pod, service, with_suffix("fill-", volume),
                                           {"fill", target, std::string(kFillPath)});
  for (const OrderedJson& other : pod.init_containers)
    if (other["command"] == container["command"] && other["image"] == container["image"] &&
        other["volumeMounts"][0]["name"] == volume)
      return;
  container["volumeMounts"].insert(container["volumeMounts"].begin(),
                                   mount_at(volume, std::string(kFillPath)));
  pod.init_containers.push_back(std::move(container));
}

void add_named(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
               OrderedJson& out) {
  auto found = draft.project.volumes.find(mount.source);
  if (found == draft.project.volumes.end()) return;
  VolumeSource source = source_of(draft, pod, mount.source, found->second);
  std::string name = pod_volume(pod, "volume-" + mount.source, source.source);
  std::string sub_path = source.filled ? std::string(kDataFolder) : "";
  if (mount.volume && !mount.volume->subpath.empty())
    sub_path += (sub_path.empty() ? "" : "/") + mount.volume->subpath;
  bool fills = source.filled && !(mount.volume && mount.volume->nocopy);
  if (fills) add_fill(draft, pod, service, name, mount.target);
  if (source.claimed && !mount.read_only &&
      draft.claims[mount.source].size() + static_cast<size_t>(compose::replicas(service)) > 2)
    draft.notes.adapted(
        pointer_to("/volumes", mount.source),
        "one claim; the pods that use it run on one node, unless access_mode is ReadWriteMany");
  out["volumeMounts"].push_back(mount_at(name, mount.target, mount.read_only, sub_path));
}

void add_anonymous(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
                   OrderedJson& out) {
  std::string name = pod_volume(pod, "anonymous-" + short_hash(service.name + mount.target),
                                {{"emptyDir", OrderedJson::object()}});
  add_fill(draft, pod, service, name, mount.target);
  out["volumeMounts"].push_back(mount_at(name, mount.target, mount.read_only, std::string(kDataFolder)));
}

OrderedJson memory_of(int64_t bytes) {
  OrderedJson memory{{"medium", "Memory"}};
  if (bytes > 0) memory["sizeLimit"] = std::to_string(bytes);
  return {{"emptyDir", std::move(memory)}};
}

void add_memory(Pod& pod, const Service& service, const std::string& target, int64_t bytes,
                OrderedJson& out) {
  std::string name = pod_volume(pod, "memory-" + short_hash(service.name + target), memory_of(bytes));
  out["volumeMounts"].push_back(mount_at(name, target));
}

// "/run:size=1m,mode=700"
void add_short_tmpfs(Draft& draft, Pod& pod, const Service& service, size_t index, OrderedJson& out) {
  const std::string& text = service.tmpfs[index];
  std::string target = text.substr(0, text.find(':'));
  std::string options = text.find(':') == std::string::npos ? "" : text.substr(text.find(':') + 1);
  auto size = parse_byte_size(mount_option(options, "size"));
  if (!mount_option(options, "mode").empty())
    draft.notes.adapted(pointer_to(service_pointer(service, "/tmpfs"), std::to_string(index)),
                        "with mode 0777");
  add_memory(pod, service, target, size ? size->bytes : 0, out);
}

void add_mount(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
               const std::string& pointer, OrderedJson& out) {
  switch (mount.type) {
    case compose::MountType::Volume:
      if (mount.source.empty()) {
        add_anonymous(draft, pod, service, mount, out);
      } else {
        add_named(draft, pod, service, mount, out);
      }
      return;
    case compose::MountType::Bind:
      add_bind(draft, pod, service, mount, pointer, out);
      return;
    case compose::MountType::Tmpfs:
      if (mount.tmpfs && mount.tmpfs->mode && *mount.tmpfs->mode != 01777 && *mount.tmpfs->mode != 0777)
        draft.notes.adapted(pointer + "/tmpfs/mode", "0777");
      add_memory(pod, service, mount.target, mount.tmpfs ? mount.tmpfs->size.bytes : 0, out);
      return;
    case compose::MountType::Image: {
      std::string name =
          pod_volume(pod, "image-" + short_hash(mount.source),
                     {{"image", {{"reference", mount.source}, {"pullPolicy", "IfNotPresent"}}}});
      draft.notes.adapted(pointer, "an image volume; needs Kubernetes 1.33 or later");
      out["volumeMounts"].push_back(
          mount_at(name, mount.target, true, mount.image ? mount.image->subpath : std::string()));
      return;
    }
  }
}

void add_borrowed(Draft& draft, Pod& pod, const Service& service, OrderedJson& out) {
  for (size_t i = 0; i < service.volumes_from.size(); ++i) {
    std::vector<std::string> parts = split(service.volumes_from[i], ':');
    std::string pointer = pointer_to(service_pointer(service, "/volumes_from"), std::to_string(i));
    auto found = draft.project.services.find(parts[0]);
    if (found == draft.project.services.end()) {
      draft.notes.refused(pointer, "containers outside the project do not exist");
      continue;
    }
    bool read_only = parts.size() > 1 && parts.back() == "ro";
    for (compose::VolumeMount mount : found->second.volumes) {
      if (mount.type == compose::MountType::Volume && mount.source.empty()) {
        draft.notes.lost(pointer, "anonymous volumes are not shared: give " + mount.target + " a name");
        continue;
      }
      if (read_only) mount.read_only = true;
      bool mounted = false;
      for (const OrderedJson& other : out["volumeMounts"])
        mounted = mounted || other["mountPath"] == mount.target;
      if (!mounted) add_mount(draft, pod, service, mount, pointer, out);
    }
  }
}

}  // namespace

void add_mounts(Draft& draft, Pod& pod, const Service& service, OrderedJson& out) {
  for (size_t i = 0; i < service.volumes.size(); ++i)
    add_mount(draft, pod, service, service.volumes[i],
              pointer_to(service_pointer(service, "/volumes"), std::to_string(i)), out);
  for (size_t i = 0; i < service.tmpfs.size(); ++i) add_short_tmpfs(draft, pod, service, i, out);
  add_borrowed(draft, pod, service, out);
  if (service.shm_size.bytes > 0) {
    std::string name = pod_volume(pod, "shm-" + short_hash(service.name), memory_of(service.shm_size.bytes));
    out["volumeMounts"].push_back(mount_at(name, "/dev/shm"));
  }
}

void add_claims(Draft& draft) {
  for (const auto& [key, volume] : draft.project.volumes) {
    std::string type = driver_option(volume.driver_opts, "type");
    auto users = draft.claims.find(key);
    if (volume.external || type == "nfs" || type == "nfs4" || type == "tmpfs") continue;
    bool claimed = users == draft.claims.end();
    if (!claimed)
      for (const std::string& service : users->second)
        claimed = claimed || draft.kinds.at(service) != WorkloadKind::DaemonSet;
    if (!claimed) continue;
    std::string pointer = pointer_to("/volumes", key);
    if (!type.empty() || !driver_option(volume.driver_opts, "device").empty())
      draft.notes.lost(pointer + "/driver_opts", "the claim's storage class decides where the data is");
    Json extension = Draft::extension(volume.extensions);
    OrderedJson spec{
        {"accessModes", OrderedJson::array({string_or(extension, "access_mode", "ReadWriteOnce")})}};
    std::string storage_class = string_or(extension, "class");
    if (!storage_class.empty()) spec["storageClassName"] = storage_class;
    spec["resources"] = {
        {"requests", {{"storage", string_or(extension, "size", std::string(kDefaultSize))}}}};
    KubeObject& claim = draft.add("v1", "PersistentVolumeClaim", claim_name(volume), "", pointer,
                                  {{"spec", std::move(spec)}});
    for (const auto& [name, value] : volume.labels) {
      if (is_qualified_name(name)) {
        claim.body["metadata"]["annotations"][name] = value;
      } else {
        draft.notes.lost(pointer_to(pointer + "/labels", name), "not a valid name for an annotation");
      }
    }
  }
}

}  // namespace stack::targets::kubernetes
