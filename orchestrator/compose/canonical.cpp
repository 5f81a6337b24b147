#include "orchestrator/compose/canonical.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "model/protocol.h"
#include "orchestrator/compose/rule_table.h"
#include "orchestrator/compose/values.h"

namespace stack::compose {

namespace {

// Maximum number of ports from short notations in one document.
constexpr size_t kMostPorts = 200'000;

struct Context {
  bool raw = false;
  bool refuse = true;
  const Provenances& provenances;
  Report& report;
  size_t& ports;  // created from short notations so far

  // Whether the text cannot be parsed because its interpolation failed or has not run.
  bool opaque(const Node& node) const {
    return node.is_scalar() &&
           (provenances.poisoned(node) || (raw && node.text.find('$') != std::string::npos));
  }
  // Whether a notation with colons cannot be split: "${A}:/b" can, "${A:-x}:/b" cannot.
  bool unsplittable(const Node& node) const {
    if (!opaque(node) || !raw || provenances.poisoned(node)) return opaque(node);
    size_t open = node.text.find("${");
    return open != std::string::npos && node.text.find(':', open) < node.text.find('}', open);
  }
  void wrong(Node& node, const Error& error) const {
    report.error(node.mark, error.text());
    node.make_invalid();
  }
  // Reports a value of the right form that is not supported.
  void warn_or_refuse(Node& node, const Error& error) const {
    if (refuse) return wrong(node, error);
    report.warning(node.mark, error.text());
  }
};

using Rewrite = void (*)(Node&, const Context&);

// A node for a part of the text of `from`.
Node derived(const Node& from, std::string text) {
  Node node = scalar_node(std::move(text), from.mark);
  node.provenance = from.provenance;
  return node;
}

Node derived_flag(const Node& from, bool value) { return plain_node(value ? "true" : "false", from.mark); }

Node derived_map(const Node& from) {
  Node node = map_node(from.mark);
  node.tag = from.tag;
  return node;
}

void set_text(Node& map, const Node& from, std::string_view key, const std::string& text) {
  if (!text.empty()) map.set(key, derived(from, text));
}

void text_to_list(Node& node, const Context& /*context*/) {
  if (!node.is_scalar()) return;
  Node list = list_node(node.mark);
  list.tag = std::exchange(node.tag, MergeTag::None);
  list.items.push_back(std::move(node));
  node = std::move(list);
}

void drop_empty_texts(Node& node, const Context& context) {
  text_to_list(node, context);
  std::erase_if(node.items, [](const Node& item) { return item.is_scalar() && item.text.empty(); });
}

// Writes an unquoted number in decimal, like the reference.
void number_to_text(Node& node) {
  int64_t value = 0;
  if (node.is_scalar() && node.type() == ScalarType::Int && parse_yaml_integer(node.text, value))
    node.text = std::to_string(value);
  node.string = true;
}

void items_to_texts(Node& node, const Context& /*context*/) {
  for (Node& item : node.items) number_to_text(item);
  for (Entry& entry : node.entries) entry.value.string = true;
}

// ["K=V", "K"] or {K: V} -> {K: "V"}; `bare` is the kind of node for K alone.
void pairs_to_map(Node& node, const Context& context, NodeKind bare) {
  if (node.is_list()) {
    Node map = derived_map(node);
    KeyIndex index(map);
    for (Node& item : node.items) {
      // Skips empty items, which may result from "${OPTIONAL}".
      if (!item.is_scalar() || (item.text.empty() && !context.opaque(item))) continue;
      size_t equals = item.text.find('=');
      std::string key = item.text.substr(0, equals);
      if (key.empty() || key.back() == ' ' || key.back() == '\t') {
        context.wrong(item, invalid(key.empty() ? "missing name before \"=\""
                                                : "the name \"" + key + "\" must not end with a blank"));
        continue;
      }
      Node value = null_node(item.mark);
      if (equals != std::string::npos) value = derived(item, item.text.substr(equals + 1));
      value.tag = item.tag;
      value.provenance = item.provenance;
      index.set(key, std::move(value));
    }
    node = std::move(map);
  }
  for (Entry& entry : node.entries) {
    Node& value = entry.value;
    // Keeps the text as written, but prints booleans like the reference.
    if (value.is_scalar() && value.type() == ScalarType::Bool) value.text = lower(value.text);
    if (value.is_scalar()) value.string = true;
    if (!value.is_null() || value.tag != MergeTag::None || bare == NodeKind::Null) continue;
    value.kind = NodeKind::Scalar;
    value.string = true;
  }
}

void environment(Node& node, const Context& context) { pairs_to_map(node, context, NodeKind::Null); }
void labels(Node& node, const Context& context) { pairs_to_map(node, context, NodeKind::Scalar); }

void ssh(Node& node, const Context& /*context*/) {
  if (!node.is_map()) return;
  Node list = list_node(node.mark);
  list.tag = node.tag;
  for (Entry& entry : node.entries) {
    std::string text = entry.key;
    if (entry.value.is_scalar() && !entry.value.text.empty()) text += "=" + entry.value.text;
    list.items.push_back(derived(entry.value, text));
  }
  node = std::move(list);
}

void build(Node& node, const Context& /*context*/) {
  if (!node.is_scalar()) return;
  Node map = derived_map(node);
  node.tag = MergeTag::None;
  map.set("context", std::move(node));
  node = std::move(map);
}

void extends(Node& node, const Context& /*context*/) {
  if (!node.is_scalar()) return;
  Node map = map_node(node.mark);
  map.set("service", std::move(node));
  node = std::move(map);
}

// [a, b] -> {a: <value>, b: <value>}
void names_to_map(Node& node, const Node& value) {
  if (!node.is_list()) return;
  Node map = derived_map(node);
  KeyIndex index(map);
  for (Node& item : node.items) {
    if (!item.is_scalar()) continue;
    Node copy = value;
    copy.mark = item.mark;
    copy.tag = item.tag;
    copy.provenance = item.provenance;
    for (Entry& entry : copy.entries) entry.value.mark = entry.mark = item.mark;
    index.set(item.text, std::move(copy));
  }
  node = std::move(map);
}

void names(Node& node, const Context& /*context*/) { names_to_map(node, null_node({})); }

void depends_on(Node& node, const Context& /*context*/) {
  Node plain = map_node({});
  plain.set("condition", scalar_node("service_started", {}));
  plain.set("required", plain_node("true", {}));
  names_to_map(node, plain);
  for (Entry& entry : node.entries) {
    Node& dependency = entry.value;
    if (dependency.is_map() && dependency.find("required") == nullptr)
      dependency.set("required", plain_node("true", dependency.mark));
  }
}

void command(Node& node, const Context& context) {
  if (!node.is_scalar() || context.opaque(node)) return;
  Result<std::vector<std::string>> words = split_words(node.text);
  if (!words) return context.wrong(node, words.error());
  Node list = derived_map(node);
  list.kind = NodeKind::List;
  for (std::string& word : *words) list.items.push_back(derived(node, std::move(word)));
  node = std::move(list);
}

void health_test(Node& node, const Context& /*context*/) {
  if (!node.is_scalar()) return;
  Node list = list_node(node.mark);
  list.tag = std::exchange(node.tag, MergeTag::None);
  list.items.push_back(scalar_node("CMD-SHELL", node.mark));
  list.items.push_back(std::move(node));
  node = std::move(list);
}

void extra_hosts(Node& node, const Context& context) {
  Node list = list_node(node.mark);
  list.tag = node.tag;
  auto add = [&](const Node& from, const std::string& text) {
    if (context.opaque(from)) {
      list.items.push_back(derived(from, text));
    } else if (Result<std::string> host = parse_extra_host(text)) {
      list.items.push_back(derived(from, *host));
      list.items.back().tag = from.tag;
    } else if (size_t separator = text.find_first_of("=:");
               context.refuse || separator == std::string::npos) {
      context.report.error(from.mark, host.error().text());
    } else {
      context.report.warning(from.mark, host.error().text());
      list.items.push_back(derived(from, text.substr(0, separator) + "=" + text.substr(separator + 1)));
    }
  };
  for (Node& item : node.items)
    if (item.is_scalar()) add(item, item.text);
  for (Entry& entry : node.entries) {
    if (entry.value.is_scalar()) add(entry.value, entry.key + "=" + entry.value.text);
    for (Node& item : entry.value.items) add(item, entry.key + "=" + item.text);
  }
  node = std::move(list);
}

Node port_map(const Node& from, const PortMapping& port) {
  Node map = derived_map(from);
  set_text(map, from, "mode", port.mode);
  set_text(map, from, "host_ip", port.host_ip);
  map.set("target", plain_node(std::to_string(port.target), from.mark));
  set_text(map, from, "published", port.published);
  set_text(map, from, "protocol", port.protocol);
  return map;
}

// Checks the long form and adds the defaults of the short form.
void check_long_port(Node& port, const Context& context) {
  auto check_range = [&](Node* value, bool single) {
    if (value == nullptr || !value->is_scalar() || context.opaque(*value)) return;
    Result<PortRange> range = parse_port_range(value->text, !single);
    if (!range) return context.warn_or_refuse(*value, range.error());
    if (single && range->first != range->last)
      context.warn_or_refuse(*value, invalid("expected a single port"));
  };
  check_range(port.find("target"), true);
  if (Node* published = port.find("published")) {
    number_to_text(*published);
    if (published->is_scalar() && published->text.empty()) {
      port.erase("published");
    } else {
      check_range(published, false);
    }
  }
  Node* address = port.find("host_ip");
  if (address != nullptr && address->is_scalar() && !context.opaque(*address) &&
      !is_ip_address(address->text))
    context.wrong(*address, invalid("\"" + address->text + "\" is not an IP address"));
  Node* protocol = port.find("protocol");
  if (protocol != nullptr && protocol->is_scalar() && !context.opaque(*protocol)) {
    protocol->text = lower(protocol->text);
    if (!parse_protocol(protocol->text))
      context.warn_or_refuse(
          *protocol, invalid("unknown protocol \"" + protocol->text + "\": expected tcp, udp, or sctp"));
  }
  if (port.find("mode") == nullptr) port.set("mode", scalar_node("ingress", port.mark));
  if (port.find("protocol") == nullptr) port.set("protocol", scalar_node("tcp", port.mark));
}

// Without interpolation, the reference leaves all short notations as they are if it cannot read one of them.
bool keeps_short_ports(const Node& ports, const Context& context) {
  return context.raw && std::any_of(ports.items.begin(), ports.items.end(),
                                    [&](const Node& item) { return context.opaque(item); });
}

void ports(Node& node, const Context& context) {
  std::vector<Node> out;
  bool keep = keeps_short_ports(node, context);
  for (Node& item : node.items) {
    if (item.is_map()) check_long_port(item, context);
    if (!item.is_scalar() || keep || context.opaque(item)) {
      out.push_back(std::move(item));
      continue;
    }
    number_to_text(item);
    Result<std::vector<PortMapping>> parsed = parse_port(item.text);
    if (!parsed) {
      context.wrong(item, parsed.error());
      out.push_back(std::move(item));  // the notes of the interpolation may explain the error
      continue;
    }
    context.ports += parsed->size();
    if (context.ports > kMostPorts) {
      context.wrong(item, invalid("too many ports in one document"));
      break;
    }
    for (const PortMapping& port : *parsed) out.push_back(port_map(item, port));
  }
  node.items = std::move(out);
}

Node volume_map(const Node& from, const VolumeMount& mount) {
  Node map = derived_map(from);
  set_text(map, from, "type", std::string(to_text(mount.type)));
  set_text(map, from, "source", mount.source);
  set_text(map, from, "target", mount.target);
  set_text(map, from, "consistency", mount.consistency);
  if (mount.read_only) map.set("read_only", derived_flag(from, true));
  if (mount.bind) {
    Node bind = map_node(from.mark);
    set_text(bind, from, "selinux", mount.bind->selinux);
    set_text(bind, from, "propagation", mount.bind->propagation);
    if (mount.type == MountType::Bind)
      bind.set("create_host_path", derived_flag(from, mount.bind->create_host_path));
    map.set("bind", std::move(bind));
  }
  if (mount.volume) {
    Node volume = map_node(from.mark);
    if (mount.volume->nocopy) volume.set("nocopy", derived_flag(from, true));
    map.set("volume", std::move(volume));
  }
  return map;
}

void check_mount_target(Node& target, const Context& context) {
  if (!target.is_scalar() || context.opaque(target)) return;
  if (!target.text.starts_with('/'))
    context.warn_or_refuse(target,
                           invalid("\"" + target.text + "\": the path in the container must be absolute"));
  if (target.is_scalar()) target.text = clean_path(target.text);
}

void check_long_volume(Node& volume, const Context& context) {
  if (Node* target = volume.find("target")) check_mount_target(*target, context);
  Node* bind = volume.find("bind");
  bool made_on_demand = volume.text_of("type") == "bind";
  if (made_on_demand && bind != nullptr && bind->is_map() && bind->find("create_host_path") == nullptr)
    bind->set("create_host_path", derived_flag(*bind, true));
}

void volumes(Node& node, const Context& context) {
  for (Node& item : node.items) {
    if (item.is_map()) check_long_volume(item, context);
    if (!item.is_scalar() || context.unsplittable(item)) continue;
    Result<VolumeMount> mount = parse_volume(item.text);
    if (!mount && context.opaque(item)) continue;
    if (!mount) {
      context.wrong(item, mount.error());
    } else {
      item = volume_map(item, *mount);
      check_mount_target(item.at("target"), context);
      Node* source = item.find("source");
      if (source != nullptr && is_windows_path(source->text))
        context.warn_or_refuse(*source, invalid("\"" + source->text + "\" is a Windows path"));
    }
  }
}

// JSON output contains `exec: {command: null}` for a rule without exec.
void watch_rule(Node& rule, const Context& /*context*/) {
  const Node* exec = rule.find("exec");
  if (exec == nullptr || !exec->is_map()) return;
  bool nothing = std::all_of(exec->entries.begin(), exec->entries.end(),
                             [](const Entry& entry) { return entry.value.is_null(); });
  if (nothing && !exec->entries.empty()) rule.erase("exec");
}

void devices(Node& node, const Context& context) {
  for (Node& item : node.items) {
    if (item.is_map() && item.find("target") == nullptr && item.find("source") != nullptr)
      item.set("target", Node(*item.find("source")));
    if (!item.is_scalar() || context.unsplittable(item)) continue;
    Result<DeviceMapping> device = parse_device(item.text);
    if (!device && context.opaque(item)) continue;
    if (!device) {
      context.wrong(item, device.error());
      continue;
    }
    Node map = derived_map(item);
    set_text(map, item, "source", device->source);
    set_text(map, item, "target", device->target);
    set_text(map, item, "permissions", device->permissions);
    item = std::move(map);
  }
}

// Items that may be a plain name: "x" -> {<key>: x}
void name_items(Node& node, std::string_view key) {
  for (Node& item : node.items) {
    if (!item.is_scalar()) continue;
    Node map = derived_map(item);
    item.tag = MergeTag::None;
    map.set(key, std::move(item));
    item = std::move(map);
  }
}

void file_references(Node& node, const Context& /*context*/) { name_items(node, "source"); }

void secret_references(Node& node, const Context& context) {
  file_references(node, context);
  for (Node& item : node.items) {
    const Node* source = item.find("source");
    if (item.is_map() && item.find("target") == nullptr && source != nullptr && source->is_scalar())
      item.set("target", derived(*source, "/run/secrets/" + source->text));
  }
}

void env_files(Node& node, const Context& context) {
  text_to_list(node, context);
  name_items(node, "path");
  for (Node& item : node.items)
    if (item.is_map() && item.find("required") == nullptr) item.set("required", derived_flag(item, true));
}

void schedules(Node& node, const Context& /*context*/) { name_items(node, "cron"); }

void device_requests(Node& node, const Context& context) {
  if (node.is_scalar()) {
    if (node.text != "all")
      return context.wrong(node, invalid("expected \"all\" or a list of device requests"));
    Node list = list_node(node.mark);
    Node all = map_node(node.mark);
    all.set("count", plain_node(context.raw ? "all" : "-1", node.mark));
    list.items.push_back(std::move(all));
    node = std::move(list);
    return;
  }
  for (Node& item : node.items) {
    if (item.is_map() && item.find("count") == nullptr && item.find("device_ids") == nullptr)
      item.set("count", plain_node(context.raw ? "all" : "-1", item.mark));
    Node* count = item.find("count");
    if (count == nullptr || !count->is_scalar() || context.opaque(*count)) continue;
    int64_t number = 0;
    if (context.raw && count->text == "all") continue;
    if (count->text != "all" && !parse_yaml_integer(count->text, number)) {
      context.wrong(*count, invalid("expected a number or \"all\", found \"" + count->text + "\""));
      continue;
    }
    count->text = count->text == "all" ? "-1" : std::to_string(number);
    count->string = false;
  }
}

void external(Node& resource, const Context& context) {
  Node* external = resource.find("external");
  if (external == nullptr || !external->is_map()) return;
  Mark mark = external->mark;
  if (Node* name = external->find("name")) {
    Node* own = resource.find("name");
    if (own != nullptr && own->text != name->text) {
      context.report.error(name->mark, "name and external.name differ", "keep only name");
    } else if (own == nullptr) {
      Node moved = std::move(*name);
      resource.set("name", std::move(moved));
    }
  }
  resource.set("external", plain_node("true", mark));
}

// Either a keyword, or true or false.
void flag_to_text(Node& node, const Context& /*context*/) {
  if (!node.is_scalar()) return;
  if (node.type() == ScalarType::Bool) node.text = lower(node.text);
  node.string = true;
}

void provider_options(Node& node, const Context& context) {
  for (Entry& entry : node.entries) {
    text_to_list(entry.value, context);
    for (Node& item : entry.value.items) flag_to_text(item, context);
  }
}

struct CanonicalRule {
  Rewrite rewrite;
  bool raw_too = false;  // also applies if values are not interpolated
};
using CanonicalTable = RuleTable<CanonicalRule>;

const CanonicalTable::Row kCanonicalRows[] = {
    {"services.*.build", {build, true}},
    {"services.*.build.args", {environment}},
    {"services.*.build.ssh", {ssh}},
    {"services.*.build.labels", {labels}},
    {"services.*.build.no_cache_filter", {text_to_list}},
    {"services.*.build.additional_contexts", {labels, true}},
    {"services.*.build.provenance", {flag_to_text}},
    {"services.*.build.sbom", {flag_to_text}},
    {"services.*.build.extra_hosts", {extra_hosts}},
    {"services.*.build.secrets", {file_references, true}},
    {"services.*.annotations", {labels}},
    {"services.*.command", {command}},
    {"services.*.entrypoint", {command}},
    {"services.*.configs", {file_references, true}},
    {"services.*.secrets", {secret_references, true}},
    {"services.*.depends_on", {depends_on, true}},
    {"services.*.deploy.labels", {labels}},
    {"services.*.deploy.resources.reservations.devices", {device_requests, true}},
    {"services.*.deploy.resources.reservations.devices.*.options", {labels}},
    {"services.*.develop.watch.*", {watch_rule, true}},
    {"services.*.develop.watch.*.ignore", {text_to_list}},
    {"services.*.develop.watch.*.include", {text_to_list}},
    {"services.*.develop.watch.*.exec.command", {command}},
    {"services.*.develop.watch.*.exec.environment", {environment}},
    {"services.*.devices", {devices, true}},
    {"services.*.provider.options", {provider_options}},
    {"services.*.dns", {drop_empty_texts, true}},
    {"services.*.dns_search", {text_to_list, true}},
    {"services.*.env_file", {env_files, true}},
    {"services.*.environment", {environment}},
    {"services.*.expose", {items_to_texts}},
    {"services.*.extends", {extends, true}},
    {"services.*.extra_hosts", {extra_hosts}},
    {"services.*.gpus", {device_requests, true}},
    {"services.*.gpus.*.options", {labels}},
    {"services.*.group_add", {items_to_texts}},
    {"services.*.healthcheck.test", {health_test}},
    {"services.*.label_file", {text_to_list, true}},
    {"services.*.labels", {labels}},
    {"services.*.logging.options", {labels}},
    {"services.*.models", {names, true}},
    {"services.*.networks", {names, true}},
    {"services.*.networks.*.driver_opts", {labels}},
    {"services.*.ports", {ports, true}},
    {"services.*.post_start.*.command", {command}},
    {"services.*.post_start.*.environment", {environment}},
    {"services.*.triggers.schedule", {schedules}},
    {"services.*.pre_start.*.command", {command}},
    {"services.*.pre_start.*.environment", {environment}},
    {"services.*.pre_start.*.extra_hosts", {extra_hosts}},
    {"services.*.pre_start.*.volumes", {volumes, true}},
    {"services.*.pre_start.*.volumes.*.volume.labels", {labels}},
    {"services.*.pre_stop.*.command", {command}},
    {"services.*.pre_stop.*.environment", {environment}},
    {"services.*.storage_opt", {items_to_texts}},
    {"services.*.sysctls", {labels}},
    {"services.*.tmpfs", {text_to_list}},
    {"services.*.volumes", {volumes, true}},
    {"services.*.volumes.*.volume.labels", {labels}},
    {"networks.*", {external, true}},
    {"networks.*.driver_opts", {labels}},
    {"networks.*.labels", {labels}},
    {"volumes.*", {external, true}},
    {"volumes.*.driver_opts", {labels}},
    {"volumes.*.labels", {labels}},
    {"secrets.*", {external, true}},
    {"secrets.*.driver_opts", {labels}},
    {"secrets.*.labels", {labels}},
    {"configs.*", {external, true}},
    {"configs.*.labels", {labels}},
};

}  // namespace

namespace {

void rename_key(Node& map, std::string_view former, std::string_view name) {
  if (!map.is_map() || map.find(name) != nullptr) return;
  if (Entry* entry = map.find_entry(former)) entry->key = name;
}

}  // namespace

void rename_former_keys(Node& document) {
  Node* services = document.is_map() ? document.find("services") : nullptr;
  if (services == nullptr || !services->is_map()) return;
  for (Entry& service : services->entries) {
    rename_key(service.value, "x-develop", "develop");
    Node* develop = service.value.is_map() ? service.value.find("develop") : nullptr;
    Node* watch = develop != nullptr && develop->is_map() ? develop->find("watch") : nullptr;
    if (watch == nullptr || !watch->is_list()) continue;
    for (Node& rule : watch->items) rename_key(rule, "x-initialSync", "initial_sync");
  }
}

void make_canonical(Node& document, const CanonicalOptions& options, const Provenances& provenances,
                    Report& report) {
  static const CanonicalTable table(kCanonicalRows);
  size_t ports_made = 0;
  Context context{options.raw, options.refuse, provenances, report, ports_made};
  apply_rules<CanonicalRule>(document, table.root(), [&](Node& node, const CanonicalRule& rule) {
    if (node.is_null() || (options.raw && !rule.raw_too)) return;
    rule.rewrite(node, context);
  });
}

}  // namespace stack::compose
