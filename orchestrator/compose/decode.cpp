#include "orchestrator/compose/decode.h"

#include <array>
#include <charconv>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "model/labels.h"
#include "orchestrator/compose/fields.h"
#include "orchestrator/compose/values.h"

namespace stack::compose {

namespace {

template <typename Number>
Number integer_of(const Node& node) {
  int64_t value = 0;
  parse_yaml_integer(node.text, value);
  return static_cast<Number>(value);
}

class TreeReader;

// One overload per type of member. Nodes of another kind leave the member unchanged.
void read(const Node& node, std::string& out) {
  if (node.is_scalar()) out = node.text;
}
void read(const Node& node, bool& out) { out = node.is_scalar() && node.text == "true"; }
void read(const Node& node, double& out) {
  if (node.is_scalar()) std::from_chars(node.text.data(), node.text.data() + node.text.size(), out);
}
template <std::integral Number>
void read(const Node& node, Number& out) {
  if (node.is_scalar()) out = integer_of<Number>(node);
}
void read(const Node& node, ByteSize& out) {
  if (node.is_scalar()) out = ByteSize{integer_of<int64_t>(node)};
}
void read(const Node& node, Nanoseconds& out) {
  if (node.is_scalar()) out = parse_duration(node.text).value_or(Nanoseconds{0});
}
void read(const Node& node, MountType& out) {
  for (MountType type : {MountType::Bind, MountType::Volume, MountType::Tmpfs, MountType::Image})
    if (to_text(type) == node.text) out = type;
}
void read(const Node& node, DependencyCondition& out) {
  for (auto condition : {DependencyCondition::Started, DependencyCondition::Healthy,
                         DependencyCondition::CompletedSuccessfully})
    if (to_text(condition) == node.text) out = condition;
}
void read(const Node& node, RestartPolicy& out) { out = parse_restart(node.text).value_or(RestartPolicy{}); }

template <typename T>
void read(const Node& node, std::optional<T>& out);
template <typename T>
void read(const Node& node, std::vector<T>& out);
template <typename T>
void read(const Node& node, std::map<std::string, T>& out);
template <typename T>
  requires std::is_class_v<T>
void read(const Node& node, T& out);

class TreeReader {
 public:
  explicit TreeReader(const Node& map) : map_(map) {}

  template <typename T>
  void operator()(std::string_view name, T& member) {
    const Node* node = &map_;
    while (node != nullptr && !name.empty()) {
      size_t dot = name.find('.');
      node = node->find(name.substr(0, dot));
      name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    }
    if (node != nullptr) read(*node, member);
  }

  void extensions(Extensions& out) {
    for (const Entry& entry : map_.entries)
      if (entry.key.starts_with("x-")) out[entry.key] = json_text(entry.value);
  }

