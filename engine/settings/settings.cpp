#include "engine/settings/settings.h"

#include <cstdlib>

#include "base/files.h"
#include "base/text.h"
#include "model/log_options.h"
#include "orchestrator/compose/parse.h"
#include "orchestrator/compose/yaml_writer.h"

namespace stack::engine {

namespace {

using compose::Entry;
using compose::Node;
using compose::Report;

constexpr size_t kSizeLimit = size_t{1} << 20;
constexpr int64_t kLeastLogTotal = 10'000'000;
constexpr uint8_t kLongestPool = 24;  // a pool has room for at least one /24

std::string readable_path(const std::string& parent, const std::string& key) {
  return parent.empty() ? key : parent + "." + key;
}

// Reports keys that are not in `known`; returns whether `node` is a mapping.
bool check_mapping(const Node& node, const std::string& path, const std::vector<std::string>& known,
                   Report& report) {
  if (node.is_null() || node.is_invalid()) return false;
  if (!node.is_map()) {
    report.error(node.mark, (path.empty() ? "the file" : path) + " must be a mapping, not " + describe(node));
    return false;
  }
  for (const Entry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    std::string near = nearest(entry.key, known);
    report.error(entry.mark, "unknown setting \"" + readable_path(path, entry.key) + "\"",
                 near.empty() ? "the settings are: " + join(known, ", ") : "did you mean \"" + near + "\"?");
  }
  return true;
}

// Calls `take` with each text of a list, which returns what is wrong with it, or "".
template <typename Take>
void read_texts(const Node* node, const std::string& path, Report& report, Take take) {
  if (node == nullptr || node->is_null() || node->is_invalid()) return;
  if (!node->is_list()) return report.error(node->mark, path + " must be a list, not " + describe(*node));
  for (const Node& item : node->items) {
    if (!item.is_scalar()) {
      report.error(item.mark, "items of " + path + " must be strings, not " + describe(item));
    } else if (std::string fault = take(item.text); !fault.empty()) {
      report.error(item.mark, path + ": " + fault);
    }
  }
}

void read_pool(const Node& item, Settings& settings, Report& report) {
  if (!check_mapping(item, "address_pools", {"base"}, report)) return;
  const Node* base = item.find("base");
  if (base == nullptr || !base->is_scalar())
    return report.error(item.mark, "an address pool needs a base, for example base: 172.20.0.0/14");
  Result<Cidr> range = parse_cidr(base->text);
  if (!range) return report.error(base->mark, "address_pools.base: " + range.error().text());
  if (range->family() != Family::V4 || range->prefix > kLongestPool)
    return report.error(base->mark,
                        "address_pools.base: \"" + base->text + "\" must be an IPv4 range of at least /24");
  for (const Cidr& other : settings.address_pools)
    if (other.overlaps(*range))
      return report.error(base->mark, "address_pools.base: \"" + base->text + "\" overlaps " + other.text());
  settings.address_pools.push_back(range->network());
}

void read_pools(const Node* node, Settings& settings, Report& report) {
  if (node == nullptr || node->is_null() || node->is_invalid()) return;
  if (!node->is_list())
    return report.error(node->mark, "address_pools must be a list, not " + describe(*node));
  for (const Node& item : node->items) read_pool(item, settings, report);
}

void read_log_total(const Node& node, Settings& settings, Report& report) {
  Result<ByteSize> size = node.is_scalar() ? parse_byte_size(node.text) : Result<ByteSize>(invalid("not a size"));
  if (!size || size->bytes < kLeastLogTotal)
    return report.error(node.mark, "log.max_total must be a size of at least 10 MB, for example 5g");
  settings.log_total = *size;
}

void read_log(const Node* node, Settings& settings, Report& report) {
  if (node == nullptr || !check_mapping(*node, "log", {"driver", "options", "max_total"}, report)) return;
  if (const Node* driver = node->find("driver")) {
    if (!driver->is_scalar()) return report.error(driver->mark, "log.driver must be a string");
    settings.log.driver = driver->text;
  }
  if (const Node* options = node->find("options"); options != nullptr && !options->is_null()) {
    if (!options->is_map()) return report.error(options->mark, "log.options must be a mapping");
    for (const Entry& entry : options->entries) {
      if (!entry.value.is_scalar())
        return report.error(entry.mark, "log.options." + entry.key + " must be a string");
      settings.log.options[entry.key] = entry.value.text;
    }
  }
  if (const Node* total = node->find("max_total"); total != nullptr && !total->is_null())
    read_log_total(*total, settings, report);
  if (Result<LogPlan> plan = plan_log(settings.log); !plan)
    report.error(node->mark, "log: " + plan.error().text());
}

std::string mirror_fault(const std::string& text) {
  bool url = text.starts_with("https://") || text.starts_with("http://");
  bool host = url && text.size() > text.find("://") + 3;
  return host ? "" : "\"" + text + "\" is not a URL such as https://mirror.example.com";
}

void read_registries(const Node* node, Settings& settings, Report& report) {
  if (node == nullptr || !check_mapping(*node, "registries", {"mirrors", "insecure"}, report)) return;
  read_texts(node->find("mirrors"), "registries.mirrors", report, [&](const std::string& text) {
    settings.registry_mirrors.push_back(text);
    return mirror_fault(text);
  });
  read_texts(node->find("insecure"), "registries.insecure", report,
             [&](const std::string& text) -> std::string {
               settings.insecure_registries.push_back(text);
               bool url = text.empty() || text.find("://") != std::string::npos;
               return url ? "\"" + text + "\" is not a host, host:port, or address range" : "";
             });
}

void read_dns(const Node* node, Settings& settings, Report& report) {
  if (node == nullptr || !check_mapping(*node, "dns", {"servers"}, report)) return;
  read_texts(node->find("servers"), "dns.servers", report, [&](const std::string& text) -> std::string {
    settings.dns_servers.push_back(text);
    Result<IpAddress> address = parse_ip(text.substr(0, text.find('%')));
    return address ? "" : address.error().text();
  });
}

void read_cdi(const Node* node, Settings& settings, Report& report) {
  if (node == nullptr || node->is_null()) return;
  settings.cdi_spec_dirs.clear();
  read_texts(node, "cdi_spec_dirs", report, [&](const std::string& text) -> std::string {
    settings.cdi_spec_dirs.push_back(text);
    return text.starts_with('/') ? "" : "\"" + text + "\" is not an absolute path";
  });
}

void read_socket(const Node* node, Settings& settings, Report& report) {
  if (node == nullptr || node->is_null()) return;
  bool is_bool = node->is_scalar() && node->type() == compose::ScalarType::Bool;
  if (!is_bool) return report.error(node->mark, "docker_socket must be true or false");
  settings.docker_socket = node->text == "true";
}

}  // namespace

std::string settings_path() {
  const char* given = std::getenv("STACK_CONFIG");
  return given != nullptr && *given != '\0' ? given : "/etc/stack/config.yaml";
}

Result<Settings> read_settings(const std::string& path) {
  Result<std::string> text = read_file(path, kSizeLimit);
  if (text) return parse_settings(path, std::move(*text));
  if (text.error().code() == ENOENT) return Settings();
  return std::move(text).error().in("settings " + path);
}

Result<Settings> parse_settings(const std::string& path, std::string text) {
  compose::Sources sources;
  uint32_t file = sources.add(path, path, directory_name(path), std::move(text));
  Report report(sources);
  Settings settings;
  settings.file = path;
  std::vector<Node> documents = compose::parse_yaml(sources, file, report);
  if (documents.size() > 1) report.error(documents[1].mark, "the file must contain a single document");
  if (!documents.empty()) {
    const Node& root = documents[0];
    if (check_mapping(root, "",
                      {"address_pools", "log", "registries", "dns", "cdi_spec_dirs", "docker_socket"},
                      report)) {
      read_pools(root.find("address_pools"), settings, report);
      read_log(root.find("log"), settings, report);
      read_registries(root.find("registries"), settings, report);
      read_dns(root.find("dns"), settings, report);
      read_cdi(root.find("cdi_spec_dirs"), settings, report);
      read_socket(root.find("docker_socket"), settings, report);
    }
  }
  if (!report.failed()) return settings;
  std::string faults = compose::render(report.take_errors());
  return invalid(std::string(trim(faults)));
}

namespace {

Node list_of(const std::vector<std::string>& texts) {
  Node list = compose::list_node({});
  for (const std::string& text : texts) list.items.push_back(compose::scalar_node(text, {}));
  return list;
}

}  // namespace

std::string settings_yaml(const Settings& settings) {
  Node root = compose::map_node({});
  Node pools = compose::list_node({});
  auto add_pool = [&](const std::string& base) {
    Node pool = compose::map_node({});
    pool.set("base", compose::scalar_node(base, {}));
    pools.items.push_back(std::move(pool));
  };
  for (const Cidr& pool : settings.address_pools) add_pool(pool.text());
  root.set("address_pools", std::move(pools));
  Node log = compose::map_node({});
  log.set("driver", compose::scalar_node(settings.log.driver, {}));
  Node options = compose::map_node({});
  for (const auto& [key, value] : settings.log.options) options.set(key, compose::scalar_node(value, {}));
  log.set("options", std::move(options));
  if (settings.log_total)
    log.set("max_total", compose::plain_node(std::to_string(settings.log_total->bytes), {}));
  root.set("log", std::move(log));
  Node registries = compose::map_node({});
  registries.set("mirrors", list_of(settings.registry_mirrors));
  registries.set("insecure", list_of(settings.insecure_registries));
  root.set("registries", std::move(registries));
  Node dns = compose::map_node({});
  dns.set("servers", list_of(settings.dns_servers));
  root.set("dns", std::move(dns));
  root.set("cdi_spec_dirs", list_of(settings.cdi_spec_dirs));
  root.set("docker_socket", compose::plain_node(settings.docker_socket ? "true" : "false", {}));
  return compose::yaml_of(root);
}

void apply_default_log(const LogSpec& fallback, LogSpec& log) {
  LogSpec unchosen;
  if (log.driver == unchosen.driver && log.options.empty()) {
    log = fallback;
  } else if (log.driver == fallback.driver) {
    for (const auto& [key, value] : fallback.options) log.options.try_emplace(key, value);
  }
}

}  // namespace stack::engine
