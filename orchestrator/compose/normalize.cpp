#include "orchestrator/compose/normalize.h"

#include <algorithm>

#include "orchestrator/compose/paths.h"

namespace stack::compose {

namespace {

Node made(Node node) {
  node.made = true;
  for (Entry& entry : node.entries) entry.value.made = true;
  return node;
}

void add_dependency(Node& service, const std::string& name, std::string_view on, bool restart, Mark mark) {
  if (on.empty() || on == name) return;
  Node& dependencies = service.at("depends_on");
  if (dependencies.is_null()) dependencies = made(map_node(mark));
  if (!dependencies.is_map() || dependencies.find(on) != nullptr) return;
  Node dependency = map_node(mark);
  dependency.set("condition", scalar_node("service_started", mark));
  dependency.set("required", plain_node("true", mark));
  if (restart) dependency.set("restart", plain_node("true", mark));
  dependencies.set(on, made(std::move(dependency)));
}

// "service:x" -> "x"
std::string_view service_reference(std::string_view text) {
  constexpr std::string_view kPrefix = "service:";
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : std::string_view();
}

void implicit_dependencies(Node& service, const std::string& name) {
  for (const char* key : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
    const Node* value = service.find(key);
    if (value == nullptr || !value->is_scalar()) continue;
    std::string target(service_reference(value->text));
    add_dependency(service, name, target, true, value->mark);
  }
  std::vector<std::pair<std::string, Mark>> links;
  std::vector<std::pair<std::string, Mark>> sources;
  if (const Node* list = service.find("links"))
    for (const Node& item : list->items)
      links.emplace_back(item.text.substr(0, item.text.find(':')), item.mark);
  if (const Node* list = service.find("volumes_from"))
    for (const Node& item : list->items)
      if (!item.text.starts_with("container:"))
        sources.emplace_back(item.text.substr(0, item.text.find(':')), item.mark);
  for (const auto& [target, mark] : links) add_dependency(service, name, target, true, mark);
  for (const auto& [target, mark] : sources) add_dependency(service, name, target, false, mark);
}

void build_defaults(Node& service, const Session& session) {
  Node* build = service.find("build");
  if (build == nullptr || !build->is_map()) return;
  if (build->find("context") == nullptr) {
    const std::string& directory =
        build->mark.file == 0 ? session.project_directory : session.sources.at(build->mark.file).directory;
    std::string context = resolve_context(session, ".", directory);
    build->set("context", made(scalar_node(context, build->mark)));
  }
  if (build->find("dockerfile") == nullptr && build->find("dockerfile_inline") == nullptr)
    build->set("dockerfile", made(scalar_node("Dockerfile", build->mark)));
  // Drops arguments without a value that are not set.
  if (Node* args = build->find("args"); args != nullptr && !session.options.no_interpolate)
    std::erase_if(args->entries, [](const Entry& entry) { return entry.value.is_null(); });
}

void default_network(Node& service) {
  Node* mode = service.find("network_mode");
  Node* networks = service.find("networks");
  bool none = networks == nullptr || (networks->is_map() && networks->entries.empty());
  if (mode != nullptr || service.find("provider") != nullptr || !none) return;
  Node map = map_node(service.mark);
  map.set("default", null_node(service.mark));
  service.set("networks", made(std::move(map)));
}

void normalize_service(Node& service, const std::string& name, const Session& session) {
  if (!service.is_map()) return;
  build_defaults(service, session);
  default_network(service);
  implicit_dependencies(service, name);
  if (Node* hosts = service.find("extra_hosts"))
    std::stable_sort(hosts->items.begin(), hosts->items.end(),
                     [](const Node& a, const Node& b) { return a.text < b.text; });
  if (Node* policy = service.find("pull_policy"); policy != nullptr && policy->text == "if_not_present")
    policy->text = "missing";
}

// Adds the network `default` if a service uses it.
void add_default_network(Node& tree, const Node& services) {
  Mark mark;
  for (const Entry& service : services.entries) {
    const Node* networks = service.value.find("networks");
    if (networks == nullptr || networks->find("default") == nullptr) continue;
    mark = networks->mark;
    break;
  }
  if (mark.file == 0) return;
  Node& networks = tree.at("networks");
  if (networks.is_null()) networks = map_node(mark);
  if (networks.is_map() && networks.find("default") == nullptr) networks.set("default", made(map_node(mark)));
}

void name_resources(Node& tree, const char* section, const std::string& project) {
  Node* resources = tree.find(section);
  if (resources == nullptr) return;
  for (Entry& entry : resources->entries) {
    Node& resource = entry.value;
    if (!resource.is_map() || resource.find("name") != nullptr) continue;
    bool external = resource.text_of("external") == "true";
    resource.set("name", made(scalar_node(external ? entry.key : project + "_" + entry.key, entry.mark)));
  }
}

}  // namespace

void fill_empty_resources(Node& tree) {
  for (const char* section : {"networks", "volumes", "secrets", "configs"}) {
    Node* resources = tree.find(section);
    if (resources == nullptr) continue;
    for (Entry& entry : resources->entries) {
      if (!entry.value.is_null()) continue;
      bool by_loader = entry.value.made;
      entry.value = map_node(entry.mark);
      entry.value.made = by_loader;
    }
  }
}

void normalize(Node& tree, const Session& session) {
  if (Node* services = tree.find("services"); services != nullptr && services->is_map()) {
    for (Entry& service : services->entries) normalize_service(service.value, service.key, session);
    add_default_network(tree, *services);
  }
  fill_empty_resources(tree);
  for (const char* section : {"networks", "volumes", "secrets", "configs"})
    name_resources(tree, section, session.project_name);
}

}  // namespace stack::compose
