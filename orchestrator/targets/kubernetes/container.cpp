// A service's container: image, command, environment, ports, resources, hooks.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr double kCpuShares = 1024;  // per CPU
constexpr int64_t kDefaultPeriod = 100'000;

std::string pull_policy(Draft& draft, const Service& service) {
  const std::string& policy = service.pull_policy;
  if (policy == "always") return "Always";
  if (policy == "never") return "Never";
  if (policy == "daily" || policy == "weekly" || policy.starts_with("every_") || policy == "refresh")
    draft.notes.adapted(service_pointer(service, "/pull_policy"), "pulled if a node does not have the image");
  return "IfNotPresent";
}

void add_command(Draft& draft, const Service& service, OrderedJson& out) {
  const ImageFacts& facts = draft.facts(service);
  if (service.entrypoint) {
    compose::StringList command = *service.entrypoint;
    bool cleared = command.empty();
    if (cleared && service.command) {
      command = *service.command;
    } else if (cleared && facts.known) {
      command = facts.command;
    } else if (cleared) {
      draft.notes.lost(service_pointer(service, "/entrypoint"),
                       "the image's command is not known here: set `command`, or pull the image first");
    }
    if (!command.empty()) out["command"] = escaped(command);
    if (!cleared && service.command && !service.command->empty()) out["args"] = escaped(*service.command);
    return;
  }
  if (service.command && !service.command->empty()) out["args"] = escaped(*service.command);
}

void add_environment(Draft& draft, const Service& service, OrderedJson& out) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [name, value] : service.environment) {
    if (!value) {
      draft.notes.lost(pointer_to(service_pointer(service, "/environment"), name),
                       "a variable of the image cannot be removed");
      continue;
    }
    list.push_back({{"name", name}, {"value", escaped(*value)}});
  }
  if (!list.empty()) out["env"] = std::move(list);
}

void add_ports(const Service& service, OrderedJson& out) {
  OrderedJson ports = OrderedJson::array();
  std::set<std::string> seen;
  auto add = [&](uint32_t number, const std::string& protocol) {
    if (number == 0 || number > 65535 || !seen.insert(std::to_string(number) + protocol).second) return;
    OrderedJson port{{"containerPort", number}};
    port["protocol"] = protocol;
    ports.push_back(std::move(port));
  };
  for (const compose::PortMapping& port : service.ports)
    add(port.target, port.protocol.empty() ? "TCP" : upper(port.protocol));
  for (const std::string& text : service.expose) {
    std::string number = text.substr(0, text.find_first_of("/-"));
    size_t slash = text.find('/');
    if (is_all_digits(number) && number.size() <= 5)
      add(static_cast<uint32_t>(std::stoul(number)),
          slash == std::string::npos ? "TCP" : upper(text.substr(slash + 1)));
  }
  if (!ports.empty()) out["ports"] = std::move(ports);
}

// "1500m"
std::string cpu_text(double cpus) {
  return std::to_string(std::max<int64_t>(1, std::llround(cpus * 1000))) + "m";
}

// Requests not in the file are 0: otherwise Kubernetes takes the limit, and reserves it on the node.
void add_resources(Draft& draft, const Service& service, OrderedJson& out) {
  const compose::Deploy none;
  const compose::Deploy& deploy = service.deploy ? *service.deploy : none;
  double cpus = deploy.limits && deploy.limits->cpus > 0 ? deploy.limits->cpus : service.cpus;
  if (cpus <= 0 && service.cpu_quota > 0)
    cpus = static_cast<double>(service.cpu_quota) /
           static_cast<double>(service.cpu_period > 0 ? service.cpu_period : kDefaultPeriod);
  if (cpus <= 0 && service.cpu_count > 0) cpus = static_cast<double>(service.cpu_count);
  int64_t memory = deploy.limits && deploy.limits->memory.bytes > 0 ? deploy.limits->memory.bytes
                                                                    : service.mem_limit.bytes;
  double reserved_cpus = deploy.reservations ? deploy.reservations->cpus : 0;
  if (reserved_cpus <= 0 && service.cpu_shares > 0)
    reserved_cpus = static_cast<double>(service.cpu_shares) / kCpuShares;
  int64_t reserved_memory = deploy.reservations && deploy.reservations->memory.bytes > 0
                                ? deploy.reservations->memory.bytes
                                : service.mem_reservation.bytes;
  OrderedJson limits = OrderedJson::object();
  OrderedJson requests = OrderedJson::object();
  if (cpus > 0) limits["cpu"] = cpu_text(cpus);
  if (memory > 0) limits["memory"] = std::to_string(memory);
  if (reserved_cpus > 0) reserved_cpus = cpus > 0 ? std::min(reserved_cpus, cpus) : reserved_cpus;
  if (reserved_cpus > 0 || cpus > 0) requests["cpu"] = reserved_cpus > 0 ? cpu_text(reserved_cpus) : "0";
  if (reserved_memory > 0 && memory > 0) reserved_memory = std::min(reserved_memory, memory);
  if (reserved_memory > 0 || memory > 0)
    requests["memory"] = std::to_string(std::max<int64_t>(0, reserved_memory));
  auto size = service.storage_opt.find("size");
  if (size != service.storage_opt.end()) {
    auto bytes = parse_byte_size(size->second);
    if (bytes) limits["ephemeral-storage"] = std::to_string(bytes->bytes);
    if (bytes) requests["ephemeral-storage"] = "0";
  }
  auto add_devices = [&](const std::vector<compose::DeviceRequest>& devices, const std::string& pointer) {
    for (size_t i = 0; i < devices.size(); ++i) {
      const compose::DeviceRequest& device = devices[i];
      std::string where = pointer_to(pointer, std::to_string(i));
      bool nvidia = device.driver.empty() || device.driver == "nvidia";
      int64_t count = device.count.value_or(static_cast<int64_t>(device.device_ids.size()));
      if (!nvidia || count < 0) {
        draft.notes.lost(where, "only a number of NVIDIA devices can be requested");
        continue;
      }
      limits["nvidia.com/gpu"] = std::to_string(std::max<int64_t>(1, count));
      draft.notes.adapted(where, "nvidia.com/gpu; the nodes need NVIDIA's device plugin");
    }
  };
  add_devices(service.gpus, service_pointer(service, "/gpus"));
  if (deploy.reservations)
    add_devices(deploy.reservations->devices,
                service_pointer(service, "/deploy/resources/reservations/devices"));
  OrderedJson resources = OrderedJson::object();
  if (!limits.empty()) resources["limits"] = std::move(limits);
  if (!requests.empty()) resources["requests"] = std::move(requests);
  if (!resources.empty()) out["resources"] = std::move(resources);
}

