#include "engine/host/doctor.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/files.h"
#include "base/text.h"
#include "engine/container/leftovers.h"

namespace stack::engine {

namespace {

struct Report {
  Json checks = Json::array();
  void add(const std::string& name, const std::string& state, const std::string& text,
           const std::string& hint = "") {
    checks.push_back({{"name", name}, {"state", state}, {"text", text}, {"hint", hint}});
  }
};

void check_kernel(Report& report) {
  utsname machine{};
  ::uname(&machine);
  int major = 0;
  int minor = 0;
  (void)std::sscanf(machine.release, "%d.%d", &major, &minor);
  bool enough = major > 5 || (major == 5 && minor >= 10);
  report.add("kernel", enough ? "ok" : "error", machine.release,
             enough ? "" : "Linux 5.10 or later is required");
  Result<std::string> filesystems = read_file("/proc/filesystems");
  bool overlay = filesystems && filesystems->find("overlay") != std::string::npos;
  report.add("overlayfs", overlay ? "ok" : "error", overlay ? "available" : "not available",
             overlay ? "" : "modprobe overlay");
}

void check_cgroups(Report& report, const runtime::Cgroups& cgroups) {
  const char* mode = cgroups.mode() == runtime::CgroupMode::V2   ? "version 2"
                     : cgroups.mode() == runtime::CgroupMode::V1 ? "version 1"
                                                                 : "version 1 (hybrid)";
  std::vector<std::string> missing;
  for (const char* controller : {"memory", "pids", "cpu"})
    if (!cgroups.has(controller)) missing.emplace_back(controller);
  report.add("cgroups", missing.empty() ? "ok" : "warning",
             std::string(mode) + (missing.empty() ? "" : ", without " + join(missing, ", ")),
             missing.empty() ? "" : "limits for these controllers cannot be set");
}

void check_disk(Report& report, const std::string& root) {
  struct statvfs space{};
  if (::statvfs(root.c_str(), &space) != 0) {
    report.add("disk", "error", "cannot inspect " + root);
    return;
  }
  auto free_bytes = static_cast<int64_t>(space.f_bavail * space.f_frsize);
  report.add("disk", free_bytes < (int64_t{1} << 30) ? "warning" : "ok",
             human_size({free_bytes}) + " free for " + root,
             free_bytes < (int64_t{1} << 30) ? "remove unused images with `stack image prune`" : "");
}

void check_images(Report& report, const images::ImageStore& store) {
  std::vector<images::DamagedItem> damaged = store.damaged();
  if (damaged.empty()) return report.add("images", "ok", "no damaged images");
  for (const images::DamagedItem& item : damaged)
    report.add("images", "warning", item.name + " is damaged: " + item.reason, item.remedy);
}

std::string singular(Table table) {
  std::string name(to_text(table));
  name.pop_back();
  return name;
}

// Records and images that were damaged at the last start.
void check_records(Report& report, const Services& s, const std::vector<Leftover>& left) {
  std::vector<std::string> lines = s.context.store.notes();
  for (const Unreadable& record : s.context.unreadable)
    lines.push_back("the record of " + singular(record.table) + " " + record.key +
                    " cannot be read: " + record.reason);
  for (const Leftover& leftover : left)
    if (leftover.kind == LeftoverKind::Unknown) lines.push_back(leftover.text + " (" + leftover.id + ")");
  if (lines.empty()) return report.add("records", "ok", "all readable");
  bool lost = !s.context.unreadable.empty() || !left.empty();
  report.add(
      "records", "warning", join(lines, "; "),
      lost ? "nothing is removed automatically: restore the state directory from a backup, or remove the "
             "container and its data with `stack doctor --give-up ID`"
           : "");
}

bool comes_back(const Container& container) {
  const std::string& policy = container.spec.restart.name;
  return policy == "always" || policy == "unless-stopped" || policy == "on-failure";
}

// Whether the engine and its containers start after a reboot.
void check_boot(Report& report, const Context& context) {
  auto count = std::count_if(context.containers.begin(), context.containers.end(),
                             [](const auto& entry) { return comes_back(*entry.second); });
  constexpr const char* kEnabled = "/etc/systemd/system/multi-user.target.wants/stack.service";
  bool enabled = context.paths.tag.empty() && path_exists(kEnabled);
  if (count == 0 || enabled)
    return report.add("reboot", "ok",
                      enabled ? "stack.service is enabled" : "no container needs to start at boot");
  std::string hint = !context.paths.tag.empty()
                         ? "run this command at boot: stackd --root " + context.paths.root
                     : path_exists("/run/systemd/system") ? "stack engine enable"
                                                          : "run stackd at boot";
  report.add("reboot", "warning",
             std::to_string(count) +
                 " containers with a restart policy will not start after a reboot: "
                 "the engine is not started at boot",
             hint);
}

}  // namespace

Task<Json> examine(Services& s, bool repair) {
  Report report;
  check_kernel(report);
  check_cgroups(report, s.containers.parts().cgroups);
  check_disk(report, s.context.paths.root);
  check_images(report, s.containers.parts().images);
  report.add(
      "packages", ::access("/usr/bin/mmdebstrap", X_OK) == 0 ? "ok" : "warning",
      ::access("/usr/bin/mmdebstrap", X_OK) == 0 ? "mmdebstrap is installed" : "mmdebstrap is not installed",
      ::access("/usr/bin/mmdebstrap", X_OK) == 0
          ? ""
          : "to bootstrap base images, run apt-get install mmdebstrap");
  s.networks.open_foreign_chains();
  std::vector<std::string> faults = s.networks.faults();
  report.add("networks", faults.empty() ? "ok" : "error", faults.empty() ? "ok" : join(faults, "; "),
             faults.empty() ? "" : "the engine keeps trying to repair them");
  check_boot(report, s.context);
  std::vector<Leftover> found = co_await s.containers.recovery().sweep(repair);
  std::vector<std::string> leaks = co_await s.networks.sweep(repair);
  for (const Leftover& leftover : found)
    if (leftover.kind != LeftoverKind::Unknown) leaks.push_back(leftover.text);
  std::erase_if(found, [](const Leftover& leftover) { return leftover.kind != LeftoverKind::Unknown; });
  check_records(report, s, found);
  if (leaks.empty()) {
    report.add("leftovers", "ok", "none");
  } else {
    report.add("leftovers", repair ? "ok" : "warning", (repair ? "removed: " : "") + join(leaks, ", "),
               repair ? "" : "remove them with `stack doctor --repair`");
  }
  co_return Json{{"checks", report.checks}};
}

}  // namespace stack::engine
