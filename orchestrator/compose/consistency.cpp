#include "orchestrator/compose/consistency.h"

#include <array>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "orchestrator/compose/rules.h"
#include "orchestrator/compose/values.h"

namespace stack::compose {

namespace {

// Members that a mapping cannot do without. Ports, volumes and others say more when theirs are missing.
using RequiredTable = RuleTable<const char*>;
constexpr RequiredTable::Row kRequired[] = {
    {"services.*.build.secrets.*", "source"},
    {"services.*.deploy.resources.reservations.devices.*", "capabilities"},
    {"services.*.develop.watch.*.exec", "command"},
    {"services.*.devices.*", "source"},
    {"services.*.env_file.*", "path"},
    {"services.*.provider", "type"},
    {"models.*", "model"},
};

class Consistency {
 public:
  Consistency(const Node& tree, const Selection& selection, Session& session)
      : tree_(tree), selection_(selection), session_(session), report_(session.report) {
    if (const Node* services = tree.find("services"))
      for (const Entry& entry : services->entries) {
        services_.emplace(entry.key, &entry.value);
        marks_.emplace(entry.key, entry.mark);
      }
  }

  void run();

 private:
  // One rule about a service.
  using ServiceRule = void (Consistency::*)(const std::string& name, const Node& service);

  // --- small tools

  bool opaque(const Node* node) const {
    if (node == nullptr || node->is_null() || node->is_invalid()) return true;
    if (!node->is_scalar()) return false;
    return session_.provenances.poisoned(*node) ||
           (session_.options.no_interpolate && node->text.find('$') != std::string::npos);
  }

  static bool present(const Node* node) { return node != nullptr && !node->is_null(); }
  static bool broken(const Node& map, std::string_view key) {
    const Node* node = map.find(key);
    return node != nullptr && node->is_invalid();
  }
  static bool is_true(const Node* node) {
    return node != nullptr && node->is_scalar() && node->text == "true";
  }

  static std::optional<double> number(const Node* node) {
    if (node == nullptr || !node->is_scalar()) return std::nullopt;
    char* end = nullptr;
    double value = std::strtod(node->text.c_str(), &end);
    return end == node->text.c_str() || *end != '\0' ? std::nullopt : std::optional(value);
  }

  const Node* resource(const char* section, std::string_view name) const {
    const Node* resources = tree_.find(section);
    return resources == nullptr ? nullptr : resources->find(name);
  }

  // What only the creation of a container would refuse: `config` shows such files too.
  void warn_or_refuse(Mark mark, std::string text) {
    if (session_.options.refuse) {
      report_.error(mark, std::move(text));
    } else {
      report_.warning(mark, std::move(text));
    }
  }

  std::vector<std::string> names_in(const char* section) const {
    std::vector<std::string> out;
    if (const Node* resources = tree_.find(section))
      for (const Entry& entry : resources->entries) out.push_back(entry.key);
    return out;
  }

  static std::string suggestion(std::string_view word, const std::vector<std::string>& names) {
    std::string near = nearest(word, names);
    return near.empty() ? std::string() : "did you mean \"" + near + "\"?";
  }

  void undefined(Mark mark, const std::string& service, const char* kind, const char* section,
                 std::string_view name) {
    std::string hint = suggestion(name, names_in(section));
    if (hint.empty()) hint = "define it under the top-level key " + std::string(section);
    report_.error(
        mark, "service " + service + " refers to the undefined " + kind + " \"" + std::string(name) + "\"",
        hint);
  }

  // A reference to another service, whatever for.
  void check_service(Mark mark, const std::string& service, std::string_view target,
                     const std::string& what) {
    std::string name(target);
    if (services_.contains(name)) return;
    if (selection_.disabled.contains(name)) {
      report_.error(mark, "service " + service + " " + what + " " + name + ", which is disabled",
                    how_to_enable(name));
      return;
    }
    report_.error(mark, "service " + service + " " + what + " the undefined service \"" + name + "\"",
                  suggestion(name, names_in("services")));
  }

