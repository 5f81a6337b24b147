// Binds. Nodes do not have the files of this machine: small files of the project become configs or secrets.
#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr uint64_t kMostContent = 1000 * 1024;
constexpr uint64_t kMostSecretContent = 500 * 1024;
constexpr size_t kMostFiles = 200;
constexpr uint32_t kOthers = 0077, kReadable = 0444;

bool is_inside(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

// Relative to the project, so that the objects do not depend on its location.
std::string portable_path(const Draft& draft, const std::string& path) {
  return is_inside(path, draft.project.working_dir) && path != draft.project.working_dir
             ? path.substr(draft.project.working_dir.size() + 1)
             : path;
}

void add_node_path(Draft& draft, ServiceDraft& parts, const compose::VolumeMount& mount,
                   const std::string& pointer) {
  draft.notes.adapted(pointer, "the path must exist on every node that runs the service");
  OrderedJson out{{"Type", "bind"}, {"Source", mount.source}, {"Target", mount.target}};
  if (mount.read_only) out["ReadOnly"] = true;
  OrderedJson options = OrderedJson::object();
  if (mount.bind && !mount.bind->propagation.empty()) options["Propagation"] = mount.bind->propagation;
  if (mount.bind && mount.bind->recursive == "disabled") options["NonRecursive"] = true;
  if (!options.empty()) out["BindOptions"] = std::move(options);
  parts.container["Mounts"].push_back(std::move(out));
}

// An empty folder: the service keeps its data there.
void add_data_folder(Draft& draft, ServiceDraft& parts, const compose::VolumeMount& mount,
                     const std::string& pointer) {
  std::string name = object_name(draft.project.name, base_name(mount.source)) + "-" +
                     short_hash(portable_path(draft, mount.source));
  OrderedJson out{{"Type", "volume"},
                  {"Source", name},
                  {"Target", mount.target},
                  {"VolumeOptions", {{"Labels", {{std::string(kNamespaceLabel), draft.project.name}}}}}};
  if (mount.read_only) out["ReadOnly"] = true;
  use_local_volume(draft, parts, name, pointer);
  draft.notes.adapted(pointer, "a new volume, because the folder is empty");
  parts.container["Mounts"].push_back(std::move(out));
}

void add_copies(Draft& draft, ServiceDraft& parts, const compose::VolumeMount& mount,
                const HostContent& content, const std::string& pointer) {
  bool folder = content.kind == HostKind::Directory;
  const char* writable = mount.read_only ? "" : "; read-only";
  draft.notes.adapted(pointer, std::string(folder ? "copies of its files" : "a copy of the file") + writable);
  for (const HostFile& file : content.files) {
    ContentMount copy;
    copy.name = object_name(draft.project.name, base_name(folder ? file.path : mount.source));
    copy.bytes = file.bytes;
    copy.secret = (file.mode & kOthers) == 0 && file.bytes.size() <= kMostSecretContent;
    copy.target = folder ? mount.target + "/" + file.path : mount.target;
    copy.mode = file.mode | kReadable;
    copy.origin = pointer;
    add_content(draft, parts, copy);
  }
}

// Whether the source is read here, not on the nodes: `binds: copy` or `node` of the extension, else by its place.
bool is_copied(const Draft& draft, const ServiceDraft& parts, const std::string& source) {
  std::string wish = string_or(extension(parts.service.extensions), "binds");
  if (wish == "copy" || wish == "node") return wish == "copy";
  return is_inside(source, draft.project.working_dir);
}

}  // namespace

void add_bind(Draft& draft, ServiceDraft& parts, const compose::VolumeMount& mount,
              const std::string& pointer) {
  if (!is_copied(draft, parts, mount.source)) return add_node_path(draft, parts, mount, pointer);
  HostContent content = draft.inputs.read_host(mount.source, kMostContent);
  std::string portable = portable_path(draft, mount.source);
  constexpr std::string_view kOtherwise =
      ": copy it into the image, use a named volume, or put it on the nodes and set `x-stack-swarm: {binds: "
      "node}`";
  if (content.kind == HostKind::Special) {
    draft.notes.refused(pointer, portable + " is a socket, pipe, or device");
  } else if (!content.unreadable.empty()) {
    draft.notes.refused(pointer, "cannot be read: " + content.unreadable);
  } else if (content.too_large || content.files.size() > kMostFiles) {
    draft.notes.refused(pointer, portable + " has more than 1000 kB or " + std::to_string(kMostFiles) +
                                     " files" + std::string(kOtherwise));
  } else if (content.files.empty()) {
    add_data_folder(draft, parts, mount, pointer);
  } else {
    add_copies(draft, parts, mount, content, pointer);
  }
}

}  // namespace stack::targets::swarm
