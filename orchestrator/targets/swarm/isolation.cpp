// Capabilities, limits of processes, and other kernel settings.
#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr int kVersionOfPrivileges = 44;
constexpr int kVersionOfOomScore = 46;

void add_security_options(Draft& draft, ServiceDraft& parts, OrderedJson& privileges) {
  const compose::StringList& options = parts.service.security_opt;
  for (size_t i = 0; i < options.size(); ++i) {
    std::string option = options[i];
    for (char& c : option)
      if (c == '=') c = ':';
    std::string pointer = pointer_to(parts.at("/security_opt"), std::to_string(i));
    if (option.starts_with("label:")) {
      std::string rest = option.substr(6);
      size_t colon = rest.find(':');
      std::string key = rest.substr(0, colon);
      std::string value = colon == std::string::npos ? "" : rest.substr(colon + 1);
      constexpr std::pair<std::string_view, std::string_view> kKeys[] = {
          {"user", "User"}, {"role", "Role"}, {"type", "Type"}, {"level", "Level"}};
      if (key == "disable") privileges["SELinuxContext"]["Disable"] = true;
      for (const auto& [text, member] : kKeys)
        if (key == text) privileges["SELinuxContext"][std::string(member)] = value;
    } else if (!draft.knows(kVersionOfPrivileges)) {
      draft.notes.lost(pointer, "the manager's Docker is older than 25");
    } else if (option == "no-new-privileges" || option == "no-new-privileges:true") {
      privileges["NoNewPrivileges"] = true;
    } else if (option == "seccomp:unconfined") {
      privileges["Seccomp"] = {{"Mode", "unconfined"}};
    } else if (option == "apparmor:unconfined") {
      privileges["AppArmor"] = {{"Mode", "disabled"}};
    } else {
      draft.notes.lost(pointer, "a service of a swarm does not have this option");
    }
  }
}

void add_credential_spec(const Service& service, OrderedJson& privileges) {
  if (!service.credential_spec) return;
  const compose::CredentialSpec& spec = *service.credential_spec;
  OrderedJson& out = privileges["CredentialSpec"];
  out = OrderedJson::object();
  if (!spec.file.empty()) out["File"] = spec.file;
  if (!spec.registry.empty()) out["Registry"] = spec.registry;
  if (!spec.config.empty()) out["Config"] = spec.config;
}

}  // namespace

void add_isolation(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  OrderedJson& out = parts.container;
  if (!service.cap_add.empty()) out["CapabilityAdd"] = strings(service.cap_add);
  if (!service.cap_drop.empty()) out["CapabilityDrop"] = strings(service.cap_drop);
  if (service.privileged) {
    out["CapabilityAdd"] = OrderedJson::array({"ALL"});
    draft.notes.lost(parts.at("/privileged"),
                     "a swarm has no privileged tasks; only all capabilities are added");
  }
  if (!service.sysctls.empty()) out["Sysctls"] = pairs(service.sysctls);
  for (const auto& [name, limit] : service.ulimits)
    out["Ulimits"].push_back({{"Name", name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
  if (service.oom_score_adj != 0) {
    if (draft.knows(kVersionOfOomScore)) {
      out["OomScoreAdj"] = service.oom_score_adj;
    } else {
      draft.notes.lost(parts.at("/oom_score_adj"), "the manager's Docker is older than 27");
    }
  }
  if (!service.isolation.empty()) out["Isolation"] = service.isolation;
  OrderedJson privileges = OrderedJson::object();
  add_security_options(draft, parts, privileges);
  add_credential_spec(service, privileges);
  if (!privileges.empty()) out["Privileges"] = std::move(privileges);
  if (service.logging) {
    OrderedJson driver{{"Name", service.logging->driver.empty() ? "json-file" : service.logging->driver}};
    if (!service.logging->options.empty()) driver["Options"] = pairs(service.logging->options);
    parts.task["LogDriver"] = std::move(driver);
  }
}

}  // namespace stack::targets::swarm