  std::string how_to_enable(const std::string& name) const {
    const DisabledService& disabled = selection_.disabled.at(name);
    if (disabled.reason == DisabledReason::NotSelected || disabled.profiles.empty()) return "";
    return "activate its profile: --profile " + disabled.profiles[0];
  }

  // --- rules about one service

  void source_of_image(const std::string& name, const Node& service) {
    for (const char* key : {"image", "build", "provider"})
      if (present(service.find(key))) return;
    // A misspelt key has been reported; it may well be this one.
    for (const Entry& entry : service.entries)
      if (entry.value.is_invalid()) return;
    report_.error(mark_of(name), "service " + name + " has neither an image nor a build");
  }

  void image_text(const std::string& /*name*/, const Node& service) {
    const Node* image = service.find("image");
    if (opaque(image)) return;
    if (image->text.empty()) {
      report_.error(image->mark, "the image is empty");
    } else if (image->text.find_first_of(" \t\n") != std::string::npos) {
      report_.error(image->mark, "an image reference cannot contain a blank");
    }
  }

  void build_rules(const std::string& name, const Node& service) {
    const Node* build = service.find("build");
    if (build == nullptr || !build->is_map()) return;
    const Node* inline_text = build->find("dockerfile_inline");
    const Node* dockerfile = build->find("dockerfile");
    if (present(inline_text) && present(dockerfile))
      report_.error(inline_text->mark,
                    "service " + name + ": dockerfile and dockerfile_inline exclude each other");
    if (const Node* secrets = build->find("secrets")) check_sources(name, *secrets, "secrets", "secret");
    const Node* contexts = build->find("additional_contexts");
    if (contexts != nullptr) {
      for (const Entry& entry : contexts->entries) {
        if (opaque(&entry.value) || !entry.value.text.starts_with("service:")) continue;
        std::string target = entry.value.text.substr(8);
        check_service(entry.value.mark, name, target, "builds from");
        auto found = services_.find(target);
        if (found != services_.end() && !present(found->second->find("build")))
          report_.error(entry.value.mark, "service " + target + ", which is built from, has no build");
      }
    }
    const Node* platforms = build->find("platforms");
    const Node* platform = service.find("platform");
    if (platforms == nullptr || platforms->items.empty() || opaque(platform)) return;
    bool listed = std::any_of(platforms->items.begin(), platforms->items.end(),
                              [&](const Node& item) { return item.text == platform->text; });
    if (!listed)
      report_.error(platform->mark,
                    "service " + name + ": build.platforms does not list the platform " + platform->text);
  }

  void network_rules(const std::string& name, const Node& service) {
    const Node* mode = service.find("network_mode");
    const Node* networks = service.find("networks");
    if (present(mode) && networks != nullptr && !networks->entries.empty()) {
      report_.error(mode->mark, "service " + name + ": network_mode and networks exclude each other");
      return;
    }
    if (networks != nullptr && !session_.options.no_normalize)
      for (const Entry& entry : networks->entries)
        if (resource("networks", entry.key) == nullptr && !broken(tree_, "networks"))
          undefined(entry.mark, name, "network", "networks", entry.key);
    if (networks != nullptr)
      for (const Entry& entry : networks->entries) check_addresses(entry.value);
    if (opaque(mode)) return;
    const Node* ports = service.find("ports");
    if (mode->text == "host" && ports != nullptr && !ports->items.empty())
      report_.warning(ports->mark, "service " + name + ": ports have no effect with network_mode host");
    bool publishes = ports != nullptr && !ports->items.empty();
    if (mode->text.starts_with("service:") || mode->text.starts_with("container:")) {
      if (publishes)
        cannot_run(ports->mark,
                   "service " + name + ": ports cannot be published with network_mode " + mode->text);
    } else if (mode->text == "none") {
      if (publishes)
        report_.warning(ports->mark, "service " + name + ": ports have no effect with network_mode none");
    } else if (mode->text != "host" && mode->text != "bridge" && !mode->text.empty()) {
      cannot_run(mode->mark, "unknown network_mode \"" + mode->text + "\"",
                 "expected none, host, bridge, service:<name> or container:<name>");
    }
  }

