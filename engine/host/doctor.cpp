#include "engine/host/doctor.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/files.h"
#include "base/text.h"
#include "engine/container/container_run.h"

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
             enough ? "" : "Linux 5.10 or later is needed");
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
             missing.empty() ? "" : "limits of these kinds cannot be set");
}

void check_disk(Report& report, const std::string& root) {
  struct statvfs space{};
  if (::statvfs(root.c_str(), &space) != 0) {
    report.add("disk", "error", "cannot look at " + root);
    return;
  }
  auto free_bytes = static_cast<int64_t>(space.f_bavail * space.f_frsize);
  report.add("disk", free_bytes < (int64_t{1} << 30) ? "warning" : "ok",
             human_size({free_bytes}) + " free for " + root,
             free_bytes < (int64_t{1} << 30) ? "remove unused images with stack image prune" : "");
}

void check_images(Report& report, const images::ImageStore& store) {
  std::vector<images::DamagedItem> damaged = store.damaged();
  if (damaged.empty()) return report.add("images", "ok", "none is damaged");
  for (const images::DamagedItem& item : damaged)
    report.add("images", "warning", item.name + " is damaged: " + item.reason, item.remedy);
}

}  // namespace

Task<Json> examine(Services& s, bool repair) {
  Report report;
  check_kernel(report);
  check_cgroups(report, s.containers.parts().cgroups);
  check_disk(report, s.context.paths.root);
  check_images(report, s.containers.parts().images);
  report.add("packages", ::access("/usr/bin/mmdebstrap", X_OK) == 0 ? "ok" : "warning",
             ::access("/usr/bin/mmdebstrap", X_OK) == 0 ? "mmdebstrap is there" : "mmdebstrap is missing",
             ::access("/usr/bin/mmdebstrap", X_OK) == 0
                 ? ""
                 : "apt-get install mmdebstrap, to bootstrap base images");
  std::vector<std::string> leaks = co_await s.networks.sweep(repair);
  std::vector<std::string> groups = s.containers.parts().cgroups.list(s.context.paths.cgroup_parent());
  for (const std::string& group : groups) {
    auto known = s.context.containers.find(group);
    if (known != s.context.containers.end() && known->second->run) continue;
    leaks.push_back("cgroup " + s.context.paths.cgroup_parent() + "/" + group);
    if (repair) (void)s.containers.parts().cgroups.remove(s.context.paths.cgroup_parent() + "/" + group);
  }
  if (leaks.empty()) {
    report.add("leftovers", "ok", "none");
  } else {
    report.add("leftovers", repair ? "ok" : "warning", (repair ? "removed: " : "") + join(leaks, ", "),
               repair ? "" : "stack doctor --repair removes them");
  }
  co_return Json{{"checks", report.checks}};
}

}  // namespace stack::engine
