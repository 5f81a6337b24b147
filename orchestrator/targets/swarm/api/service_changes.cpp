#include "orchestrator/targets/swarm/api/service_changes.h"

namespace stack::targets::swarm {

namespace {

using Leaves = std::map<std::string, std::string>;

// What the swarm fills in.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"TaskTemplate.Runtime", "container"},
    {"TaskTemplate.ContainerSpec.Isolation", "default"},
    {"TaskTemplate.ContainerSpec.StopGracePeriod", "10000000000"},
    {"TaskTemplate.RestartPolicy.Delay", "5000000000"},
    {"UpdateConfig.Monitor", "5000000000"},
    {"RollbackConfig.Monitor", "5000000000"},
};

// Members that are not compared: IDs of objects that are also named, and the counter of forced updates.
bool is_ignored(std::string_view key) {
  return key == "ConfigID" || key == "SecretID" || key == "ForceUpdate" || key == "Platforms";
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : stack::to_text(value);
}

bool is_empty(const Json& value) {
  if (value.is_null()) return true;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  if (value.is_structured()) return value.empty();
  if (value.is_number()) return value.get<double>() == 0;
  return value.is_boolean() && !value.get<bool>();
}

class Flattener {
 public:
  explicit Flattener(const std::map<std::string, std::string>& networks) : networks_(networks) {}

  Leaves run(const Json& spec) {
    value("", spec);
    for (const auto& [field, text] : kDefaults)
      if (auto found = leaves_.find(std::string(field)); found != leaves_.end() && found->second == text)
        leaves_.erase(found);
    return std::move(leaves_);
  }

 private:
  static std::string joined(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  // The name of a list's element, so that its position does not matter; "" if only the position tells.
  std::string name_of(const std::string& path, const Json& element) const {
    if (element.is_string()) {
      if (!path.ends_with(".Env")) return "";
      std::string text = element.get<std::string>();
      return text.substr(0, text.find('='));
    }
    if (!element.is_object()) return "";
    if (element.contains("TargetPort"))
      return text_of(element["TargetPort"]) + "/" + string_or(element, "Protocol", "tcp") + ":" +
             std::to_string(int_or(element, "PublishedPort"));
    if (element.contains("Target")) return network_name(string_or(element, "Target"));
    if (element.contains("File") && element["File"].is_object()) return string_or(element["File"], "Name");
    return string_or(element, "Name");
  }

  std::string network_name(const std::string& target) const {
    auto found = networks_.find(target);
    return found == networks_.end() ? target : found->second;
  }

  void list(const std::string& path, const Json& elements) {
    size_t index = 0;
    for (const Json& element : elements) {
      std::string name = name_of(path, element);
      std::string here = joined(path, name.empty() ? std::to_string(index) : name);
      ++index;
      if (element.is_string() && path.ends_with(".Env")) {
        std::string text = element.get<std::string>();
        size_t equals = text.find('=');
        leaves_[here] = equals == std::string::npos ? "(none)" : text.substr(equals + 1);
      } else if (element.is_object()) {
        // The existence of an element counts, even without further members.
        leaves_[here] = "present";
        value(here, element);
      } else {
        leaves_[here] = text_of(element);
      }
    }
  }

  void value(const std::string& path, const Json& here) {
    if (is_empty(here)) return;
    if (here.is_array()) return list(path, here);
    if (!here.is_object()) {
      leaves_[path] = path.ends_with(".Target") ? network_name(text_of(here)) : text_of(here);
      return;
    }
    for (const auto& [key, member] : here.items())
      if (!is_ignored(key)) value(joined(path, key), member);
  }

  const std::map<std::string, std::string>& networks_;
  Leaves leaves_;
};

// Without the parts that every name has.
std::string short_name(const std::string& field) {
  constexpr std::string_view kPrefixes[] = {"TaskTemplate.ContainerSpec.", "TaskTemplate."};
  for (std::string_view prefix : kPrefixes)
    if (field.starts_with(prefix)) return field.substr(prefix.size());
  return field;
}

std::string mode_name(const Json& spec) {
  auto mode = spec.find("Mode");
  if (mode == spec.end() || !mode->is_object() || mode->empty()) return "Replicated";
  return mode->begin().key();
}

}  // namespace

std::vector<ObjectChange> service_changes(const Json& live, const Json& wanted,
                                          const std::map<std::string, std::string>& network_names) {
  Leaves before = Flattener(network_names).run(live);
  Leaves after = Flattener(network_names).run(wanted);
  std::vector<ObjectChange> out;
  for (const auto& [field, text] : after) {
    auto found = before.find(field);
    if (found == before.end()) {
      out.push_back({short_name(field), "", text});
    } else if (found->second != text) {
      out.push_back({short_name(field), found->second, text});
    }
  }
  for (const auto& [field, text] : before)
    if (!after.contains(field)) out.push_back({short_name(field), text, ""});
  return out;
}

bool changes_mode(const Json& live, const Json& wanted) {
  return live.is_object() && wanted.is_object() && mode_name(live) != mode_name(wanted);
}

}  // namespace stack::targets::swarm
