// Project <-> JSON, using the lists in fields.h.
#include <openssl/evp.h>

#include <array>
#include <charconv>

#include "base/json.h"
#include "orchestrator/compose/fields.h"
#include "orchestrator/compose/values.h"

namespace stack::compose {

namespace {

// --- writing

Json write(const std::string& value) { return value; }
Json write(bool value) { return value; }
Json write(double value) { return value; }
template <std::integral Number>
Json write(Number value) {
  return value;
}
Json write(ByteSize value) { return value.bytes; }
Json write(Nanoseconds value) { return value.count(); }
Json write(MountType value) { return std::string(to_text(value)); }
Json write(DependencyCondition value) { return std::string(to_text(value)); }
Json write(const RestartPolicy& value) { return to_text(value); }

template <typename T>
Json write(const std::optional<T>& value);
template <typename T>
Json write(const std::vector<T>& list);
template <typename T>
Json write(const std::map<std::string, T>& map);
template <typename T>
  requires std::is_class_v<T>
Json write(const T& value);

class JsonWriter {
 public:
  template <typename T>
  void operator()(std::string_view name, const T& member) {
    // The default of an enumeration may differ from its first value.
    if constexpr (!std::is_enum_v<T>) {
      if (member == T{}) return;
    }
    place(name) = write(member);
  }
  // Members that default to true.
  void always(std::string_view name, bool member) { place(name) = member; }

  void extensions(const Extensions& extensions) {
    for (const auto& [name, text] : extensions)
      if (Result<Json> value = parse_json(text)) out[name] = std::move(*value);
  }

  Json out = Json::object();

 private:
  Json& place(std::string_view name) {
    Json* at = &out;
    while (true) {
      size_t dot = name.find('.');
      at = &(*at)[std::string(name.substr(0, dot))];
      if (dot == std::string_view::npos) return *at;
      name.remove_prefix(dot + 1);
    }
  }
};

template <typename T>
Json write(const std::optional<T>& value) {
  return value ? write(*value) : Json(nullptr);
}

template <typename T>
Json write(const std::vector<T>& list) {
  Json out = Json::array();
  for (const T& item : list) out.push_back(write(item));
  return out;
}

template <typename T>
Json write(const std::map<std::string, T>& map) {
  Json out = Json::object();
  for (const auto& [name, item] : map) out[name] = write(item);
  return out;
}

template <typename T>
  requires std::is_class_v<T>
Json write(const T& value) {
  JsonWriter writer;
  fields(writer, value);
  // `required` defaults to true, so only false is written.
  if constexpr (std::same_as<T, Dependency>) {
    writer.out.erase("required");
    if (!value.required) writer.always("required", false);
  }
  return std::move(writer.out);
}

// --- reading

void read(const Json& json, std::string& out) {
  if (json.is_string()) out = json.get_ref<const std::string&>();
}
void read(const Json& json, bool& out) {
  if (json.is_boolean()) out = json.get<bool>();
}
void read(const Json& json, double& out) {
  if (json.is_number()) out = json.get<double>();
}
template <std::integral Number>
void read(const Json& json, Number& out) {
  if (json.is_number_integer()) out = static_cast<Number>(json.get<int64_t>());
}
void read(const Json& json, ByteSize& out) { read(json, out.bytes); }
void read(const Json& json, Nanoseconds& out) {
  int64_t count = 0;
  read(json, count);
  out = Nanoseconds{count};
}
void read(const Json& json, MountType& out) {
  for (MountType type : {MountType::Bind, MountType::Volume, MountType::Tmpfs, MountType::Image})
    if (json == to_text(type)) out = type;
}
void read(const Json& json, DependencyCondition& out) {
  for (auto condition : {DependencyCondition::Started, DependencyCondition::Healthy,
                         DependencyCondition::CompletedSuccessfully})
    if (json == to_text(condition)) out = condition;
}
void read(const Json& json, RestartPolicy& out) {
  if (json.is_string()) out = parse_restart(json.get_ref<const std::string&>()).value_or(RestartPolicy{});
}

template <typename T>
void read(const Json& json, std::optional<T>& out);
template <typename T>
void read(const Json& json, std::vector<T>& out);
template <typename T>
void read(const Json& json, std::map<std::string, T>& out);
template <typename T>
  requires std::is_class_v<T>
void read(const Json& json, T& out);

const Json* find(const Json& object, std::string_view name) {
  const Json* at = &object;
  while (true) {
    size_t dot = name.find('.');
    if (!at->is_object()) return nullptr;
    auto found = at->find(std::string(name.substr(0, dot)));
    if (found == at->end()) return nullptr;
    at = &*found;
    if (dot == std::string_view::npos) return at;
    name.remove_prefix(dot + 1);
  }
}

class JsonReader {
 public:
  explicit JsonReader(const Json& object) : object_(object) {}

  template <typename T>
  void operator()(std::string_view name, T& member) {
    if (const Json* found = find(object_, name)) read(*found, member);
  }

  void extensions(Extensions& out) {
    if (!object_.is_object()) return;
    for (const auto& [name, value] : object_.items())
      if (name.starts_with("x-")) out[name] = stack::to_text(value);
  }