  // Good enough to be shown by `stack config`, but not to be carried out.
  void cannot_run(Mark mark, std::string message, std::string hint = {}) {
    if (session_.options.refuse) {
      report_.error(mark, std::move(message), std::move(hint));
    } else {
      report_.warning(mark, std::move(message), std::move(hint));
    }
  }

  void check_addresses(const Node& attachment) {
    for (const char* key : {"ipv4_address", "ipv6_address"}) {
      const Node* address = attachment.find(key);
      if (opaque(address)) continue;
      bool six = address->text.find(':') != std::string::npos;
      if (!is_ip_address(address->text) || six != (std::string_view(key) == "ipv6_address"))
        cannot_run(address->mark, "\"" + address->text + "\" is not an " +
                                      (std::string_view(key) == "ipv6_address" ? "IPv6" : "IPv4") +
                                      " address");
    }
  }

  void namespaces(const std::string& name, const Node& service) {
    for (const char* key : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
      const Node* value = service.find(key);
      if (opaque(value) || !value->text.starts_with("service:")) continue;
      std::string target = value->text.substr(8);
      if (target == name) {
        report_.error(value->mark, "service " + name + " cannot share its own namespace");
      } else {
        check_service(value->mark, name, target, "shares a namespace with");
      }
    }
  }

  void check_sources(const std::string& name, const Node& list, const char* section, const char* kind) {
    for (const Node& item : list.items) {
      if (!item.is_map()) continue;
      const Node* source = item.find("source");
      if (source == nullptr) {
        report_.error(item.mark, "service " + name + ": the " + kind + " has no source");
      } else if (!opaque(source) && resource(section, source->text) == nullptr && !broken(tree_, section)) {
        undefined(source->mark, name, kind, section, source->text);
      }
    }
  }

  void files(const std::string& name, const Node& service) {
    if (const Node* list = service.find("secrets")) check_sources(name, *list, "secrets", "secret");
    if (const Node* list = service.find("configs")) check_sources(name, *list, "configs", "config");
    if (const Node* map = service.find("models"))
      for (const Entry& entry : map->entries)
        if (resource("models", entry.key) == nullptr && !broken(tree_, "models"))
          undefined(entry.mark, name, "model", "models", entry.key);
  }

  void mounts(const std::string& name, const Node& service) {
    std::unordered_map<std::string, Mark> targets;
    auto claim = [&](const std::string& target, Mark mark) {
      auto [first, added] = targets.emplace(target, mark);
      if (!added)
        report_.error(mark, "service " + name + ": " + target + " is mounted twice",
                      "the first is at " + session_.sources.place(first->second));
    };
    if (const Node* list = service.find("volumes"))
      for (const Node& item : list->items) check_mount(name, item, claim);
    if (const Node* list = service.find("tmpfs"))
      for (const Node& item : list->items)
        if (!opaque(&item)) claim(item.text.substr(0, item.text.find(':')), item.mark);
  }

  // How far read_only reaches says nothing where it is not asked for.
  void check_recursion(const std::string& name, const Node& mount) {
    const Node* bind = mount.find("bind");
    const Node* how = bind == nullptr ? nullptr : bind->find("recursive");
    if (opaque(how) || is_true(mount.find("read_only"))) return;
    if (how->text == "writable" || how->text == "readonly")
      warn_or_refuse(how->mark,
                     "service " + name + ": bind.recursive: " + how->text + " needs read_only: true");
  }

  void user_namespace(const std::string& name, const Node& service) {
    const Node* mode = service.find("userns_mode");
    if (opaque(mode) || mode->text.empty() || mode->text == "host") return;
    warn_or_refuse(mode->mark, "service " + name + ": unknown userns_mode \"" + mode->text +
                                   "\": containers have the machine's user namespace, which host says too");
  }

