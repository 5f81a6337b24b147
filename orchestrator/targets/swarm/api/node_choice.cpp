#include "orchestrator/targets/swarm/api/node_choice.h"

#include <algorithm>
#include <set>

#include "base/base64.h"
#include "base/identity.h"
#include "base/text.h"

namespace stack::targets::swarm {

namespace {

using Nodes = std::map<std::string, std::string>;

std::string at_path(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* here = &object;
  for (std::string_view key : path) {
    if (!here->is_object()) return "";
    auto found = here->find(key);
    if (found == here->end()) return "";
    here = &*found;
  }
  return here->is_string() ? here->get<std::string>() : "";
}

std::optional<std::string> attribute(const SwarmNode& node, const std::string& name) {
  if (name == "node.id") return node.id;
  if (name == "node.hostname") return node.name;
  if (name == "node.role") return at_path(node.body, {"Spec", "Role"});
  if (name == "node.platform.os") return at_path(node.body, {"Description", "Platform", "OS"});
  if (name == "node.platform.arch") return at_path(node.body, {"Description", "Platform", "Architecture"});
  constexpr std::string_view kNode = "node.labels.", kEngine = "engine.labels.";
  if (name.starts_with(kNode)) return at_path(node.body, {"Spec", "Labels", name.substr(kNode.size())});
  if (name.starts_with(kEngine))
    return at_path(node.body, {"Description", "Engine", "Labels", name.substr(kEngine.size())});
  return std::nullopt;
}

std::string architecture(const std::string& text) {
  if (text == "x86_64") return "amd64";
  return text == "aarch64" ? "arm64" : text;
}

std::vector<std::string> constraints_of(const Conversion& conversion, const std::string& service) {
  std::vector<std::string> out;
  for (const SwarmObject& object : conversion.objects) {
    if (object.kind != ObjectKind::Service || object.service != service) continue;
    const OrderedJson& task = object.body["TaskTemplate"];
    if (!task.contains("Placement") || !task["Placement"].contains("Constraints")) continue;
    for (const OrderedJson& constraint : task["Placement"]["Constraints"])
      out.push_back(constraint.get<std::string>());
  }
  return out;
}

std::optional<std::string> node_of_tasks(const LiveProject& live, const std::vector<Json>& tasks,
                                         const std::string& service) {
  for (const LiveObject& object : live.objects) {
    if (object.kind != ObjectKind::Service || label_of(object.body, object.kind, kServiceLabel) != service)
      continue;
    for (const Json& task : tasks)
      if (string_or(task, "ServiceID") == object.id && string_or(task, "DesiredState") == "running" &&
          !string_or(task, "NodeID").empty())
        return string_or(task, "NodeID");
  }
  return std::nullopt;
}

// Volumes that must be on one node, because services use several of them.
std::set<std::string> group_of(const Conversion& conversion, const std::string& volume) {
  std::set<std::string> group{volume};
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [other, services] : conversion.local_volumes) {
      if (group.contains(other)) continue;
      bool shared = std::any_of(group.begin(), group.end(), [&](const std::string& member) {
        const std::set<std::string>& users = conversion.local_volumes.at(member);
        return std::any_of(services.begin(), services.end(),
                           [&](const std::string& service) { return users.contains(service); });
      });
      if (shared) grown = group.insert(other).second;
    }
  }
  return group;
}

std::string best_node(const LiveProject& live, const std::vector<std::string>& constraints,
                      const Nodes& chosen) {
  std::string best;
  size_t fewest = 0;
  for (const SwarmNode& node : live.nodes) {
    bool fits = node.ready && node.active &&
                std::all_of(constraints.begin(), constraints.end(),
                            [&](const std::string& constraint) { return allows(constraint, node); });
    if (!fits) continue;
    size_t volumes = static_cast<size_t>(std::count_if(
        chosen.begin(), chosen.end(), [&](const auto& entry) { return entry.second == node.id; }));
    bool better = best.empty() || volumes < fewest || (volumes == fewest && node.id == live.own_node);
    if (!better) continue;
    best = node.id;
    fewest = volumes;
  }
  return best;
}

// The node that a member of the group already has, or "".
std::string known_node(const Conversion& conversion, const LiveProject& live, const std::vector<Json>& tasks,
                       const std::set<std::string>& group, const Nodes& known) {
  for (const std::string& volume : group)
    if (auto found = known.find(volume); found != known.end()) return found->second;
  for (const std::string& volume : group)
    for (const std::string& service : conversion.local_volumes.at(volume))
      if (auto node = node_of_tasks(live, tasks, service)) return *node;
  return "";
}

}  // namespace

bool allows(const std::string& constraint, const SwarmNode& node) {
  size_t at = constraint.find("==");
  bool equal = at != std::string::npos;
  if (!equal) at = constraint.find("!=");
  if (at == std::string::npos) return false;
  std::string name(trim(std::string_view(constraint).substr(0, at)));
  std::string value(trim(std::string_view(constraint).substr(at + 2)));
  std::optional<std::string> have = attribute(node, name);
  if (!have) return false;
  bool same = name == "node.platform.arch" ? architecture(*have) == architecture(value)
                                           : lower(*have) == lower(value);
  return same == equal;
}

Nodes remembered_nodes(const LiveProject& live) {
  Nodes out;
  for (const LiveObject& object : live.objects) {
    if (object.kind != ObjectKind::Config || label_of(object.body, object.kind, kVolumesLabel).empty())
      continue;
    auto text = decode_base64(at_path(object.body, {"Spec", "Data"}));
    if (!text) continue;
    auto nodes = parse_json(*text);
    if (!nodes || !nodes->is_object()) continue;
    for (const auto& [volume, node] : nodes->items())
      if (node.is_string()) out[volume] = node.get<std::string>();
  }
  // A node that left the swarm took its volumes along.
  std::erase_if(out, [&](const auto& entry) { return live.node(entry.second) == nullptr; });
  return out;
}

Nodes choose_nodes(const Conversion& conversion, const LiveProject& live, const std::vector<Json>& tasks) {
  Nodes chosen = remembered_nodes(live);
  Nodes out;
  for (const auto& [volume, services] : conversion.local_volumes) {
    if (!chosen.contains(volume)) {
      std::set<std::string> group = group_of(conversion, volume);
      std::string node = known_node(conversion, live, tasks, group, chosen);
      if (node.empty()) {
        std::vector<std::string> constraints;
        for (const std::string& member : group)
          for (const std::string& service : conversion.local_volumes.at(member))
            for (std::string& one : constraints_of(conversion, service))
              constraints.push_back(std::move(one));
        node = best_node(live, constraints, chosen);
      }
      if (node.empty()) continue;
      chosen[volume] = node;
    }
    out[volume] = chosen[volume];
  }
  return out;
}

void remember_nodes(Conversion& conversion, const std::string& project, const Nodes& nodes) {
  if (nodes.empty()) return;
  std::string text = Json(nodes).dump() + "\n";
  std::string name = object_name(project, "volumes") + "-" + sha256_hex(text).substr(0, 10);
  SwarmObject object{ObjectKind::Config, name, "", "/volumes", {}};
  object.body = {{"Name", name},
                 {"Labels", {{std::string(kNamespaceLabel), project}, {std::string(kVolumesLabel), "true"}}},
                 {"Data", encode_base64(text)}};
  auto at = std::find_if(conversion.objects.begin(), conversion.objects.end(),
                         [](const SwarmObject& other) { return other.kind == ObjectKind::Service; });
  conversion.objects.insert(at, std::move(object));
}

}  // namespace stack::targets::swarm