 private:
  const Json& object_;
};

template <typename T>
void read(const Json& json, std::optional<T>& out) {
  if (!json.is_null()) read(json, out.emplace());
}

template <typename T>
void read(const Json& json, std::vector<T>& out) {
  if (!json.is_array()) return;
  for (const Json& item : json) read(item, out.emplace_back());
}

template <typename T>
void read(const Json& json, std::map<std::string, T>& out) {
  if (!json.is_object()) return;
  for (const auto& [name, item] : json.items()) read(item, out[name]);
}

template <typename T>
  requires std::is_class_v<T>
void read(const Json& json, T& out) {
  JsonReader reader(json);
  fields(reader, out);
}

// --- bytes, which may not be text

std::string to_base64(const std::string& bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(length));
  return out;
}

std::optional<std::string> from_base64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 1, '\0');
  int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<size_t>(length) - padding);
  return out;
}

Json write_objects(const std::map<std::string, FileObject>& objects) {
  Json out = Json::object();
  for (const auto& [name, object] : objects) out[name] = file_object_to_json(object);
  return out;
}

void read_objects(const Json& json, std::string_view section, std::map<std::string, FileObject>& out) {
  const Json* objects = find(json, section);
  if (objects == nullptr || !objects->is_object()) return;
  for (const auto& [name, value] : objects->items()) {
    FileObject& object = out[name];
    read(value, object);
    object.directory = bool_or(value, "directory");
    if (const Json* bytes = find(value, "bytes"); bytes != nullptr && bytes->is_string())
      object.bytes = from_base64(bytes->get_ref<const std::string&>());
  }
}

}  // namespace

Json service_to_json(const Service& service) { return write(service); }
Json network_to_json(const Network& network) { return write(network); }
Json volume_to_json(const Volume& volume) { return write(volume); }

Json file_object_to_json(const FileObject& object) {
  Json out = write(object);
  if (object.directory) out["directory"] = true;
  if (object.bytes) out["bytes"] = to_base64(*object.bytes);
  return out;
}

namespace {

struct ReasonName {
  DisabledReason reason;
  const char* name;
};
constexpr ReasonName kReasons[] = {{DisabledReason::Profile, "profile"},
                                   {DisabledReason::NotSelected, "not_selected"},
                                   {DisabledReason::Job, "job"}};

Json disabled_to_json(const DisabledService& service) {
  Json out{{"profiles", service.profiles}};
  for (const ReasonName& one : kReasons)
    if (one.reason == service.reason) out["reason"] = one.name;
  if (service.scheduled) out["scheduled"] = true;
  return out;
}

DisabledService disabled_from_json(const Json& json) {
  DisabledService service{DisabledReason::NotSelected, {}, bool_or(json, "scheduled")};
  for (const ReasonName& one : kReasons)
    if (string_or(json, "reason") == one.name) service.reason = one.reason;
  if (const Json* profiles = find(json, "profiles")) read(*profiles, service.profiles);
  return service;
}

}  // namespace

Json project_to_json(const Project& project) {
  Json out = Json::object();
  out["name"] = project.name;
  out["working_dir"] = project.working_dir;
  out["compose_files"] = project.compose_files;
  out["env_files"] = project.env_files;
  out["profiles"] = project.profiles;
  out["services"] = write(project.services);
  Json disabled = Json::object();
  for (const auto& [name, service] : project.disabled_services) disabled[name] = disabled_to_json(service);
  out["disabled_services"] = std::move(disabled);
  out["networks"] = write(project.networks);
  out["volumes"] = write(project.volumes);
  out["configs"] = write_objects(project.configs);
  out["secrets"] = write_objects(project.secrets);
  out["models"] = write(project.models);
  JsonWriter extensions;
  extensions.extensions(project.extensions);
  out["extensions"] = std::move(extensions.out);
  if (project.separator != "-") out["separator"] = project.separator;
  out["origins"] = project.origins;
  return out;
}

Result<Project> project_from_json(const Json& json) {
  if (!json.is_object()) return invalid("a project is a JSON object");
  Project project;
  JsonReader reader(json);
  reader("name", project.name);
  if (project.name.empty()) return invalid("the project has no name");
  reader("working_dir", project.working_dir);
  reader("compose_files", project.compose_files);
  reader("env_files", project.env_files);
  reader("profiles", project.profiles);
  reader("services", project.services);
  for (auto& [name, service] : project.services) service.name = name;
  if (const Json* disabled = find(json, "disabled_services"); disabled != nullptr && disabled->is_object()) {
    for (const auto& [name, value] : disabled->items())
      project.disabled_services[name] = disabled_from_json(value);
  }
  reader("networks", project.networks);
  reader("volumes", project.volumes);
  read_objects(json, "configs", project.configs);
  read_objects(json, "secrets", project.secrets);
  reader("models", project.models);
  if (const Json* extensions = find(json, "extensions"))
    JsonReader(*extensions).extensions(project.extensions);
  if (string_or(json, "separator") == "_") project.separator = "_";
  reader("origins", project.origins);
  return project;
}

}  // namespace stack::compose