  template <typename Claim>
  void check_mount(const std::string& name, const Node& item, const Claim& claim) {
    if (!item.is_map()) return;
    const Node* type = item.find("type");
    const Node* source = item.find("source");
    const Node* target = item.find("target");
    if (type == nullptr)
      return report_.error(item.mark, "service " + name + ": the volume has no type",
                           "add type: bind, volume, tmpfs or image");
    if (target == nullptr) return report_.error(item.mark, "service " + name + ": the volume has no target");
    if (opaque(type) || opaque(target)) return;
    claim(target->text, target->mark);
    check_recursion(name, item);
    if (type->text == "npipe" || type->text == "cluster")
      return report_.error(type->mark, "volumes of type " + type->text + " are not supported on Linux");
    bool has_source = present(source) && !(source->is_scalar() && source->text.empty());
    if (!has_source && (type->text == "bind" || type->text == "image"))
      return report_.error(item.mark,
                           "service " + name + ": a volume of type " + type->text + " needs a source");
    if (has_source && type->text == "tmpfs")
      return report_.error(source->mark, "service " + name + ": a tmpfs has no source");
    for (const char* options : {"bind", "volume", "tmpfs", "image"})
      if (present(item.find(options)) && type->text != options &&
          !(type->text == "volume" && std::string_view(options) == "bind"))
        report_.error(item.find(options)->mark,
                      std::string(options) + " options on a volume of type " + type->text);
    if (type->text == "volume" && has_source && !opaque(source) &&
        resource("volumes", source->text) == nullptr && !broken(tree_, "volumes"))
      undefined(source->mark, name, "volume", "volumes", source->text);
  }

  void volume_sources(const std::string& name, const Node& service) {
    const Node* list = service.find("volumes_from");
    if (list == nullptr) return;
    for (const Node& item : list->items) {
      if (opaque(&item) || item.text.starts_with("container:")) continue;
      check_service(item.mark, name, item.text.substr(0, item.text.find(':')), "takes the volumes of");
    }
  }

  void dependencies(const std::string& name, const Node& service) {
    const Node* map = service.find("depends_on");
    if (map == nullptr) return;
    for (const Entry& entry : map->entries) {
      const Node& dependency = entry.value;
      if (dependency.made || !dependency.is_map()) continue;  // references are checked where they are written
      bool optional = dependency.text_of("required") == "false";
      bool known = services_.contains(entry.key) || selection_.disabled.contains(entry.key);
      bool left_out = selection_.disabled.contains(entry.key) &&
                      selection_.disabled.at(entry.key).reason == DisabledReason::NotSelected;
      if (!(optional && known) && !left_out) check_service(entry.mark, name, entry.key, "depends on");
      if (dependency.find("condition") == nullptr)
        report_.error(entry.mark,
                      "service " + name + ": the dependency on " + entry.key + " has no condition",
                      "add condition: service_started");
    }
  }

  void links(const std::string& name, const Node& service) {
    const Node* list = service.find("links");
    if (list == nullptr) return;
    for (const Node& item : list->items)
      if (!opaque(&item))
        check_service(item.mark, name, item.text.substr(0, item.text.find(':')), "links to");
  }

  void health(const std::string& name, const Node& service) {
    const Node* check = service.find("healthcheck");
    if (check == nullptr || !check->is_map()) return;
    const Node* test = check->find("test");
    if (test != nullptr && test->is_list() && !test->items.empty() && !opaque(&test->items[0])) {
      const std::string& kind = test->items[0].text;
      if (kind != "CMD" && kind != "CMD-SHELL" && kind != "NONE")
        report_.error(
            test->items[0].mark,
            "service " + name + ": a healthcheck test given as a list begins with CMD, CMD-SHELL or NONE",
            "write [\"CMD\", \"" + kind + "\", ...]");
    }
    if (present(check->find("start_interval")) && !present(check->find("start_period")))
      warn_or_refuse(check->find("start_interval")->mark,
                     "service " + name + ": start_interval needs a start_period");
    for (const char* key : {"interval", "timeout", "start_period", "start_interval", "retries"}) {
      const Node* value = check->find(key);
      if (value != nullptr && value->is_scalar() && value->text.starts_with('-'))
        report_.error(value->mark, "service " + name + ": " + key + " must not be negative");
    }
  }

