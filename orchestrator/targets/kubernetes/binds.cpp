// Binds: the contents of the source become a ConfigMap or Secret; data folders become claims.
#include <algorithm>

#include "base/base64.h"
#include "base/files.h"
#include "base/text.h"
#include "orchestrator/targets/kubernetes/content_object.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr uint32_t kOthers = 0077;

// Paths that every node has, which containers mount to watch or manage it.
bool is_node_path(const std::string& path) {
  constexpr std::string_view kTrees[] = {"/proc",
                                         "/sys",
                                         "/dev",
                                         "/run",
                                         "/var/run",
                                         "/var/log",
                                         "/lib/modules",
                                         "/usr/src",
                                         "/etc/localtime",
                                         "/etc/timezone",
                                         "/etc/machine-id",
                                         "/var/lib/docker",
                                         "/var/lib/containers",
                                         "/usr/share/zoneinfo"};
  if (path == "/") return true;
  return std::any_of(std::begin(kTrees), std::end(kTrees), [&](std::string_view tree) {
    return path == tree || path.starts_with(std::string(tree) + "/");
  });
}

// Relative to the project, so that the objects do not depend on its location.
std::string portable_path(const Draft& draft, const std::string& path) {
  std::string base = draft.project.working_dir + "/";
  return path.starts_with(base) ? path.substr(base.size()) : path;
}

void add_node_path(Draft& draft, Pod& pod, const compose::VolumeMount& mount, const std::string& pointer,
                   OrderedJson& out) {
  std::string name =
      pod_volume(pod, "node-" + short_hash(mount.source), {{"hostPath", {{"path", mount.source}}}});
  draft.notes.adapted(pointer, "the path of the node on which the pod runs");
  OrderedJson entry = mount_at(name, mount.target, mount.read_only);
  if (mount.bind && (mount.bind->propagation == "rshared" || mount.bind->propagation == "shared"))
    entry["mountPropagation"] = "Bidirectional";
  if (mount.bind && (mount.bind->propagation == "rslave" || mount.bind->propagation == "slave"))
    entry["mountPropagation"] = "HostToContainer";
  out["volumeMounts"].push_back(std::move(entry));
}

// An empty folder: the service keeps its data there.
void add_data_folder(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
                     const std::string& pointer, OrderedJson& out) {
  std::string portable = portable_path(draft, mount.source);
  if (mount.read_only) {
    std::string name =
        pod_volume(pod, "empty-" + short_hash(portable), {{"emptyDir", OrderedJson::object()}});
    draft.notes.adapted(pointer, "an empty folder, as it is now");
    out["volumeMounts"].push_back(mount_at(name, mount.target, true));
    return;
  }
  std::string key = "bind " + portable;
  draft.claims[key].insert(service.name);
  std::string claim = with_suffix(object_name(draft.project.name + "-" + base_name(mount.source)),
                                  "-" + short_hash(portable));
  bool made = std::any_of(draft.objects.begin(), draft.objects.end(), [&](const KubeObject& object) {
    return object.kind == "PersistentVolumeClaim" && object.name == claim;
  });
  if (!made)
    draft.add("v1", "PersistentVolumeClaim", claim, "", pointer,
              {{"spec",
                {{"accessModes", OrderedJson::array({"ReadWriteOnce"})},
                 {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}});
  draft.notes.adapted(pointer, "a new volume, because the folder is empty; the data stays in the cluster");
  std::string name =
      pod_volume(pod, "bind-" + short_hash(portable), {{"persistentVolumeClaim", {{"claimName", claim}}}});
  pod.labels["stack.volume." + claim] = "true";
  out["volumeMounts"].push_back(mount_at(name, mount.target, false, "data"));
}

// 127.0.0.11 is the DNS server of container engines.
void find_dns_address(Draft& draft, const HostContent& content, const std::string& pointer) {
  for (const HostFile& file : content.files)
    if (file.bytes.find("127.0.0.11") != std::string::npos)
      draft.notes.lost(pointer, (file.path.empty() ? "the file" : file.path) +
                                    " names the DNS server 127.0.0.11, which a cluster does not have");
}

void add_copied_folder(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
                       const std::string& source, OrderedJson& out) {
  constexpr std::string_view kFrom = "/.stack-from", kTo = "/.stack-to";
  std::string name = pod_volume(pod, source + "-copy", {{"emptyDir", OrderedJson::object()}});
  OrderedJson container = helper_container(draft, pod, service, with_suffix("copy-", source),
                                           {"copy", std::string(kFrom), std::string(kTo)});
  container["volumeMounts"].push_back(mount_at(source, std::string(kFrom), true));
  container["volumeMounts"].push_back(mount_at(name, std::string(kTo)));
  bool done = std::any_of(
      pod.init_containers.begin(), pod.init_containers.end(),
      [&](const OrderedJson& other) { return other["volumeMounts"] == container["volumeMounts"]; });
  if (!done) pod.init_containers.push_back(std::move(container));
  out["volumeMounts"].push_back(mount_at(name, mount.target));
}

void add_contents(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
                  const HostContent& content, const std::string& pointer, OrderedJson& out) {
  find_dns_address(draft, content, pointer);
  bool secret = std::any_of(content.files.begin(), content.files.end(),
                            [](const HostFile& file) { return (file.mode & kOthers) == 0; });
  std::string object = add_content_object(draft, draft.project.name + "-" + base_name(mount.source),
                                          content.files, secret, pointer, "");
  std::string name = pod_volume(pod, "files-" + object.substr(object.rfind('-') + 1),
                                content_source(object, content.files, secret));
  if (content.kind == HostKind::File) {
    draft.notes.adapted(pointer, mount.read_only ? "a copy of the file" : "a copy of the file; read-only");
    out["volumeMounts"].push_back(mount_at(name, mount.target, true, std::string(kContentFile)));
  } else if (mount.read_only) {
    draft.notes.adapted(pointer, "a copy of the folder");
    out["volumeMounts"].push_back(mount_at(name, mount.target, true));
  } else {
    draft.notes.adapted(pointer, "a copy of the folder for each pod; changes do not outlive the pod");
    add_copied_folder(draft, pod, service, mount, name, out);
  }
}

}  // namespace

void add_bind(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
              const std::string& pointer, OrderedJson& out) {
  if (is_node_path(mount.source) || draft.inputs.host_paths.contains(mount.source))
    return add_node_path(draft, pod, mount, pointer, out);
  HostContent content = draft.inputs.read_host(mount.source, kMostContent);
  std::string portable = portable_path(draft, mount.source);
  if (content.kind == HostKind::Special) {
    draft.notes.refused(pointer, portable + " is a socket, pipe, or device, which a cluster does not have");
  } else if (!content.unreadable.empty()) {
    draft.notes.refused(pointer, "cannot be read: " + content.unreadable);
  } else if (content.too_large) {
    draft.notes.refused(pointer,
                        portable + " has more than " + std::to_string(kMostContent / 1000) +
                            " kB, which does not fit into a ConfigMap: copy it into the image, or use a " +
                            "named volume");
  } else if (content.files.empty()) {
    add_data_folder(draft, pod, service, mount, pointer, out);
  } else {
    add_contents(draft, pod, service, mount, content, pointer, out);
  }
}

}  // namespace stack::targets::kubernetes
