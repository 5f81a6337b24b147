// Configs and secrets of a service.
#include "base/text.h"
#include "orchestrator/targets/kubernetes/content_object.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr uint32_t kDefaultMode = 0444;

bool is_root(const std::string& id) { return id.empty() || id == "0"; }

// A file whose owner is not root: copied by an init container, because the files of a Secret belong to root.
void add_owned_file(Draft& draft, Pod& pod, const Service& service, const compose::FileMount& mount,
                    const std::string& volume, OrderedJson& out) {
  constexpr std::string_view kFrom = "/.stack-from", kTo = "/.stack-to";
  std::string name = pod_volume(pod, volume + "-owned-" + short_hash(mount.uid + ":" + mount.gid),
                                {{"emptyDir", {{"medium", "Memory"}}}});
  std::string owner = (mount.uid.empty() ? "0" : mount.uid) + ":" + (mount.gid.empty() ? "0" : mount.gid);
  OrderedJson container =
      helper_container(draft, pod, service, with_suffix("own-", object_name(mount.source)),
                       {"copy", std::string(kFrom), std::string(kTo), owner});
  container["volumeMounts"].push_back(mount_at(volume, std::string(kFrom), true));
  container["volumeMounts"].push_back(mount_at(name, std::string(kTo)));
  pod.init_containers.push_back(std::move(container));
  out["volumeMounts"].push_back(mount_at(name, mount.target, true, std::string(kContentFile)));
}

void add_file(Draft& draft, Pod& pod, const Service& service, const compose::FileMount& mount,
              const compose::FileObject& object, bool secret, const std::string& pointer, OrderedJson& out) {
  uint32_t mode = mount.mode.value_or(kDefaultMode);
  std::string kind = secret ? "secret" : "config";
  if (object.external) {
    // The key in an object that someone else created.
    OrderedJson items =
        OrderedJson::array({{{"key", mount.source}, {"path", std::string(kContentFile)}, {"mode", mode}}});
    OrderedJson source{{secret ? "secretName" : "name", object_name(object.name)},
                       {"items", std::move(items)}};
    std::string name = pod_volume(pod, kind + "-" + mount.source + "-" + std::to_string(mode),
                                  {{secret ? "secret" : "configMap", std::move(source)}});
    draft.notes.adapted(pointer, "the key " + mount.source + " of the " +
                                     (secret ? "Secret " : "ConfigMap ") + object_name(object.name) +
                                     ", which must exist");
    out["volumeMounts"].push_back(mount_at(name, mount.target, true, std::string(kContentFile)));
    return;
  }
  std::vector<HostFile> files;
  if (object.directory) {
    HostContent content = draft.inputs.read_host(object.file, kMostContent);
    files = std::move(content.files);
    if (content.too_large || !content.unreadable.empty())
      return draft.notes.refused(pointer, "the folder is too large or cannot be read");
  } else if (object.bytes && object.bytes->size() <= kMostContent) {
    files.push_back({"", *object.bytes, mode});
  } else {
    return draft.notes.refused(pointer, object.bytes
                                            ? "more than 1 MB, which does not fit into a ConfigMap or Secret"
                                            : "the contents are not known");
  }
  std::string object_id = add_content_object(draft, object.name, files, secret,
                                             pointer_to(secret ? "/secrets" : "/configs", mount.source), "");
  OrderedJson source = content_source(object_id, files, secret);
  // The mode is unchanged: the file belongs to its reader.
  if (!object.directory) source[secret ? "secret" : "configMap"]["items"][0]["mode"] = mode;
  std::string name =
      pod_volume(pod, kind + "-" + mount.source + "-" + std::to_string(mode), std::move(source));
  if (object.directory) {
    out["volumeMounts"].push_back(mount_at(name, mount.target, true));
  } else if (is_root(mount.uid) && is_root(mount.gid)) {
    out["volumeMounts"].push_back(mount_at(name, mount.target, true, std::string(kContentFile)));
  } else if ((mount.uid.empty() || is_all_digits(mount.uid)) &&
             (mount.gid.empty() || is_all_digits(mount.gid))) {
    draft.notes.adapted(pointer, "an init container sets the owner");
    add_owned_file(draft, pod, service, mount, name, out);
  } else {
    draft.notes.lost(pointer, "the owner must be a number");
    out["volumeMounts"].push_back(mount_at(name, mount.target, true, std::string(kContentFile)));
  }
}

void add_all(Draft& draft, Pod& pod, const Service& service, bool secret, OrderedJson& out) {
  const auto& mounts = secret ? service.secrets : service.configs;
  const auto& objects = secret ? draft.project.secrets : draft.project.configs;
  std::string pointer = service_pointer(service, secret ? "/secrets" : "/configs");
  for (size_t i = 0; i < mounts.size(); ++i) {
    auto found = objects.find(mounts[i].source);
    if (found != objects.end())
      add_file(draft, pod, service, mounts[i], found->second, secret, pointer_to(pointer, std::to_string(i)),
               out);
  }
}

}  // namespace

void add_files(Draft& draft, Pod& pod, const Service& service, OrderedJson& out) {
  add_all(draft, pod, service, false, out);
  add_all(draft, pod, service, true, out);
}

}  // namespace stack::targets::kubernetes
