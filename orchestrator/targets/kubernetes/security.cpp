// User, capabilities, and other security settings.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"

namespace stack::targets::kubernetes {

namespace {

// "1000" or "1000:1000" of a user name or number; nullopt if it cannot be known here.
std::optional<std::string> numeric_user(const ImageFacts& facts, const std::string& text) {
  std::string user = text.substr(0, text.find(':'));
  size_t colon = text.find(':');
  std::string group = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::string out;
  if (is_all_digits(user) || user.empty()) {
    out = user.empty() ? "0" : user;
  } else {
    auto found = facts.users.find(user);
    if (found == facts.users.end()) return std::nullopt;
    out = found->second;
    if (group.empty()) return out;
    out = out.substr(0, out.find(':'));
  }
  if (group.empty()) return out;
  if (!is_all_digits(group)) {
    auto found = facts.groups.find(group);
    if (found == facts.groups.end()) return std::nullopt;
    group = found->second;
  }
  return out + ":" + group;
}

int64_t id_number(const std::string& text) { return text.size() > 10 ? 0 : std::stoll(text); }

void add_user(Draft& draft, const Service& service, OrderedJson& context) {
  if (service.user.empty()) return;
  std::optional<std::string> user = numeric_user(draft.facts(service), service.user);
  if (!user) {
    draft.notes.refused(service_pointer(service, "/user"),
                        "the number of the user is not known here: give a number, or pull the image first");
    return;
  }
  size_t colon = user->find(':');
  context["runAsUser"] = id_number(user->substr(0, colon));
  if (colon != std::string::npos) context["runAsGroup"] = id_number(user->substr(colon + 1));
}

void add_groups(Draft& draft, Pod& pod, const Service& service) {
  for (size_t i = 0; i < service.group_add.size(); ++i) {
    std::string group = service.group_add[i];
    if (!is_all_digits(group)) {
      const ImageFacts& facts = draft.facts(service);
      auto found = facts.groups.find(group);
      group = found == facts.groups.end() ? "" : found->second;
    }
    if (group.empty()) {
      draft.notes.lost(pointer_to(service_pointer(service, "/group_add"), std::to_string(i)),
                       "the number of the group is not known here");
      continue;
    }
    pod.spec["securityContext"]["supplementalGroups"].push_back(id_number(group));
  }
}

std::string capability(const std::string& name) {
  std::string out = upper(name);
  return out.starts_with("CAP_") ? out.substr(4) : out;
}

void add_capabilities(const Service& service, OrderedJson& context) {
  OrderedJson out = OrderedJson::object();
  for (const std::string& name : service.cap_add) out["add"].push_back(capability(name));
  for (const std::string& name : service.cap_drop) out["drop"].push_back(capability(name));
  if (!out.empty()) context["capabilities"] = std::move(out);
}

// The system calls that Docker's default profile forbids are forbidden here as well.
void add_options(Draft& draft, const Service& service, OrderedJson& context) {
  std::string seccomp = "RuntimeDefault";
  for (size_t i = 0; i < service.security_opt.size(); ++i) {
    std::string option = service.security_opt[i];
    std::string pointer = pointer_to(service_pointer(service, "/security_opt"), std::to_string(i));
    for (char& c : option)
      if (c == '=') c = ':';
    if (option == "no-new-privileges" || option == "no-new-privileges:true") {
      context["allowPrivilegeEscalation"] = false;
    } else if (option == "no-new-privileges:false") {
    } else if (option == "seccomp:unconfined") {
      seccomp = "Unconfined";
    } else if (option == "apparmor:unconfined") {
      context["appArmorProfile"] = {{"type", "Unconfined"}};
    } else if (option == "label:disable") {
      draft.notes.adapted(pointer, "the type spc_t");
      context["seLinuxOptions"]["type"] = "spc_t";
    } else if (option.starts_with("label:") && option.find(':', 6) != std::string::npos) {
      size_t colon = option.find(':', 6);
      context["seLinuxOptions"][option.substr(6, colon - 6)] = option.substr(colon + 1);
    } else {
      draft.notes.lost(pointer, "the nodes do not have this profile");
    }
  }
  if (!service.privileged) context["seccompProfile"] = {{"type", seccomp}};
}

// Namespaced settings that every node allows.
bool is_safe_sysctl(const std::string& name) {
  constexpr std::string_view kSafe[] = {"kernel.shm_rmid_forced",
                                        "net.ipv4.ip_local_port_range",
                                        "net.ipv4.tcp_syncookies",
                                        "net.ipv4.ping_group_range",
                                        "net.ipv4.ip_unprivileged_port_start",
                                        "net.ipv4.ip_local_reserved_ports",
                                        "net.ipv4.tcp_keepalive_time",
                                        "net.ipv4.tcp_fin_timeout",
                                        "net.ipv4.tcp_keepalive_intvl",
                                        "net.ipv4.tcp_keepalive_probes",
                                        "net.ipv4.tcp_rmem",
                                        "net.ipv4.tcp_wmem"};
  return std::find(std::begin(kSafe), std::end(kSafe), name) != std::end(kSafe);
}

// As in Docker's containers, a process without privileges may listen on every port.
void add_sysctls(Draft& draft, Pod& pod, const Service& service) {
  compose::StringMap all = service.sysctls;
  if (service.network_mode != "host") all.emplace("net.ipv4.ip_unprivileged_port_start", "0");
  for (const auto& [name, value] : all) {
    if (!is_safe_sysctl(name))
      draft.notes.adapted(pointer_to(service_pointer(service, "/sysctls"), name),
                          "the nodes must allow it: kubelet --allowed-unsafe-sysctls");
    pod.spec["securityContext"]["sysctls"].push_back({{"name", name}, {"value", value}});
  }
}

}  // namespace

void add_security(Draft& draft, Pod& pod, const Service& service, OrderedJson& out) {
  OrderedJson context = OrderedJson::object();
  add_user(draft, service, context);
  if (service.privileged) context["privileged"] = true;
  if (service.read_only) context["readOnlyRootFilesystem"] = true;
  add_capabilities(service, context);
  add_options(draft, service, context);
  if (!context.empty()) out["securityContext"] = std::move(context);
  if (&service == pod.owner) {
    add_groups(draft, pod, service);
    add_sysctls(draft, pod, service);
  }
}

}  // namespace stack::targets::kubernetes
