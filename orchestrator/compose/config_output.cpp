#include "orchestrator/compose/config_output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <tuple>

#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "orchestrator/compose/attributes.h"
#include "orchestrator/compose/document.h"
#include "orchestrator/compose/service_hash.h"
#include "orchestrator/compose/yaml_writer.h"

namespace stack::compose {

namespace {

enum class Format { Yaml, Json };
using Cursor = AttributeTable::Cursor;

// Whether the reference omits the node because it is the type's zero value.
bool is_zero(const Node& node, const Attribute* attribute, const Cursor& at) {
  if (attribute != nullptr && attribute->omit_true && node.is_scalar() && node.text == "true") return true;
  if (attribute != nullptr && attribute->keep) return false;
  if (node.is_list()) return node.items.empty();
  // An empty mapping of free keys is a zero value; an empty mapping with named members is not.
  bool named = at.has_names() && !(attribute != nullptr && attribute->omit_empty);
  if (node.is_map()) return node.entries.empty() && !named;
  if (!node.is_scalar() || attribute == nullptr) return false;
  switch (attribute->meaning) {
    case Meaning::Boolean:
      return node.text == "false";
    case Meaning::Integer:
    case Meaning::Number:
    case Meaning::Bytes:
    case Meaning::TmpfsMode:
      return node.text == "0";
    case Meaning::Duration:
      return node.text == "0s";
    default:
      return node.text.empty();
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

// The reference's natural order of free keys in YAML: A2 before A10, signs before letters.
bool comes_before(std::string_view a, std::string_view b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  if (at == a.size() || at == b.size()) return a.size() < b.size();
  auto as_byte = [&](std::string_view text) { return static_cast<unsigned char>(text[at]); };
  bool a_letter = is_letter(a[at]);
  bool b_letter = is_letter(b[at]);
  if (a_letter && b_letter) return as_byte(a) < as_byte(b);
  if (a_letter || b_letter) return at > 0 && is_digit(a[at - 1]) ? a_letter : b_letter;
  auto digits = [&](std::string_view text) {
    size_t end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    return text.substr(at, end - at);
  };
  // Zeros count if the number begins before the difference.
  bool significant = false;
  for (size_t i = at; i > 0 && is_digit(a[i - 1]); --i) significant = significant || a[i - 1] != '0';
  auto number = [&](std::string_view run) {
    if (!significant) run.remove_prefix(std::min(run.find_first_not_of('0'), run.size()));
    return std::pair(run.size(), run);
  };
  std::string_view a_run = digits(a);
  std::string_view b_run = digits(b);
  if (number(a_run) != number(b_run)) return number(a_run) < number(b_run);
  if (a_run.size() != b_run.size()) return a_run.size() < b_run.size();
  return as_byte(a) < as_byte(b);
}

// A number or truth value in the one form that the reference prints: 0440 as 288, 1.50 as 1.5, True as true.
std::string settled_text(const Node& node) {
  if (node.string || !node.is_scalar()) return node.text;
  int64_t integer = 0;
  std::array<char, 32> digits{};
  double number = 0;
  const char* end = node.text.data() + node.text.size();
  switch (node.type()) {
    case ScalarType::Bool:
      return lower(node.text);
    case ScalarType::Int:
      return parse_yaml_integer(node.text, integer) ? std::to_string(integer) : node.text;
    case ScalarType::Float:
      if (std::from_chars(node.text.data(), end, number).ptr != end) return node.text;
      return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
    default:
      return node.text;
  }
}

// Copies the tree, with members in the reference's order and without zero values.
class Presenter {
 public:
  Presenter(Format format, bool raw) : format_(format), raw_(raw) {}

  Node present(const Node& node, const Cursor& at) {
    // Not a copy of the node, because its children are added one by one.
    Node out;
    out.kind = node.kind;
    out.string = node.string;
    out.made = node.made;
    out.provenance = node.provenance;
    out.mark = node.mark;
    out.text = raw_ ? settled_text(node) : node.text;
    out.items.reserve(node.items.size());
    if (node.is_map()) out.entries = entries(node, at);
    for (const Node& item : node.items) out.items.push_back(present(item, at.any()));
    return out;
  }

 private:
  struct Ranked {
    size_t rank;
    const Entry* entry;
    Cursor at;
  };

  std::vector<Entry> entries(const Node& map, const Cursor& at) {
    std::vector<Ranked> ranked;
    bool named = at.has_names() && !raw_;
    for (const Entry& entry : map.entries) {
      Cursor child = at.child(entry.key);
      const Attribute* own = child.rule();
      // Jobs have the attributes of services.
      if (depth_ == 0 && entry.key == "jobs") child = at.child("services");
      if (named && at.has_any() && entry.key.starts_with("x-")) child = {};
      const Attribute* attribute = child.rule();
      if (depth_ > 0) own = attribute;
      bool extension = named && attribute == nullptr;
      if (extension && format_ == Format::Json && depth_ > 0) continue;
      if (!raw_ && !extension && named && is_zero(entry.value, attribute, child)) continue;
      if (named && entry.value.is_null() && !keeps_null(attribute)) continue;
      ranked.push_back({named && !extension ? attribute_rank(own) : SIZE_MAX, &entry, child});
    }
    bool natural = format_ == Format::Yaml;
    // Not std::sort, which requires a strict weak order; comes_before only orders pairs.
    std::stable_sort(ranked.begin(), ranked.end(), [natural](const Ranked& a, const Ranked& b) {
      if (a.rank != b.rank) return a.rank < b.rank;
      return natural ? comes_before(a.entry->key, b.entry->key) : a.entry->key < b.entry->key;
    });
    std::vector<Entry> out;
    ++depth_;
    for (const Ranked& one : ranked) {
      Node value = present(one.entry->value, one.at);
      const Attribute* attribute = one.at.rule();
      bool gone = named && attribute != nullptr && attribute->omit_empty && value.entries.empty();
      if (!gone) out.push_back({one.entry->key, one.entry->mark, std::move(value)});
    }
    --depth_;
    return out;
  }

  // `command: null` is the same as no command.
  static bool keeps_null(const Attribute* attribute) { return attribute == nullptr; }

  Format format_;
  bool raw_;
  int depth_ = 0;
};

// Adds members that Go's JSON encoder prints even if they are empty.
void add_json_members(Node& tree) {
  auto add_empty = [](Node& map, const char* key, Node value) {
    if (map.is_map() && map.find(key) == nullptr) map.entries.push_back({key, map.mark, std::move(value)});
  };
  if (Node* services = tree.find("services")) {
    for (Entry& service : services->entries) {
      add_empty(service.value, "command", null_node({}));
      add_empty(service.value, "entrypoint", null_node({}));
      for (const char* hooks : {"post_start", "pre_stop"})
        if (Node* list = service.value.find(hooks))
          for (Node& hook : list->items) add_empty(hook, "command", null_node({}));
      Node* develop = service.value.find("develop");
      if (Node* watch = develop == nullptr ? nullptr : develop->find("watch")) {
        for (Node& rule : watch->items) {
          add_empty(rule, "exec", map_node({}));
          if (Node* exec = rule.find("exec")) add_empty(*exec, "command", null_node({}));
        }
      }
      if (Node* deploy = service.value.find("deploy"); deploy != nullptr && deploy->is_map()) {
        add_empty(*deploy, "resources", map_node({}));
        add_empty(*deploy, "placement", map_node({}));
      }
    }
  }
  if (Node* networks = tree.find("networks"))
    for (Entry& network : networks->entries) add_empty(network.value, "ipam", map_node({}));
}

void sort_by_rank(Node& map, const Cursor& at) {
  std::stable_sort(map.entries.begin(), map.entries.end(), [&](const Entry& a, const Entry& b) {
    auto rank = [&](const Entry& entry) {
      const Attribute* attribute = at.child(entry.key).rule();
      return attribute == nullptr ? SIZE_MAX : attribute_rank(attribute);
    };
    return rank(a) < rank(b);
  });
}

// JSON: the top level is a Go map, so its keys are sorted; nested objects keep their order.
void order_json(Node& tree) {
  std::sort(tree.entries.begin(), tree.entries.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  Cursor service_at = attributes().root().child("services").any();
  if (Node* services = tree.find("services")) {
    for (Entry& service : services->entries) {
      sort_by_rank(service.value, service_at);
      if (Node* deploy = service.value.find("deploy")) sort_by_rank(*deploy, service_at.child("deploy"));
    }
  }
  if (Node* networks = tree.find("networks"))
    for (Entry& network : networks->entries)
      sort_by_rank(network.value, attributes().root().child("networks").any());
}

std::string double_dollars(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  size_t from = 0;
  for (size_t dollar = text.find('$'); dollar != std::string::npos; dollar = text.find('$', from)) {
    out.append(text, from, dollar + 1 - from);
    out += '$';
    from = dollar + 1;
  }
  return out.append(text, from);
}

Node presented(const Loaded& loaded, Format format) {
  const Document& document = *loaded.document;
  Node tree = Presenter(format, document.raw).present(document.tree, attributes().root());
  if (tree.find("services") == nullptr) tree.set("services", map_node({}));
  if (!document.raw && format == Format::Yaml) sort_by_rank(tree, attributes().root());
  return tree;
}

std::vector<std::string> keys(const Node& tree, const char* section) {
  std::vector<std::string> out;
  if (const Node* map = tree.find(section))
    for (const Entry& entry : map->entries)
      if (!entry.key.starts_with("x-")) out.push_back(entry.key);
  std::sort(out.begin(), out.end());
  return out;
}

void visit(const Project& project, const std::string& name, std::set<std::string>& seen,
           std::vector<std::string>& out) {
  auto service = project.services.find(name);
  if (service == project.services.end() || !seen.insert(name).second) return;
  for (const auto& [dependency, how] : service->second.depends_on) visit(project, dependency, seen, out);
  out.push_back(name);
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 3, width), ' ');
  return text;
}

}  // namespace

std::string config_yaml(const Loaded& loaded) {
  std::string text = yaml_of(presented(loaded, Format::Yaml));
  return loaded.document->raw ? text : double_dollars(text);
}

std::string config_json(const Loaded& loaded) {
  Node tree = presented(loaded, Format::Json);
  if (!loaded.document->raw) {
    tree.erase("models");
    add_json_members(tree);
    order_json(tree);
  }
  std::string text = indented_json_of(tree) + "\n";
  return loaded.document->raw ? text : double_dollars(text);
}

std::vector<std::string> list_services(const Loaded& loaded) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const auto& [name, service] : loaded.project.services) visit(loaded.project, name, seen, out);
  return out;
}