// signal(7), as on x86-64 and AArch64.
int signal_number(std::string name) {
  if (is_all_digits(name) && name.size() <= 2) return std::stoi(name);
  name = upper(name);
  if (name.starts_with("SIG")) name.erase(0, 3);
  constexpr std::string_view kNames[] = {"",       "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
                                         "FPE",    "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
                                         "STKFLT", "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
                                         "XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS"};
  for (int number = 1; number < static_cast<int>(std::size(kNames)); ++number)
    if (kNames[number] == name) return number;
  constexpr int kRealTime = 34;
  if (name == "RTMIN") return kRealTime;
  if (name.starts_with("RTMIN+") && is_all_digits(name.substr(6)) && name.size() <= 8)
    return kRealTime + std::stoi(name.substr(6));
  return 0;
}

constexpr int kTerm = 15;

void add_hooks(Draft& draft, Pod& pod, const Service& service, OrderedJson& out) {
  OrderedJson lifecycle = OrderedJson::object();
  auto add = [&](const std::vector<compose::ServiceHook>& hooks, const char* key, const char* moment) {
    if (hooks.empty()) return;
    std::string pointer = service_pointer(service, key);
    if (hooks[0].command) lifecycle[moment] = {{"exec", {{"command", *hooks[0].command}}}};
    for (size_t i = 0; i < hooks.size(); ++i) {
      std::string where = pointer_to(pointer, std::to_string(i));
      if (i > 0) draft.notes.lost(where, "a container has one hook of each kind");
      if (!hooks[i].user.empty() || hooks[i].privileged || !hooks[i].working_dir.empty() ||
          !hooks[i].environment.empty())
        draft.notes.lost(where, "a hook runs with the container's user, directory, and environment");
    }
  };
  add(service.post_start, "/post_start", "postStart");
  add(service.pre_stop, "/pre_stop", "preStop");
  int signal = service.stop_signal.empty() ? kTerm : signal_number(service.stop_signal);
  std::string pointer = service_pointer(service, "/stop_signal");
  if (signal == 0 || (signal != kTerm && !helper_fits(draft, service)) ||
      (signal != kTerm && (!service.pre_stop.empty() || service.init.value_or(false)))) {
    draft.notes.lost(pointer, "SIGTERM is sent");
  } else if (signal != kTerm) {
    pod.helper = true;
    lifecycle["preStop"] = {
        {"exec",
         {{"command", OrderedJson::array({std::string(kHelperPath), "stop", std::to_string(signal)})}}}};
    out["volumeMounts"].push_back(mount_at("stack-pod", "/.stack-pod", true));
    draft.notes.adapted(pointer, "sent by a preStop hook");
  }
  if (!lifecycle.empty()) out["lifecycle"] = std::move(lifecycle);
}

}  // namespace

OrderedJson container_of(Draft& draft, Pod& pod, const Service& service) {
  OrderedJson out{{"name", object_name(service.name)},
                  {"image", pod_image(draft, service)},
                  {"imagePullPolicy", pull_policy(draft, service)}};
  add_command(draft, service, out);
  if (!service.working_dir.empty()) out["workingDir"] = service.working_dir;
  add_environment(draft, service, out);
  add_ports(service, out);
  if (service.stdin_open) out["stdin"] = true;
  if (service.tty) out["tty"] = true;
  add_resources(draft, service, out);
  add_probes(draft, service, out);
  add_security(draft, pod, service, out);
  out["volumeMounts"] = OrderedJson::array();
  add_mounts(draft, pod, service, out);
  add_files(draft, pod, service, out);
  add_hooks(draft, pod, service, out);
  if (out["volumeMounts"].empty()) out.erase("volumeMounts");
  return out;
}

}  // namespace stack::targets::kubernetes
