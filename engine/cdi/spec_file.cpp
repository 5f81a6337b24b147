#include "engine/cdi/spec_file.h"

#include "base/files.h"
#include "base/text.h"
#include "orchestrator/compose/parse.h"

namespace stack::engine {

namespace {

using compose::Node;

constexpr size_t kSpecSizeLimit = size_t{4} << 20;

Json json_of(const Node& node) {
  if (node.is_map()) {
    Json out = Json::object();
    for (const compose::Entry& entry : node.entries) out[entry.key] = json_of(entry.value);
    return out;
  }
  if (node.is_list()) {
    Json out = Json::array();
    for (const Node& item : node.items) out.push_back(json_of(item));
    return out;
  }
  if (!node.is_scalar()) return nullptr;
  int64_t number = 0;
  if (!node.string && node.type() == compose::ScalarType::Bool) return node.text == "true";
  if (!node.string && node.type() == compose::ScalarType::Int &&
      compose::parse_yaml_integer(node.text, number))
    return number;
  return node.text;
}

// The keys of one edit, and the form of each: 't' text, 'n' number, 'l' list of texts; capital: required.
struct EditForm {
  const char* list;
  std::map<std::string, char> keys;
};

const std::vector<EditForm>& edit_forms() {
  static const std::vector<EditForm> forms{
      {"deviceNodes",
       {{"path", 'T'},
        {"hostPath", 't'},
        {"type", 't'},
        {"major", 'n'},
        {"minor", 'n'},
        {"fileMode", 'n'},
        {"permissions", 't'},
        {"uid", 'n'},
        {"gid", 'n'}}},
      {"mounts", {{"hostPath", 'T'}, {"containerPath", 'T'}, {"options", 'l'}, {"type", 't'}}},
      {"hooks", {{"hookName", 'T'}, {"path", 'T'}, {"args", 'l'}, {"env", 'l'}, {"timeout", 'n'}}},
  };
  return forms;
}

bool is_text_list(const Json& value) {
  if (!value.is_array()) return false;
  for (const Json& item : value)
    if (!item.is_string()) return false;
  return true;
}

bool has_form(const Json& value, char form) {
  if (form == 'n') return value.is_number_integer();
  if (form == 'l') return is_text_list(value);
  return value.is_string() && !value.get_ref<const std::string&>().empty();
}

Result<> check_entry(const Json& entry, const EditForm& form) {
  const std::string list = form.list;
  if (!entry.is_object()) return invalid(list + ": entries must be mappings");
  for (const auto& [key, kind] : form.keys)
    if (kind == 'T' && !entry.contains(key)) return invalid(list + ": an entry has no " + key);
  for (const auto& [key, value] : entry.items()) {
    auto known = form.keys.find(key);
    if (known == form.keys.end()) return unsupported(list + "." + key + " is not supported");
    if (!has_form(value, known->second)) return invalid(list + "." + key + " has the wrong type");
  }
  return {};
}

Result<> check_hook_name(const Json& hook) {
  std::string name = string_or(hook, "hookName");
  for (const char* known : {"prestart", "createRuntime", "createContainer", "startContainer"})
    if (name == known) return {};
  return unsupported("hooks: " + name + " hooks are not supported");
}

Result<> check_edits(const Json& edits) {
  if (!edits.is_object()) return invalid("containerEdits must be a mapping");
  for (const auto& [key, value] : edits.items()) {
    if (!value.is_array()) return unsupported("containerEdits." + key + " is not supported");
    if (key == "env") {
      if (!is_text_list(value)) return invalid("env must be a list of strings");
      continue;
    }
    if (key == "additionalGids") {
      for (const Json& gid : value)
        if (!gid.is_number_unsigned() && !(gid.is_number_integer() && gid.get<int64_t>() >= 0))
          return invalid("additionalGids must be a list of numbers");
      continue;
    }
    const EditForm* form = nullptr;
    for (const EditForm& one : edit_forms())
      if (key == one.list) form = &one;
    if (form == nullptr) return unsupported("containerEdits." + key + " is not supported");
    for (const Json& entry : value) {
      TRY(check_entry(entry, *form));
      if (key == "hooks") TRY(check_hook_name(entry));
    }
  }
  return {};
}

Result<CdiSpec> read_document(const Json& document) {
  CdiSpec spec;
  if (!document.is_object()) return invalid("a CDI spec must be a mapping");
  if (string_or(document, "cdiVersion").empty()) return invalid("cdiVersion is missing");
  spec.kind = string_or(document, "kind");
  if (spec.kind.find('/') == std::string::npos) return invalid("kind must have the form vendor.com/class");
  if (auto edits = document.find("containerEdits"); edits != document.end()) {
    TRY(check_edits(*edits));
    spec.edits = *edits;
  }
  auto devices = document.find("devices");
  if (devices == document.end() || !devices->is_array()) return invalid("devices must be a list");
  for (const Json& device : *devices) {
    std::string name = string_or(device, "name");
    if (name.empty()) return invalid("a device has no name");
    Json edits = device.value("containerEdits", Json::object());
    TRY(check_edits(edits).in("device " + name));
    if (!spec.devices.emplace(name, std::move(edits)).second)
      return invalid("device " + name + " is described twice");
  }
  return spec;
}

}  // namespace

Result<CdiSpec> read_cdi_spec(const std::string& path) {
  TRY_ASSIGN(std::string text, read_file(path, kSpecSizeLimit));
  return parse_cdi_spec(path, std::move(text));
}

Result<CdiSpec> parse_cdi_spec(const std::string& path, std::string text) {
  compose::Sources sources;
  uint32_t file = sources.add(path, path, directory_name(path), std::move(text));
  compose::Report report(sources);
  std::vector<Node> documents = compose::parse_yaml(sources, file, report);
  if (report.failed()) return invalid(std::string(trim(compose::render(report.take_errors(), false))));
  if (documents.size() != 1) return invalid(path + ": expected one document");
  return read_document(json_of(documents[0])).in(path);
}

}  // namespace stack::engine