  void scale_rules(const std::string& name, const Node& service) {
    const Node* scale = service.find("scale");
    const Node* deploy = service.find("deploy");
    const Node* replicas = deploy == nullptr ? nullptr : deploy->find("replicas");
    std::optional<double> a = number(scale);
    std::optional<double> b = number(replicas);
    if (a && b && *a != *b)
      report_.error(scale->mark, "service " + name + ": scale and deploy.replicas differ");
    if (a && *a < 0) report_.error(scale->mark, "service " + name + ": scale must not be negative");
    if (b && *b < 0)
      report_.error(replicas->mark, "service " + name + ": deploy.replicas must not be negative");
    const Node* container = service.find("container_name");
    if (present(container) && (a.value_or(1) > 1 || b.value_or(1) > 1))
      report_.error(container->mark,
                    "service " + name + ": a fixed container_name does not go with more than one container");
  }

  void container_name(const std::string& name, const Node& service) {
    const Node* container = service.find("container_name");
    if (opaque(container)) return;
    auto good = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '.' || c == '-';
    };
    const std::string& text = container->text;
    if (text.size() < 2 || text[0] == '_' || text[0] == '.' || text[0] == '-' ||
        !std::all_of(text.begin(), text.end(), good)) {
      cannot_run(
          container->mark, "invalid container_name \"" + text + "\"",
          "use at least two of letters, digits, \"_\", \".\" and \"-\", beginning with a letter or digit");
      return;
    }
    auto [first, added] = container_names_.emplace(text, name);
    if (!added)
      report_.error(container->mark, "services " + first->second + " and " + name +
                                         " have the same container_name \"" + text + "\"");
  }

  // Flat attribute and its counterpart in deploy.resources must agree.
  void resources(const std::string& name, const Node& service) {
    struct Pair {
      const char* flat;
      const char* group;
      const char* member;
    };
    static constexpr std::array<Pair, 4> kLimitPairs{{{"cpus", "limits", "cpus"},
                                                      {"mem_limit", "limits", "memory"},
                                                      {"mem_reservation", "reservations", "memory"},
                                                      {"pids_limit", "limits", "pids"}}};
    const Node* deploy = service.find("deploy");
    const Node* resources = deploy == nullptr ? nullptr : deploy->find("resources");
    if (resources == nullptr) return;
    for (const Pair& pair : kLimitPairs) {
      const Node* group = resources->find(pair.group);
      std::optional<double> deployed = number(group == nullptr ? nullptr : group->find(pair.member));
      std::optional<double> flat = number(service.find(pair.flat));
      if (deployed && flat && *deployed != *flat && *flat != 0)
        report_.error(service.find(pair.flat)->mark,
                      "service " + name + ": " + pair.flat + " and deploy.resources." + pair.group + "." +
                          pair.member + " differ",
                      "keep one of them");
    }
  }

  void numbers(const std::string& name, const Node& service) {
    struct Range {
      const char* key;
      double least;
      double most;
    };
    static constexpr std::array<Range, 5> kRanges{{{"oom_score_adj", -1000, 1000},
                                                   {"cpu_percent", 0, 100},
                                                   {"mem_swappiness", 0, 100},
                                                   {"cpus", 0, 1e6},
                                                   {"cpu_count", 0, 1e6}}};
    for (const Range& range : kRanges) {
      std::optional<double> value = number(service.find(range.key));
      if (value && (*value < range.least || *value > range.most))
        cannot_run(service.find(range.key)->mark, "service " + name + ": " + range.key + " is out of range",
                   "it goes from " + whole(range.least) + " to " + whole(range.most));
    }
    for (const char* key : {"mem_limit", "mem_reservation", "shm_size"}) {
      std::optional<double> value = number(service.find(key));
      if (value && *value < 0)
        cannot_run(service.find(key)->mark, "service " + name + ": " + key + " must not be negative");
    }
  }