 private:
  const Node& map_;
};

template <typename T>
void read(const Node& node, std::optional<T>& out) {
  if (node.is_null() || node.is_invalid()) return;
  read(node, out.emplace());
}

template <typename T>
void read(const Node& node, std::vector<T>& out) {
  if (node.is_scalar()) read(node, out.emplace_back());
  for (const Node& item : node.items) read(item, out.emplace_back());
}

template <typename T>
void read(const Node& node, std::map<std::string, T>& out) {
  for (const Entry& entry : node.entries) read(entry.value, out[entry.key]);
}

template <typename T>
  requires std::is_class_v<T>
void read(const Node& node, T& out) {
  if constexpr (std::same_as<T, Ulimit>) {
    if (node.is_scalar()) out.soft = out.hard = integer_of<int64_t>(node);
  }
  if constexpr (std::same_as<T, Dependency>) out.implicit = node.made;
  TreeReader reader(node);
  fields(reader, out);
}

void complete_file_targets(std::vector<FileMount>& mounts, const std::string& directory) {
  for (FileMount& mount : mounts) {
    if (mount.target.empty()) mount.target = mount.source;
    if (!mount.target.starts_with('/')) mount.target = directory + mount.target;
    mount.target = clean_path(mount.target);
  }
}

// Unifies values that the tree can express in two ways.
void complete(Service& service) {
  for (DeviceMapping& device : service.devices)
    if (device.permissions.empty()) device.permissions = "rwm";
  complete_file_targets(service.configs, "/");
  complete_file_targets(service.secrets, "/run/secrets/");
  if (service.build) {
    complete_file_targets(service.build->secrets, "/run/secrets/");
    for (FileMount& secret : service.build->secrets)
      if (secret.target.empty()) secret.target = "/run/secrets/" + secret.source;
  }
  if (service.healthcheck && !service.healthcheck->test.empty() && service.healthcheck->test[0] == "NONE")
    service.healthcheck->disable = true;
  if (!service.deploy) return;
  if (service.deploy->placement == Placement{}) service.deploy->placement.reset();
  if (service.deploy->limits) {
    const ResourceLimits& limits = *service.deploy->limits;
    if (limits.cpus > 0) service.cpus = limits.cpus;
    if (limits.memory.bytes > 0) service.mem_limit = limits.memory;
    if (limits.pids != 0) service.pids_limit = limits.pids;
  }
  if (service.deploy->reservations && service.deploy->reservations->memory.bytes > 0)
    service.mem_reservation = service.deploy->reservations->memory;
}

template <typename T>
void read_section(const Node& tree, const char* section, std::map<std::string, T>& out) {
  const Node* resources = tree.find(section);
  if (resources == nullptr) return;
  for (const Entry& entry : resources->entries)
    if (entry.value.is_map()) read(entry.value, out[entry.key]);
}

// Records the positions of values, as JSON pointers below a service or a top-level section.
void note_origins(const Node& tree, const Sources& sources, std::map<std::string, std::string>& out) {
  auto note = [&](std::string pointer, Mark mark) {
    if (mark.file != 0) out.emplace(std::move(pointer), sources.place(mark));
  };
  for (const char* section : {"networks", "volumes", "configs", "secrets"})
    if (const Node* resources = tree.find(section))
      for (const Entry& entry : resources->entries)
        note("/" + std::string(section) + "/" + entry.key, entry.mark);
  const Node* services = tree.find("services");
  if (services == nullptr) return;
  for (const Entry& service : services->entries) {
    std::string base = "/services/" + service.key;
    note(base, service.mark);
    for (const char* key : {"image", "build", "container_name", "network_mode", "command", "entrypoint"})
      if (const Node* value = service.value.find(key)) note(base + "/" + key, value->mark);
    for (const char* key : {"ports", "volumes", "devices", "configs", "secrets", "external_links"})
      if (const Node* list = service.value.find(key))
        for (size_t i = 0; i < list->items.size(); ++i)
          note(base + "/" + key + "/" + std::to_string(i), list->items[i].mark);
    for (const char* key : {"networks", "depends_on"})
      if (const Node* map = service.value.find(key))
        for (const Entry& entry : map->entries)
          if (!map->made) note(base + "/" + key + "/" + entry.key, entry.mark);
  }
}

Json json_of(const Node& node) {
  switch (node.kind) {
    case NodeKind::Map: {
      Json out = Json::object();
      for (const Entry& entry : node.entries) out[entry.key] = json_of(entry.value);
      return out;
    }
    case NodeKind::List: {
      Json out = Json::array();
      for (const Node& item : node.items) out.push_back(json_of(item));
      return out;
    }
    case NodeKind::Scalar:
      break;
    default:
      return nullptr;
  }
  int64_t integer = 0;
  double number = 0;
  switch (node.type()) {
    case ScalarType::Null:
      return nullptr;
    case ScalarType::Bool:
      return lower(node.text) == "true";
    case ScalarType::Int:
      if (parse_yaml_integer(node.text, integer)) return integer;
      return node.text;
    case ScalarType::Float:
      read(node, number);
      return number;
    case ScalarType::String:
      break;
  }
  return node.text;
}

}  // namespace

std::string json_text(const Node& node) { return stack::to_text(json_of(node)); }

void decode_file_objects(const Node& tree, Project& project) {
  read_section(tree, "configs", project.configs);
  read_section(tree, "secrets", project.secrets);
}

namespace {

// x-stack settings of a service that its containers carry as labels.
void label_stack_settings(Service& service) {
  auto found = service.extensions.find("x-stack");
  if (found == service.extensions.end()) return;
  Result<Json> settings = parse_json(found->second);
  if (!settings || !settings->is_object()) return;
  if (std::string when = string_or(*settings, "restart_on"); !when.empty())
    service.labels[label::kRestartOn] = when;
}

}  // namespace

Project decode_project(const Node& tree, const Selection& selection, const Session& session) {
  Project project;
  project.name = session.project_name;
  project.working_dir = session.project_directory;
  project.compose_files = session.compose_files;
  project.env_files = session.env_files;
  project.profiles = selection.active_profiles;
  project.disabled_services = selection.disabled;
  read_section(tree, "services", project.services);
  for (auto& [name, service] : project.services) {
    service.name = name;
    complete(service);
    label_stack_settings(service);
  }
  read_section(tree, "networks", project.networks);
  read_section(tree, "volumes", project.volumes);
  decode_file_objects(tree, project);
  read_section(tree, "models", project.models);
  TreeReader(tree).extensions(project.extensions);
  note_origins(tree, session.sources, project.origins);
  return project;
}

namespace {

constexpr size_t kLargestContent = size_t{16} << 20;

void load_file(FileObject& object, Mark mark, Session& session) {
  if (is_directory(object.file)) {
    object.directory = true;
    return;
  }
  if (!path_exists(object.file)) {
    session.report.error(mark, "file " + session.shown(object.file) + " not found");
    return;
  }
  Result<std::string> bytes = read_file(object.file, kLargestContent);
  if (!bytes) {
    session.report.error(mark, "cannot read " + session.shown(object.file) + ": " + bytes.error().text());
  } else {
    object.bytes = std::move(*bytes);
  }
}

void load_object(FileObject& object, const Node& definition, Session& session) {
  if (object.external) return;
  for (const char* key : {"file", "environment"})
    if (const Node* named = definition.find(key); named != nullptr && session.provenances.poisoned(*named))
      return;
  if (object.content) {
    object.bytes = *object.content;
  } else if (!object.environment.empty()) {
    const Node& name = *definition.find("environment");
    const Variables& variables = session.variables_of(name.mark.file);
    auto found = variables.find(object.environment);
    if (found == variables.end()) {
      session.report.error(name.mark, "variable \"" + object.environment + "\" is not set");
    } else {
      object.bytes = found->second.value;
    }
  } else if (!object.file.empty()) {
    load_file(object, definition.find("file")->mark, session);
  }
}

}  // namespace

void load_contents(Project& project, const Node& tree, Session& session) {
  auto load = [&](const char* section, std::map<std::string, FileObject>& objects) {
    const Node* definitions = tree.find(section);
    for (auto& [name, object] : objects)
      if (const Node* definition = definitions->find(name)) load_object(object, *definition, session);
  };
  if (!project.configs.empty()) load("configs", project.configs);
  if (!project.secrets.empty()) load("secrets", project.secrets);
}

}  // namespace stack::compose
