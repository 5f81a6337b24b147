#include "orchestrator/targets/kubernetes/api/object_changes.h"

#include <map>

namespace stack::targets::kubernetes {

namespace {

using Leaves = std::map<std::string, std::string>;

std::string item_key(const Json& item, size_t index) {
  for (const char* key : {"name", "mountPath", "containerPort", "port", "ip"}) {
    if (!item.is_object() || !item.contains(key)) continue;
    const Json& value = item.at(key);
    return value.is_string() ? value.get<std::string>() : stack::to_text(value);
  }
  return std::to_string(index);
}

void collect(const Json& value, const std::string& path, Leaves& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items())
      collect(member, path.empty() ? key : path + "." + key, out);
  } else if (value.is_array() && !value.empty()) {
    size_t index = 0;
    for (const Json& item : value) {
      std::string key = path + "." + item_key(item, index++);
      while (out.contains(key)) key += "'";
      collect(item, key, out);
    }
  } else {
    out[path] = value.is_string() ? value.get<std::string>() : stack::to_text(value);
  }
}

Json without_server_fields(Json object) {
  if (!object.is_object()) return object;
  object.erase("status");
  auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return object;
  for (const char* key :
       {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"})
    metadata->erase(key);
  auto annotations = metadata->find("annotations");
  if (annotations != metadata->end() && annotations->is_object()) {
    annotations->erase("deployment.kubernetes.io/revision");
    if (annotations->empty()) metadata->erase("annotations");
  }
  return object;
}

}  // namespace

std::vector<ObjectChange> object_changes(const Json& before, const Json& after) {
  Leaves old_leaves;
  Leaves new_leaves;
  collect(without_server_fields(before), "", old_leaves);
  collect(without_server_fields(after), "", new_leaves);
  bool secret = string_or(after, "kind") == "Secret";
  auto shown = [&](const std::string& field, const std::string& value) {
    return secret && field.starts_with("data.") ? std::string("***") : value;
  };
  std::vector<ObjectChange> out;
  for (const auto& [field, value] : old_leaves) {
    auto found = new_leaves.find(field);
    if (found == new_leaves.end()) {
      out.push_back({field, shown(field, value), ""});
    } else if (found->second != value) {
      out.push_back({field, shown(field, value), shown(field, found->second)});
    }
  }
  for (const auto& [field, value] : new_leaves)
    if (!old_leaves.contains(field)) out.push_back({field, "", shown(field, value)});
  return out;
}

}  // namespace stack::targets::kubernetes