std::vector<std::string> list_volumes(const Loaded& loaded) { return keys(loaded.document->tree, "volumes"); }
std::vector<std::string> list_networks(const Loaded& loaded) {
  return keys(loaded.document->tree, "networks");
}

std::vector<std::string> list_models(const Loaded& loaded) {
  std::vector<std::string> out;
  for (const auto& [name, model] : loaded.project.models)
    if (!model.model.empty()) out.push_back(model.model);
  return out;
}

std::vector<std::string> list_images(const Loaded& loaded) {
  std::vector<std::string> out;
  for (const auto& [name, service] : loaded.project.services) {
    out.push_back(image_name(loaded.project, service));
    for (const ServiceHook& hook : service.pre_start)
      if (!hook.image.empty()) out.push_back(hook.image);
  }
  return out;
}

std::vector<std::string> list_profiles(const Loaded& loaded) {
  return loaded.document->selection.all_profiles;
}

std::vector<std::string> list_environment(const Loaded& loaded) {
  std::vector<std::string> out;
  for (const auto& [name, variable] : loaded.document->variables) out.push_back(name + "=" + variable.value);
  return out;
}

std::string variables_table(const Loaded& loaded) {
  std::vector<std::array<std::string, 4>> rows{{"NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"}};
  for (const auto& [name, use] : loaded.document->mentioned)
    rows.push_back({name, use.required ? "true" : "false", use.fallback, use.alternative});
  std::array<size_t, 3> widths{20, 20, 20};
  for (const auto& row : rows)
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 3);
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) out += padded(row[i], widths[i]);
    out += row[3] + "\n";
  }
  return out;
}

