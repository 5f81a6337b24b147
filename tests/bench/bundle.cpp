#include "bundle.h"

#include "base/files.h"

namespace stack::bench {

namespace {

const std::vector<std::string> kCapabilities{
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

bool contains(const Json& list, const std::string& word) {
  return list.is_array() && std::find(list.begin(), list.end(), word) != list.end();
}

bool any_of_ours(const Json& capabilities) {
  return std::any_of(kCapabilities.begin(), kCapabilities.end(),
                     [&](const auto& one) { return contains(capabilities, one); });
}

// Docker's profile has conditions that the runtime-spec's form lacks: evaluates them for this machine.
bool applies(const Json& rule) {
  const Json includes = rule.value("includes", Json::object());
  const Json excludes = rule.value("excludes", Json::object());
  if (includes.contains("arches") && !contains(includes["arches"], "amd64")) return false;
  if (includes.contains("caps") && !any_of_ours(includes["caps"])) return false;
  if (excludes.contains("arches") && contains(excludes["arches"], "amd64")) return false;
  return !(excludes.contains("caps") && any_of_ours(excludes["caps"]));
}

Result<Json> seccomp() {
  TRY_ASSIGN(std::string text, read_file(std::string(STACK_SOURCE_DIR) + "/runtime/seccomp/seccomp_default.json"));
  TRY_ASSIGN(Json profile, parse_json(text));
  Json rules = Json::array();
  for (const Json& rule : profile.value("syscalls", Json::array())) {
    if (!applies(rule)) continue;
    Json kept{{"names", rule["names"]}, {"action", rule["action"]}};
    if (rule.contains("args") && rule["args"].is_array() && !rule["args"].empty())
      kept["args"] = rule["args"];
    if (rule.contains("errnoRet")) kept["errnoRet"] = rule["errnoRet"];
    rules.push_back(kept);
  }
  return Json{{"defaultAction", "SCMP_ACT_ERRNO"},
              {"architectures", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
              {"syscalls", rules}};
}

Json mount(const char* target, const char* type, const char* source, std::vector<std::string> options) {
  return Json{{"destination", target}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

}  // namespace

Result<Json> oci_config(const std::string& id, const std::string& rootfs,
                        const std::vector<std::string>& args) {
  TRY_ASSIGN(Json filter, seccomp());
  Json namespaces = Json::array();
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "cgroup"})
    namespaces.push_back({{"type", type}});
  Json process{{"terminal", false},
               {"user", {{"uid", 0}, {"gid", 0}}},
               {"args", args},
               {"env", {"PATH=/usr/bin:/bin"}},
               {"cwd", "/"},
               {"capabilities",
                {{"bounding", kCapabilities}, {"effective", kCapabilities}, {"permitted", kCapabilities}}}};
  Json linux_part{
      {"namespaces", namespaces},
      {"cgroupsPath", "/stackbench-" + id},
      {"maskedPaths",
       {"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"}},
      {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}},
      {"seccomp", filter}};
  return Json{
      {"ociVersion", "1.0.2"},
      {"process", process},
      {"root", {{"path", rootfs}, {"readonly", false}}},
      {"hostname", "bench"},
      {"mounts",
       {mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
        mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
        mount("/dev/pts", "devpts", "devpts",
              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
        mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
        mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
        mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"})}},
      {"linux", linux_part}};
}

Result<> make_rootfs(const std::string& rootfs, const std::string& true_program) {
  for (const char* folder : {"proc", "dev", "sys", "tmp"}) TRY(ensure_directory(rootfs + "/" + folder));
  TRY_ASSIGN(std::string program, read_file(true_program));
  return write_file(rootfs + "/true", program, 0755);
}

}  // namespace stack::bench
