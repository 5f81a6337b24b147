// Rejects settings that the engine does not support, before a command changes anything: runtimes, platforms, drivers,
// build contexts.
#include <sys/utsname.h>

#include "base/text.h"
#include "model/log_options.h"
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

namespace {

// The host architecture in Go's notation, as used in image platforms.
std::string host_architecture() {
  utsname machine{};
  ::uname(&machine);
  std::string name = machine.machine;
  if (name == "x86_64") return "amd64";
  if (name == "aarch64") return "arm64";
  if (name.starts_with("armv")) return "arm";
  return name;
}

// "linux/amd64", "linux/arm64/v8", "linux", or an architecture alone.
bool is_this_platform(const std::string& platform) {
  std::vector<std::string> parts = split(lower(platform), '/');
  if (parts.size() == 1) return parts[0] == "linux" || parts[0] == host_architecture();
  return parts[0] == "linux" && parts[1] == host_architecture();
}

// A directory, or an address that the builder can fetch.
bool is_known_context(const std::string& context) {
  size_t scheme = context.find("://");
  if (scheme == std::string::npos) return true;
  std::string name = lower(context.substr(0, scheme));
  return name == "https" || name == "http" || name == "git" || name == "ssh";
}

void check_driver(RuleContext& rules, const char* section, const Entry& entry,
                  std::initializer_list<std::string_view> known) {
  const Node* driver = entry.value.find("driver");
  if (rules.opaque(driver) || driver->text.empty() || is_true(entry.value.find("external"))) return;
  if (std::find(known.begin(), known.end(), driver->text) != known.end()) return;
  rules.cannot_run(
      driver->mark,
      std::string(section) + "." + entry.key + ": driver \"" + driver->text + "\" is not supported",
      "expected " + std::string(*known.begin()));
}

}  // namespace

void runtime_and_platform(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* runtime = service.find("runtime");
  if (!rules.opaque(runtime) && !runtime->text.empty() && runtime->text != "runc" &&
      runtime->text != "stack" && runtime->text != "io.containerd.runc.v2")
    rules.cannot_run(runtime->mark,
                     "service " + name + ": runtime \"" + runtime->text + "\" is not supported",
                     "expected runc");
  const Node* platform = service.find("platform");
  if (!rules.opaque(platform) && !platform->text.empty() && !is_this_platform(platform->text))
    rules.cannot_run(platform->mark, "service " + name + ": platform " + platform->text + " is not supported",
                     "this machine is linux/" + host_architecture());
}

void build_context(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* build = service.find("build");
  const Node* context = build == nullptr || !build->is_map() ? nullptr : build->find("context");
  if (rules.opaque(context) || is_known_context(context->text)) return;
  rules.cannot_run(context->mark,
                   "service " + name + ": build context " + context->text + " is not supported",
                   "expected a directory, a git repository, or an http(s) URL");
}

void log_driver(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* logging = service.find("logging");
  const Node* driver = logging == nullptr || !logging->is_map() ? nullptr : logging->find("driver");
  if (rules.opaque(driver) || driver->text.empty()) return;
  LogSpec spec;
  spec.driver = driver->text;
  if (Result<LogPlan> plan = plan_log(spec); !plan)
    rules.cannot_run(driver->mark, "service " + name + ": " + plan.error().text(),
                     "expected json-file, local, journald or none");
}

void resource_driver(RuleContext& rules, const char* section, const Entry& entry) {
  if (std::string_view(section) == "networks")
    check_driver(rules, section, entry, {"bridge", "default", "ipvlan", "macvlan"});
  if (std::string_view(section) == "volumes") check_driver(rules, section, entry, {"local"});
}

}  // namespace stack::compose::rules
