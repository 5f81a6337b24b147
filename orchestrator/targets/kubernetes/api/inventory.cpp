#include "orchestrator/targets/kubernetes/api/inventory.h"

#include <algorithm>

#include "base/base64.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

std::string text_of(const Inventory& inventory) {
  std::vector<ObjectName> sorted = inventory.objects;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  OrderedJson objects = OrderedJson::array();
  for (const ObjectName& object : sorted) objects.push_back({{"kind", object.kind}, {"name", object.name}});
  OrderedJson workloads = OrderedJson::array();
  for (const KubeObject& workload : inventory.workloads)
    workloads.push_back({{"service", workload.service}, {"body", workload.body}});
  return OrderedJson{{"objects", std::move(objects)}, {"workloads", std::move(workloads)}}.dump(
      -1, ' ', false, OrderedJson::error_handler_t::replace);
}

Inventory parse(const std::string& text) {
  Inventory out;
  OrderedJson stored = OrderedJson::parse(text, nullptr, false);
  if (!stored.is_object()) return out;
  auto string_at = [](const OrderedJson& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string()
               ? object[key].get<std::string>()
               : std::string();
  };
  if (stored.contains("objects") && stored["objects"].is_array())
    for (const OrderedJson& entry : stored["objects"])
      out.objects.push_back({string_at(entry, "kind"), string_at(entry, "name")});
  if (!stored.contains("workloads") || !stored["workloads"].is_array()) return out;
  for (const OrderedJson& entry : stored["workloads"]) {
    if (!entry.is_object() || !entry.contains("body")) continue;
    KubeObject object;
    object.body = entry["body"];
    object.service = string_at(entry, "service");
    object.api_version = string_at(object.body, "apiVersion");
    object.kind = string_at(object.body, "kind");
    if (object.body.is_object() && object.body.contains("metadata"))
      object.name = string_at(object.body["metadata"], "name");
    out.workloads.push_back(std::move(object));
  }
  return out;
}

}  // namespace

std::string inventory_name(const std::string& project) { return with_suffix("stack.", object_name(project)); }

ApiResult<Inventory> read_inventory(const Resources& resources, const std::string& project) {
  ApiResult<std::optional<Json>> stored = resources.find("Secret", inventory_name(project));
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return Inventory{};
  const Json& secret = **stored;
  auto data = secret.find("data");
  std::string text;
  if (data != secret.end()) text = decode_base64(string_or(*data, "inventory")).value_or("");
  Inventory out = parse(text);
  out.resource_version = string_or(secret.value("metadata", Json::object()), "resourceVersion");
  return out;
}

ApiResult<std::monostate> write_inventory(const Resources& resources, const std::string& project,
                                          const Inventory& old, const Inventory& now) {
  std::string text = text_of(now);
  if (!old.resource_version.empty() && text_of(old) == text) return std::monostate{};
  KubeObject object{"v1", "Secret", inventory_name(project), "", "/name", {}};
  object.body = {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"metadata",
       {{"name", object.name},
        {"labels", {{"app.kubernetes.io/managed-by", "stack"}, {std::string(kProjectLabel), project}}}}},
      {"type", "stack/inventory"},
      {"data", {{"inventory", encode_base64(text)}}}};
  ApiResult<Json> written = resources.apply(object, false, true);
  if (!written) return tl::unexpected(written.error());
  return std::monostate{};
}

}  // namespace stack::targets::kubernetes
