#include "api_schema.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

namespace stack::e2e {

struct ApiSchema::State {
  YAML::Node root = YAML::LoadFile(STACK_SOURCE_DIR "/tests/data/docker-api-v1.50.yaml");

  YAML::Node resolved(YAML::Node schema) const {
    while (schema["$ref"]) {
      std::string name = schema["$ref"].as<std::string>();
      schema.reset(root["definitions"][name.substr(name.rfind('/') + 1)]);
    }
    return schema;
  }

  void check(const YAML::Node& raw, const Json& value, const std::string& place,
             std::vector<std::string>& out) const {
    YAML::Node schema = resolved(raw);
    bool nullable = schema["x-nullable"] && schema["x-nullable"].as<bool>();
    if (raw["x-nullable"] && raw["x-nullable"].as<bool>()) nullable = true;
    if (schema["allOf"])
      for (const YAML::Node& part : schema["allOf"]) check(part, value, place, out);
    std::string type = schema["type"]         ? schema["type"].as<std::string>()
                       : schema["properties"] ? "object"
                                              : "";
    if (value.is_null()) {
      // Pointers in Docker's own types, for which it also returns null, although the document does not say so.
      for (const char* member : {".ExitCode", ".MemorySwappiness", ".OomKillDisable"})
        nullable = nullable || place.ends_with(member);
      if (!nullable && type != "array" && type != "object" && !type.empty())
        out.push_back(place + ": is null, not " + type);
      return;
    }
    if (!has_type(value, type)) {
      out.push_back(place + ": is " + value.type_name() + ", not " + type);
      return;
    }
    check_enum(schema, value, place, out);
    check_members(schema, value, place, out);
    if (schema["items"] && value.is_array())
      for (size_t i = 0; i < value.size(); ++i)
        check(schema["items"], value[i], place + "[" + std::to_string(i) + "]", out);
  }

  static bool has_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    return true;
  }

  static void check_enum(const YAML::Node& schema, const Json& value, const std::string& place,
                         std::vector<std::string>& out) {
    if (!schema["enum"] || !value.is_string()) return;
    std::set<std::string> words;
    for (const YAML::Node& word : schema["enum"]) words.insert(word.as<std::string>());
    std::string text = value.get<std::string>();
    if (!text.empty() && !words.contains(text))
      out.push_back(place + ": \"" + text + "\" is no word of the API");
  }

  void check_members(const YAML::Node& schema, const Json& value, const std::string& place,
                     std::vector<std::string>& out) const {
    if (!value.is_object()) return;
    for (const YAML::Node& name : schema["required"])
      if (!value.contains(name.as<std::string>()))
        out.push_back(place + "." + name.as<std::string>() + ": is missing");
    std::set<std::string> known;
    for (const auto& member : schema["properties"]) {
      std::string name = member.first.as<std::string>();
      known.insert(name);
      if (value.contains(name)) check(member.second, value[name], place + "." + name, out);
    }
    if (!schema["additionalProperties"] || !schema["additionalProperties"].IsMap()) return;
    for (const auto& [name, member] : value.items())
      if (!known.contains(name)) check(schema["additionalProperties"], member, place + "." + name, out);
  }
};

ApiSchema::ApiSchema() : state_(std::make_unique<State>()) {}
ApiSchema::~ApiSchema() = default;

std::vector<std::string> ApiSchema::problems(const std::string& method, const std::string& path, int status,
                                             const Json& body) const {
  std::string verb = method;
  std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::tolower(c); });
  YAML::Node response = state_->root["paths"][path][verb]["responses"][std::to_string(status)];
  if (!response) return {method + " " + path + ": no answer " + std::to_string(status) + " is defined"};
  std::vector<std::string> out;
  if (response["schema"]) state_->check(response["schema"], body, "", out);
  return out;
}

}  // namespace stack::e2e
