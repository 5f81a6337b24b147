#include "orchestrator/targets/kubernetes/object_files.h"

#include "orchestrator/compose/yaml_writer.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

compose::Node node_of(const OrderedJson& value) {
  switch (value.type()) {
    case OrderedJson::value_t::object: {
      compose::Node node = compose::map_node({});
      for (const auto& [key, member] : value.items()) node.set(key, node_of(member));
      return node;
    }
    case OrderedJson::value_t::array: {
      compose::Node node = compose::list_node({});
      for (const OrderedJson& item : value) node.items.push_back(node_of(item));
      return node;
    }
    case OrderedJson::value_t::string:
      return compose::scalar_node(value.get<std::string>(), {});
    case OrderedJson::value_t::null:
      return compose::null_node({});
    default:
      return compose::plain_node(value.dump(), {});
  }
}

std::string document(const KubeObject& object) { return "---\n" + yaml_of(object.body); }

}  // namespace

std::string yaml_of(const OrderedJson& object) { return compose::yaml_of(node_of(object)); }

std::vector<ObjectFile> object_files(const Conversion& conversion) {
  std::map<std::string, std::string> texts;
  for (const KubeObject& object : conversion.objects) {
    std::string name = object.service.empty() ? "project" : object_name(object.service);
    if (!object.service.empty() && name == "project") name = "service-project";
    texts[name + ".yaml"] += document(object);
  }
  for (const Gate& gate : conversion.gates)
    texts["gates/" + gate.object.name + ".yaml"] = document(gate.object);
  std::vector<ObjectFile> files;
  for (auto& [path, text] : texts) files.push_back({path, std::move(text)});
  return files;
}

std::string object_stream(const Conversion& conversion) {
  std::string out;
  for (const KubeObject& object : conversion.objects) out += document(object);
  return out;
}

}  // namespace stack::targets::kubernetes