namespace {

Node variables_node(const Loaded& loaded, bool lower_case) {
  Node map = map_node({});
  for (const auto& [name, use] : loaded.document->mentioned) {
    Node one = map_node({});
    one.set(lower_case ? "name" : "Name", scalar_node(name, {}));
    one.set(lower_case ? "defaultvalue" : "DefaultValue", scalar_node(use.fallback, {}));
    one.set(lower_case ? "presencevalue" : "PresenceValue", scalar_node(use.alternative, {}));
    one.set(lower_case ? "required" : "Required", plain_node(use.required ? "true" : "false", {}));
    map.set(name, std::move(one));
  }
  return map;
}

}  // namespace

std::string variables_json(const Loaded& loaded) {
  return indented_json_of(variables_node(loaded, false)) + "\n";
}
std::string variables_yaml(const Loaded& loaded) { return yaml_of(variables_node(loaded, true)); }

Result<std::vector<std::string>> list_hashes(const Loaded& loaded, const std::string& services) {
  std::vector<std::string> out;
  std::vector<std::string> names;
  if (services != "*") {
    names = split(services, ',');
  } else {
    for (const auto& [name, service] : loaded.project.services) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    auto found = loaded.project.services.find(name);
    if (found == loaded.project.services.end()) return not_found("no such service: " + name);
    out.push_back(name + " " + service_hash(loaded.project, found->second));
  }
  return out;
}