  static std::string whole(double value) { return std::to_string(static_cast<int64_t>(value)); }

  void words(const std::string& name, const Node& service) {
    const Node* restart = service.find("restart");
    if (!opaque(restart))
      if (Result<RestartPolicy> policy = parse_restart(restart->text); !policy)
        cannot_run(restart->mark, policy.error().text());
    const Node* policy = service.find("pull_policy");
    if (!opaque(policy) && !is_pull_policy(policy->text))
      report_.error(policy->mark, "service " + name + ": unknown pull_policy \"" + policy->text + "\"",
                    "expected always, never, missing, build, daily, weekly or every_<duration>");
    if (const Node* list = service.find("expose"))
      for (const Node& item : list->items) check_exposed(name, item);
  }

  void check_exposed(const std::string& name, const Node& item) {
    if (opaque(&item)) return;
    size_t slash = item.text.find('/');
    std::string protocol = slash == std::string::npos ? "tcp" : lower(item.text.substr(slash + 1));
    Result<PortRange> range = parse_port_range(item.text.substr(0, slash));
    if (!range) return cannot_run(item.mark, "service " + name + ": expose: " + range.error().text());
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
      cannot_run(item.mark, "service " + name + ": expose: unknown protocol \"" + protocol + "\"");
  }

  void ports(const std::string& name, const Node& service) {
    const Node* list = service.find("ports");
    if (list == nullptr) return;
    for (const Node& item : list->items)
      if (item.is_map() && item.find("target") == nullptr)
        report_.error(item.mark, "service " + name + ": the port has no target");
  }

  void reserved_labels(const std::string& name, const Node& service) {
    const Node* labels = service.find("labels");
    if (labels == nullptr) return;
    for (const Entry& entry : labels->entries)
      if (entry.key.starts_with("com.docker.compose."))
        report_.error(entry.mark,
                      "service " + name + ": labels that begin with com.docker.compose. are reserved");
  }

  void watch_rules(const std::string& name, const Node& service) {
    const Node* develop = service.find("develop");
    const Node* watch = develop == nullptr ? nullptr : develop->find("watch");
    if (watch == nullptr) return;
    for (const Node& rule : watch->items) {
      if (!rule.is_map()) continue;
      std::string_view action = rule.text_of("action");
      for (const char* key : {"path", "action"})
        if (rule.find(key) == nullptr)
          report_.error(rule.mark, "service " + name + ": a watch rule needs " + std::string(key));
      const Node* path = rule.find("path");
      if (path != nullptr && path->is_scalar() && path->text.empty())
        report_.error(path->mark, "service " + name + ": the path of a watch rule is empty");
      const Node* target = rule.find("target");
      bool no_target = target == nullptr || (target->is_scalar() && target->text.empty() && !opaque(target));
      if (action.starts_with("sync") && no_target)
        report_.error(rule.mark,
                      "service " + name + ": the watch action " + std::string(action) + " needs a target");
      if (action == "sync+exec" && rule.find("exec") == nullptr)
        report_.error(rule.mark, "service " + name + ": the watch action sync+exec needs exec");
    }
  }

  void hooks(const std::string& name, const Node& service) {
    for (const char* key : {"post_start", "pre_stop"}) {
      const Node* list = service.find(key);
      if (list == nullptr) continue;
      for (const Node& hook : list->items)
        if (hook.is_map() && hook.find("command") == nullptr)
          report_.error(hook.mark, "service " + name + ": a " + key + " hook needs a command");
    }
    const Node* list = service.find("pre_start");
    if (list == nullptr) return;
    for (const Node& hook : list->items)
      if (hook.is_map() && is_true(hook.find("per_replica")))
        report_.error(
            hook.find("per_replica")->mark,
            "service " + name + ": pre_start hooks run once per service; per_replica: true is not supported");
  }

