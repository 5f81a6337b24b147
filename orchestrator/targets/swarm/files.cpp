// Configs and secrets of a service. Their names contain a hash of the contents, because they cannot be changed.
#include <algorithm>

#include "base/base64.h"
#include "base/files.h"
#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr size_t kMostConfig = 1000 * 1024;
constexpr size_t kMostSecret = 500 * 1024;
constexpr size_t kLongestContentName = 64;
constexpr uint32_t kDefaultMode = 0444;

// Letters, digits, '.', '_', and '-', which begin and end with a letter or digit, as the swarm demands.
std::string valid_name(std::string name) {
  auto alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  for (char& c : name)
    if (!alnum(c) && c != '.' && c != '_' && c != '-') c = '-';
  size_t begin = 0;
  while (begin < name.size() && !alnum(name[begin])) ++begin;
  name.erase(0, begin);
  return name.empty() ? "file" : name;
}

std::string hashed_name(const std::string& name, const std::string& text) {
  std::string suffix = "-" + short_hash(text);
  return valid_name(name).substr(0, kLongestContentName - suffix.size()) + suffix;
}

OrderedJson reference_of(const ContentMount& mount, const std::string& name) {
  OrderedJson file{{"Name", mount.target}, {"UID", mount.uid}, {"GID", mount.gid}, {"Mode", mount.mode}};
  return {{"File", std::move(file)}, {mount.secret ? "SecretName" : "ConfigName", name}};
}

void refer(ServiceDraft& parts, const ContentMount& mount, const std::string& name) {
  parts.container[mount.secret ? "Secrets" : "Configs"].push_back(reference_of(mount, name));
}

bool is_driven(const compose::FileObject& object) { return !object.driver.empty(); }

ContentMount mount_of(const compose::FileMount& mount, bool secret) {
  ContentMount out;
  out.secret = secret;
  out.target = mount.target;
  if (!mount.uid.empty()) out.uid = mount.uid;
  if (!mount.gid.empty()) out.gid = mount.gid;
  out.mode = mount.mode.value_or(kDefaultMode);
  return out;
}

void add_folder(Draft& draft, ServiceDraft& parts, const ContentMount& mount,
                const compose::FileObject& object, const std::string& pointer) {
  HostContent content = draft.inputs.read_host(object.file, mount.secret ? kMostSecret : kMostConfig);
  if (content.too_large || !content.unreadable.empty())
    return draft.notes.refused(pointer, "the folder is too large or cannot be read");
  draft.notes.adapted(pointer, "each file of the folder");
  for (const HostFile& file : content.files) {
    ContentMount one = mount;
    one.name = object.name + "-" + base_name(file.path);
    one.target = mount.target + "/" + file.path;
    one.bytes = file.bytes;
    add_content(draft, parts, one);
  }
}

void add_file(Draft& draft, ServiceDraft& parts, const compose::FileMount& reference,
              const compose::FileObject& object, bool secret, const std::string& pointer) {
  ContentMount mount = mount_of(reference, secret);
  mount.origin = pointer_to(secret ? "/secrets" : "/configs", reference.source);
  mount.name = object.name;
  mount.labels = object.labels;
  if (object.external) {
    draft.require_external(secret ? ObjectKind::Secret : ObjectKind::Config, object.name);
    return refer(parts, mount, object.name);
  }
  if (object.directory) return add_folder(draft, parts, mount, object, pointer);
  if (is_driven(object)) {
    mount.more["Driver"] = {{"Name", object.driver}};
    if (!object.driver_opts.empty()) mount.more["Driver"]["Options"] = pairs(object.driver_opts);
  } else if (!object.bytes) {
    return draft.notes.refused(pointer, "the contents are not known");
  } else if (object.bytes->size() > (secret ? kMostSecret : kMostConfig)) {
    return draft.notes.refused(pointer, secret ? "more than 500 kB, the most of a secret"
                                               : "more than 1000 kB, the most of a config");
  } else {
    mount.bytes = *object.bytes;
  }
  if (!object.template_driver.empty()) mount.more["Templating"] = {{"Name", object.template_driver}};
  add_content(draft, parts, mount);
}

void add_all(Draft& draft, ServiceDraft& parts, bool secret) {
  const auto& mounts = secret ? parts.service.secrets : parts.service.configs;
  const auto& objects = secret ? draft.project.secrets : draft.project.configs;
  std::string pointer = parts.at(secret ? "/secrets" : "/configs");
  for (size_t i = 0; i < mounts.size(); ++i) {
    auto found = objects.find(mounts[i].source);
    if (found != objects.end())
      add_file(draft, parts, mounts[i], found->second, secret, pointer_to(pointer, std::to_string(i)));
  }
}

}  // namespace

void add_content(Draft& draft, ServiceDraft& parts, const ContentMount& mount) {
  OrderedJson body = OrderedJson::object();
  // An empty object is refused by the swarm, so it gets a line break.
  bool driven = mount.more.contains("Driver");
  if (!driven) body["Data"] = encode_base64(mount.bytes.empty() ? "\n" : mount.bytes);
  if (!mount.more.is_null())
    for (const auto& [key, value] : mount.more.items()) body[key] = value;
  OrderedJson labels = pairs(mount.labels);
  std::string name = hashed_name(mount.name, body.dump() + labels.dump());
  refer(parts, mount, name);
  ObjectKind kind = mount.secret ? ObjectKind::Secret : ObjectKind::Config;
  for (const SwarmObject& other : draft.contents)
    if (other.kind == kind && other.name == name) return;
  labels[std::string(kNamespaceLabel)] = draft.project.name;
  OrderedJson whole{{"Name", name}, {"Labels", std::move(labels)}};
  for (auto& [key, value] : body.items()) whole[key] = std::move(value);
  draft.contents.push_back({kind, name, "", mount.origin, std::move(whole)});
}

void add_files(Draft& draft, ServiceDraft& parts) {
  add_all(draft, parts, false);
  add_all(draft, parts, true);
}

}  // namespace stack::targets::swarm
