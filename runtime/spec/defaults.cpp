#include "runtime/spec/defaults.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <set>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/capabilities.h"

namespace stack::runtime {

namespace {

constexpr const char* kSpecVersion = "1.2.1";

Json mount(const char* destination, const char* type, const char* source, std::vector<std::string> options) {
  return Json{
      {"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

Json rule(bool allow, const char* type, int major, int minor, const char* access) {
  Json out{{"allow", allow}, {"type", type}, {"access", access}};
  if (major >= 0) out["major"] = major;
  if (minor >= 0) out["minor"] = minor;
  return out;
}

bool unified_only() {
  Result<Cgroups> cgroups = Cgroups::detect();
  return cgroups && cgroups->mode() == CgroupMode::V2;
}

// All nodes in the host's /dev in the format of linux.devices[], except pts, shm, and others, which the container mounts
// itself.
void collect_devices(const std::string& directory, Json& out) {
  static const std::set<std::string> kOwn = {"pts", "shm", "mqueue", "fd", "console", "ptmx", "hugepages"};
  for (const std::string& name : names_in(directory).value_or(std::vector<std::string>())) {
    if (directory == "/dev" && kOwn.contains(name)) continue;
    std::string path = directory + "/" + name;
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) collect_devices(path, out);
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) continue;
    out.push_back({{"path", path},
                   {"type", S_ISCHR(info.st_mode) ? "c" : "b"},
                   {"major", major(info.st_rdev)},
                   {"minor", minor(info.st_rdev)},
                   {"fileMode", info.st_mode & 0777U},
                   {"uid", info.st_uid},
                   {"gid", info.st_gid}});
  }
}

Json base_process() {
  return Json{{"terminal", false},
              {"user", {{"uid", 0}, {"gid", 0}}},
              {"cwd", "/"},
              {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
              {"oomScoreAdj", 0},
              {"noNewPrivileges", false},
              {"capabilities", capabilities_json(default_capabilities())}};
}

}  // namespace

const std::vector<std::string>& default_capabilities() {
  static const std::vector<std::string> kNames = {
      "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
      "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
      "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
      "CAP_KILL",    "CAP_AUDIT_WRITE"};
  return kNames;
}

std::vector<std::string> all_capabilities() {
  std::vector<std::string> out;
  for (int number = 0; number <= last_capability(); ++number) out.push_back(capability_name(number));
  return out;
}

Result<std::string> normalize_capability(std::string_view name) {
  std::string upper;
  for (char c : name) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (upper == "ALL" || upper == "CAP_ALL") return std::string("ALL");
  if (!upper.starts_with("CAP_")) upper = "CAP_" + upper;
  if (!capability_number(upper)) return invalid("unknown capability \"" + std::string(name) + "\"");
  return upper;
}

Result<std::vector<std::string>> effective_capabilities(const std::vector<std::string>& add,
                                                        const std::vector<std::string>& drop) {
  std::set<std::string> added, dropped;
  for (const std::string& name : add) {
    TRY_ASSIGN(std::string normal, normalize_capability(name));
    added.insert(normal);
  }
  for (const std::string& name : drop) {
    TRY_ASSIGN(std::string normal, normalize_capability(name));
    dropped.insert(normal);
  }
  std::vector<std::string> out;
  bool add_all = added.contains("ALL");
  bool drop_all = dropped.contains("ALL");
  std::set<std::string> base(default_capabilities().begin(), default_capabilities().end());
  for (const std::string& name : all_capabilities()) {
    // Docker: "drop ALL" keeps capabilities added by name; "add ALL" adds all except those dropped by name.
    bool have = add_all || added.contains(name) || (!drop_all && base.contains(name));
    if (have && (!dropped.contains(name) || (drop_all && added.contains(name)))) out.push_back(name);
  }
  return out;
}

Json capabilities_json(const std::vector<std::string>& names) {
  return Json{{"bounding", names}, {"effective", names}, {"permitted", names}};
}

std::vector<std::string> masked_paths() {
  std::vector<std::string> out = {"/proc/acpi",
                                  "/proc/asound",
                                  "/proc/interrupts",
                                  "/proc/kcore",
                                  "/proc/keys",
                                  "/proc/latency_stats",
                                  "/proc/sched_debug",
                                  "/proc/scsi",
                                  "/proc/timer_list",
                                  "/proc/timer_stats",
                                  "/sys/devices/virtual/powercap",
                                  "/sys/firmware"};
  // Counters that reveal the activity of neighbors.
  for (const std::string& name : names_in("/sys/devices/system/cpu").value_or(std::vector<std::string>())) {
    if (!name.starts_with("cpu") || !is_all_digits(name.substr(3))) continue;
    std::string path = "/sys/devices/system/cpu/" + name + "/thermal_throttle";
    if (path_exists(path)) out.push_back(path);
  }
  return out;
}

std::vector<std::string> readonly_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

Json default_mounts(int64_t shm_bytes) {
  std::string shm_size = "size=" + std::to_string(shm_bytes / 1024) + "k";
  return Json::array(
      {mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
       mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
       mount("/dev/pts", "devpts", "devpts",
             {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
       mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
       mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}),
       mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
       mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", shm_size.c_str()})});
}

Json default_device_rules() {
  return Json::array(
      {rule(false, "a", -1, -1, "rwm"), rule(true, "c", 1, 3, "rwm"), rule(true, "c", 1, 5, "rwm"),
       rule(true, "c", 1, 7, "rwm"), rule(true, "c", 1, 8, "rwm"), rule(true, "c", 1, 9, "rwm"),
       rule(true, "c", 5, 0, "rwm"), rule(true, "c", 5, 1, "rwm"), rule(true, "c", 5, 2, "rwm"),
       rule(true, "c", 136, -1, "rwm"), rule(true, "c", -1, -1, "m"), rule(true, "b", -1, -1, "m")});
}

Json default_namespaces() {
  Json out = Json::array({{{"type", "pid"}}, {{"type", "mount"}}, {{"type", "uts"}}, {{"type", "ipc"}}});
  if (unified_only()) out.push_back({{"type", "cgroup"}});
  return out;
}

Json default_spec() {
  return Json{{"ociVersion", kSpecVersion},
              {"process", base_process()},
              {"root", {{"path", "rootfs"}, {"readonly", false}}},
              {"mounts", default_mounts()},
              {"linux",
               {{"namespaces", default_namespaces()},
                {"resources", {{"devices", default_device_rules()}}},
                {"maskedPaths", masked_paths()},
                {"readonlyPaths", readonly_paths()}}}};
}

Json privileged_spec() {
  Json spec = default_spec();
  spec["process"]["capabilities"] = capabilities_json(all_capabilities());
  for (Json& item : spec["mounts"]) {
    Json options = Json::array();
    bool kernel_view = item["type"] == "sysfs" || item["type"] == "cgroup";
    for (const Json& option : item["options"]) {
      if (!(kernel_view && option == "ro")) options.push_back(option);
    }
    item["options"] = options;
  }
  Json devices = Json::array();
  collect_devices("/dev", devices);
  spec["linux"]["devices"] = devices;
  spec["linux"]["resources"]["devices"] = Json::array({rule(true, "a", -1, -1, "rwm")});
  spec["linux"]["maskedPaths"] = Json::array();
  spec["linux"]["readonlyPaths"] = Json::array();
  return spec;
}

}  // namespace stack::runtime