  void device_requests(const std::string& name, const Node& service) {
    auto check = [&](const Node* list) {
      if (list == nullptr) return;
      for (const Node& item : list->items)
        if (present(item.find("count")) && present(item.find("device_ids")))
          report_.error(item.mark, "service " + name + ": count and device_ids exclude each other");
    };
    check(service.find("gpus"));
    const Node* node = &service;
    for (const char* key : {"deploy", "resources", "reservations", "devices"})
      node = node == nullptr ? nullptr : node->find(key);
    check(node);
  }

  void ulimits(const std::string& name, const Node& service) {
    const Node* map = service.find("ulimits");
    if (map == nullptr) return;
    for (const Entry& entry : map->entries) {
      const Node& limit = entry.value;
      if (!limit.is_map()) continue;
      std::optional<double> soft = number(limit.find("soft"));
      std::optional<double> hard = number(limit.find("hard"));
      for (const char* key : {"soft", "hard"})
        if (limit.find(key) == nullptr)
          report_.error(entry.mark,
                        "service " + name + ": ulimit " + entry.key + " has no " + key + " limit");
      if (soft && hard && *hard >= 0 && (*soft > *hard || *soft < 0))
        cannot_run(entry.mark,
                   "service " + name + ": ulimit " + entry.key + ": the soft limit exceeds the hard one");
    }
  }

  // --- rules about top-level resources

  void check_resources() {
    for (const char* section : {"networks", "volumes", "secrets", "configs"}) {
      const Node* resources = tree_.find(section);
      if (resources == nullptr) continue;
      for (const Entry& entry : resources->entries) {
        if (!entry.value.is_map() || entry.key.starts_with("x-")) continue;
        check_external(section, entry);
        if (std::string_view(section) == "secrets" || std::string_view(section) == "configs")
          check_content(section, entry);
        if (std::string_view(section) == "networks") check_pools(entry);
      }
    }
  }

  void check_required() {
    static const RequiredTable table(kRequired);
    find_missing(tree_, table.root(), tree_.mark, "");
  }

  void find_missing(const Node& node, const RequiredTable::Cursor& at, Mark mark, const std::string& path) {
    if (at.none()) return;
    if (const char* const* member = at.rule();
        member != nullptr && node.is_map() && node.find(*member) == nullptr)
      report_.error(mark, path + " has no " + *member);
    for (const Entry& entry : node.entries)
      find_missing(entry.value, at.child(entry.key), entry.mark,
                   path + (path.empty() ? "" : ".") + entry.key);
    for (size_t i = 0; i < node.items.size(); ++i)
      find_missing(node.items[i], at.any(), node.items[i].mark, path + "." + std::to_string(i));
  }

  void check_external(const char* section, const Entry& entry) {
    if (!is_true(entry.value.find("external"))) return;
    for (const Entry& other : entry.value.entries) {
      bool allowed = other.key == "external" || other.key == "name" || other.key.starts_with("x-") ||
                     other.value.is_null();
      if (!allowed)
        report_.error(other.mark, std::string(section) + "." + entry.key + " is external, so " + other.key +
                                      " cannot be set");
    }
  }

  void check_content(const char* section, const Entry& entry) {
    bool secret = std::string_view(section) == "secrets";
    const Node& object = entry.value;
    if (is_true(object.find("external")) || present(object.find("driver"))) return;
    int sources = 0;
    for (const char* key : {"file", "environment", "content"})
      if (const Node* source = object.find(key); source != nullptr)
        if (std::string_view(key) != "environment" || source->is_null() || !source->text.empty()) ++sources;
    std::string expected = secret ? "file or environment" : "file, environment or content";
    if (sources == 0)
      report_.error(entry.mark, std::string(section) + "." + entry.key + " has no " + expected);
    if (sources > 1)
      report_.error(entry.mark,
                    std::string(section) + "." + entry.key + " must have exactly one of " + expected);
  }

