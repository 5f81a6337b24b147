#include "orchestrator/compose/version_one.h"

#include <algorithm>
#include <utility>

namespace stack::compose {

namespace {

constexpr std::string_view kTopLevelKeys[] = {"services", "jobs", "version", "name",    "include", "networks",
                                              "volumes",  "secrets", "configs", "models"};
constexpr std::string_view kContainerPrefix = "container:";

bool is_extension(std::string_view key) { return key.starts_with("x-"); }

bool is_top_level_key(std::string_view key) {
  return std::find(std::begin(kTopLevelKeys), std::end(kTopLevelKeys), key) != std::end(kTopLevelKeys);
}

// The value of a key, which is removed; Null if there is none.
Node take(Node& map, std::string_view key) {
  Node* found = map.find(key);
  if (found == nullptr) return null_node(map.mark);
  Node value = std::move(*found);
  map.erase(key);
  return value;
}

void convert_build(Node& service) {
  Node dockerfile = take(service, "dockerfile");
  Node* build = service.find("build");
  if (build == nullptr || !build->is_scalar() || dockerfile.is_null()) return;
  Node map = map_node(build->mark);
  map.set("context", std::move(*build));
  map.set("dockerfile", std::move(dockerfile));
  *build = std::move(map);
}

void convert_logging(Node& service) {
  Node driver = take(service, "log_driver");
  Node options = take(service, "log_opt");
  if (driver.is_null() && options.is_null()) return;
  Node logging = map_node(driver.is_null() ? options.mark : driver.mark);
  if (!driver.is_null()) logging.set("driver", std::move(driver));
  if (!options.is_null()) logging.set("options", std::move(options));
  service.set("logging", std::move(logging));
}

void convert_service(Node& service, Report& report) {
  if (!service.is_map()) return;
  convert_build(service);
  convert_logging(service);
  if (Node net = take(service, "net"); !net.is_null()) service.set("network_mode", std::move(net));
  Node driver = take(service, "volume_driver");
  if (!driver.is_null() && driver.text != "local")
    report.error(driver.mark, "volume_driver is not supported",
                 "declare the volume and its driver under the top-level key volumes");
}

void resolve_network(Node& service, const Node& services) {
  Node* mode = service.find("network_mode");
  if (mode == nullptr || !mode->is_scalar() || !mode->text.starts_with(kContainerPrefix)) return;
  std::string target = mode->text.substr(kContainerPrefix.size());
  if (services.find(target) != nullptr) mode->text = "service:" + target;
}

void resolve_volume_sources(Node& service, const Node& services) {
  Node* list = service.find("volumes_from");
  if (list == nullptr || !list->is_list()) return;
  for (Node& item : list->items) {
    std::string name = item.text.substr(0, item.text.find(':'));
    if (services.find(name) == nullptr && name != "container") item.text.insert(0, kContainerPrefix);
  }
}

void declare_volumes(Node& document, const Node& service) {
  const Node* mounts = service.find("volumes");
  if (mounts == nullptr || !mounts->is_list()) return;
  for (const Node& mount : mounts->items) {
    std::string source(mount.is_map() ? mount.text_of("source") : "");
    if (source.empty() || mount.text_of("type") != "volume") continue;
    Node& volumes = document.at("volumes");
    if (volumes.is_null()) volumes = map_node(mount.mark);
    if (!volumes.is_map() || volumes.find(source) != nullptr) continue;
    Node volume = map_node(mount.mark);
    volume.set("name", scalar_node(source, mount.mark));
    volumes.set(source, std::move(volume));
  }
}

}  // namespace

bool is_version_one(const Node& document) {
  if (!document.is_map()) return false;
  bool services = false;
  for (const Entry& entry : document.entries) {
    if (is_extension(entry.key)) continue;
    if (is_top_level_key(entry.key)) return false;
    services = true;
  }
  return services;
}

void convert_version_one(Node& document, Report& report) {
  Mark mark = document.entries.front().mark;
  report.warning({mark.file, mark.line, 0},
                 "the file has Compose's version 1 format, with the services at the top level",
                 "put the services under a top-level key services");
  Node services = map_node(mark);
  std::vector<Entry> rest;
  for (Entry& entry : document.entries) {
    if (is_extension(entry.key)) {
      rest.push_back(std::move(entry));
      continue;
    }
    convert_service(entry.value, report);
    services.entries.push_back(std::move(entry));
  }
  document.entries = std::move(rest);
  document.set("services", std::move(services));
}

void resolve_version_one(Node& document) {
  Node* found = document.find("services");
  if (found == nullptr || !found->is_map()) return;
  Node services = *found;  // `document` changes below
  for (Entry& entry : services.entries) {
    if (!entry.value.is_map()) continue;
    resolve_network(entry.value, *document.find("services"));
    resolve_volume_sources(entry.value, *document.find("services"));
    declare_volumes(document, entry.value);
  }
  document.set("services", std::move(services));
}

}  // namespace stack::compose