namespace {

// Calls visit(node) for every image that a service names.
template <typename Tree, typename Visit>
void visit_images(Tree& tree, const Visit& visit) {
  auto* services = tree.find("services");
  if (services == nullptr) return;
  for (auto& service : services->entries) {
    if (auto* image = service.value.find("image"); image != nullptr && image->is_scalar()) visit(*image);
    auto* volumes = service.value.find("volumes");
    if (volumes == nullptr) continue;
    for (auto& volume : volumes->items) {
      auto* source = volume.find("source");
      if (volume.text_of("type") == "image" && source != nullptr && source->is_scalar()) visit(*source);
    }
  }
}

Loaded with_tree(const Loaded& loaded, Node tree) {
  auto document = std::make_shared<Document>(*loaded.document);
  document->tree = std::move(tree);
  return {loaded.project, loaded.warnings, std::move(document)};
}

}  // namespace

std::vector<std::string> images_to_pin(const Loaded& loaded) {
  std::set<std::string> names;
  visit_images(loaded.document->tree, [&](const Node& image) {
    if (!image.text.empty() && image.text.find('@') == std::string::npos) names.insert(image.text);
  });
  return {names.begin(), names.end()};
}

Loaded with_pinned_images(const Loaded& loaded, const std::map<std::string, std::string>& digests) {
  Node tree = loaded.document->tree;
  visit_images(tree, [&](Node& image) {
    auto digest = digests.find(image.text);
    if (digest != digests.end()) image.text += "@" + digest->second;
  });
  return with_tree(loaded, std::move(tree));
}

Loaded images_only(const Loaded& loaded) {
  Node tree = map_node({});
  Node services = map_node({});
  if (const Node* all = loaded.document->tree.find("services")) {
    for (const Entry& service : all->entries) {
      Node kept = map_node({});
      if (const Node* image = service.value.find("image")) kept.set("image", *image);
      Node volumes = list_node({});
      if (const Node* list = service.value.find("volumes"))
        for (const Node& volume : list->items)
          if (volume.text_of("type") == "image") volumes.items.push_back(volume);
      if (!volumes.items.empty()) kept.set("volumes", std::move(volumes));
      services.set(service.key, std::move(kept));
    }
  }
  tree.set("services", std::move(services));
  return with_tree(loaded, std::move(tree));
}

namespace {

void note_origins(const Node& node, const std::string& path, const Document& document,
                  std::vector<std::string>& out) {
  for (const Entry& entry : node.entries)
    note_origins(entry.value, path.empty() ? entry.key : path + "." + entry.key, document, out);
  for (size_t i = 0; i < node.items.size(); ++i)
    note_origins(node.items[i], path + "." + std::to_string(i), document, out);
  bool collection = !node.entries.empty() || !node.items.empty();
  if (collection) return;
  std::string line = path + " = ";
  if (node.is_scalar()) line += indented_json_of(node);
  if (!node.is_scalar()) line += node.is_map() ? "{}" : node.is_list() ? "[]" : "null";
  std::string place = document.sources.place(node.mark);
  line += "  # " + (place.empty() ? "default" : place);
  if (node.made && !place.empty()) line += ", by default";
  const std::string& variables = document.provenances.at(node.provenance).variables;
  if (!variables.empty()) line += ", " + variables;
  out.push_back(std::move(line));
}

}  // namespace

std::vector<std::string> list_origins(const Loaded& loaded) {
  std::vector<std::string> out;
  note_origins(presented(loaded, Format::Yaml), "", *loaded.document, out);
  return out;
}

}  // namespace stack::compose