  void check_pools(const Entry& entry) {
    const Node* ipam = entry.value.find("ipam");
    const Node* pools = ipam == nullptr ? nullptr : ipam->find("config");
    if (pools == nullptr) return;
    for (const Node& pool : pools->items) {
      for (const char* key : {"subnet", "ip_range"}) {
        const Node* value = pool.find(key);
        if (!opaque(value) && !is_subnet(value->text))
          cannot_run(value->mark, "networks." + entry.key + ": \"" + value->text + "\" is no address range",
                     "write 172.28.0.0/16");
      }
      const Node* gateway = pool.find("gateway");
      if (!opaque(gateway) && !is_ip_address(gateway->text))
        cannot_run(gateway->mark,
                   "networks." + entry.key + ": \"" + gateway->text + "\" is not an IP address");
    }
  }

  static bool is_subnet(const std::string& text) {
    size_t slash = text.find('/');
    if (slash == std::string::npos || !is_ip_address(text.substr(0, slash))) return false;
    std::string bits = text.substr(slash + 1);
    bool six = text.find(':') != std::string::npos;
    return is_all_digits(bits) && bits.size() <= 3 && std::stoi(bits) <= (six ? 128 : 32);
  }

  // --- cycles

  void check_cycles() {
    const Node* services = tree_.find("services");
    if (services == nullptr) return;
    for (const Entry& entry : services->entries)
      if (!visited_.contains(entry.key) && !find_cycle(entry.key)) return;
  }

  // Depth first without recursion: a chain may be as long as the file. False once a cycle has been reported.
  bool find_cycle(const std::string& start) {
    struct Frame {
      std::string name;
      size_t next = 0;
    };
    std::vector<Frame> path{{start, 0}};
    std::unordered_set<std::string> on_path{start};
    while (!path.empty()) {
      Frame& frame = path.back();
      const Node* dependencies = dependencies_of(frame.name);
      if (dependencies == nullptr || frame.next >= dependencies->entries.size()) {
        on_path.erase(frame.name);
        visited_.insert(frame.name);
        path.pop_back();
        continue;
      }
      const Entry& edge = dependencies->entries[frame.next++];
      if (on_path.contains(edge.key)) {
        std::string shown;
        bool inside = false;
        for (const Frame& step : path) {
          inside = inside || step.name == edge.key;
          if (inside) shown += step.name + " -> ";
        }
        report_.error(edge.mark, "dependency cycle: " + shown + edge.key);
        return false;
      }
      if (!visited_.contains(edge.key) && services_.contains(edge.key)) {
        on_path.insert(edge.key);
        path.push_back({edge.key, 0});
      }
    }
    return true;
  }

  const Node* dependencies_of(const std::string& name) const {
    auto found = services_.find(name);
    return found == services_.end() ? nullptr : found->second->find("depends_on");
  }

  Mark mark_of(const std::string& service) const { return marks_.at(service); }

  const Node& tree_;
  const Selection& selection_;
  Session& session_;
  Report& report_;
  std::unordered_map<std::string, const Node*> services_;
  std::unordered_map<std::string, Mark> marks_;
  std::unordered_map<std::string, std::string> container_names_;
  std::unordered_set<std::string> visited_;
};

void Consistency::run() {
  static constexpr ServiceRule kServiceRules[] = {
      &Consistency::source_of_image, &Consistency::image_text,     &Consistency::build_rules,
      &Consistency::network_rules,   &Consistency::namespaces,     &Consistency::files,
      &Consistency::mounts,          &Consistency::volume_sources, &Consistency::dependencies,
      &Consistency::links,           &Consistency::health,         &Consistency::scale_rules,
      &Consistency::container_name,  &Consistency::resources,      &Consistency::numbers,
      &Consistency::words,           &Consistency::ports,          &Consistency::reserved_labels,
      &Consistency::watch_rules,     &Consistency::hooks,          &Consistency::device_requests,
      &Consistency::ulimits,         &Consistency::user_namespace,
  };
  if (const Node* services = tree_.find("services"))
    for (const Entry& entry : services->entries)
      if (entry.value.is_map())
        for (ServiceRule rule : kServiceRules) (this->*rule)(entry.key, entry.value);
  check_required();
  check_resources();
  check_cycles();
}

}  // namespace

void check_consistency(const Node& tree, const Selection& selection, Session& session) {
  Consistency(tree, selection, session).run();
}

}  // namespace stack::compose
