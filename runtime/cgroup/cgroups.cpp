#include "runtime/cgroup/cgroups.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "runtime/cgroup/cgroup_limits.h"
#include "runtime/rootfs/mountinfo.h"

namespace stack::runtime {

namespace {

using Clock = std::chrono::steady_clock;

void pause_for(std::chrono::milliseconds time) {
  timespec span{time.count() / 1000, (time.count() % 1000) * 1000000};
  ::nanosleep(&span, nullptr);
}

bool is_controller_word(const std::string& word) {
  static const std::set<std::string> kControllers = {"cpu",     "cpuacct", "cpuset", "memory",     "devices",
                                                     "freezer", "net_cls", "blkio",  "perf_event", "net_prio",
                                                     "hugetlb", "pids",    "rdma",   "misc"};
  return kControllers.contains(word) || word.starts_with("name=");
}

// One line of mountinfo, if it is a cgroup mount.
bool parse_mount_line(const std::string& line, Cgroups::Hierarchy& out) {
  std::optional<MountInfo> mount = parse_mountinfo_line(line);
  if (!mount || (mount->type != "cgroup" && mount->type != "cgroup2")) return false;
  out.unified = mount->type == "cgroup2";
  out.mount_point = mount->mount_point;
  for (const std::string& word : mount->super_options) {
    if (!out.unified && is_controller_word(word)) out.controllers.push_back(word);
  }
  return true;
}

// Files that exist in every cgroup with the controller, used to check whether the parent enabled it.
const char* witness_file(const std::string& controller) {
  if (controller == "memory") return "memory.max";
  if (controller == "pids") return "pids.max";
  if (controller == "cpu") return "cpu.max";
  if (controller == "io") return "io.max";
  return "";
}

bool wants_controller(const std::vector<CgroupWrite>& writes, const std::string& controller) {
  return std::any_of(writes.begin(), writes.end(),
                     [&](const CgroupWrite& write) { return write.controller == controller; });
}

// The hierarchies in which a container gets a cgroup even without limits, for stats and freeze.
bool always_used(const std::string& controller, CgroupMode mode) {
  if (controller == "freezer") return mode == CgroupMode::V1;
  return controller == "memory" || controller == "cpu" || controller == "cpuacct" || controller == "pids" ||
         controller == "blkio";
}

Result<> write_control(const std::string& file, const std::string& value) {
  Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return Error::last_errno(file);
  if (::write(fd.get(), value.data(), value.size()) < 0) return Error::last_errno(file + " = " + value);
  return {};
}

std::string read_control(const std::string& file) { return read_file(file).value_or(""); }

Result<> make_group(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT) return ensure_directory(directory);
  return Error::last_errno("create cgroup " + directory);
}

// A new cpuset cgroup has no CPUs or nodes and accepts no task: copies them from the parent, top down.
Result<> fill_cpuset(const std::string& mount_point, const std::string& path) {
  std::string parent = mount_point;
  for (const std::string& name : split(path, '/')) {
    if (name.empty()) continue;
    std::string directory = parent + "/" + name;
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
      if (!trim(read_control(directory + file)).empty()) continue;
      TRY(write_control(directory + file, std::string(trim(read_control(parent + file)))));
    }
    parent = directory;
  }
  return {};
}

// ---- v2: enable controllers ----

// A cgroup with processes cannot enable controllers for its children. On a container host inside a container, this applies
// to the top visible cgroup, so its processes are moved to a sibling of our cgroups.
Result<> move_processes_aside(const std::string& directory) {
  std::string aside = directory + "/stack-host";
  TRY(make_group(aside));
  for (int round = 0; round < 16; ++round) {
    std::vector<std::string> pids = split(read_control(directory + "/cgroup.procs"), '\n');
    bool moved = false;
    for (const std::string& pid : pids) {
      if (pid.empty() || pid == "0") continue;
      moved = write_control(aside + "/cgroup.procs", pid).has_value() || moved;
    }
    if (!moved) return {};
  }
  return {};
}

Result<> pass_controllers_down(const std::string& directory) {
  std::set<std::string> passed;
  for (const std::string& name : split(trim(read_control(directory + "/cgroup.subtree_control")), ' '))
    passed.insert(name);
  for (const std::string& name : split(trim(read_control(directory + "/cgroup.controllers")), ' ')) {
    if (name.empty() || passed.contains(name)) continue;
    Result<> done = write_control(directory + "/cgroup.subtree_control", "+" + name);
    if (!done && done.error().code() == EBUSY) {
      TRY(move_processes_aside(directory));
      done = write_control(directory + "/cgroup.subtree_control", "+" + name);
    }
    // A controller that cannot be enabled (cpu with realtime tasks) causes an error only if it is needed.
  }
  return {};
}

Result<> make_unified(const Cgroups::Hierarchy& hierarchy, const std::string& path, bool with_controllers) {
  std::string directory = hierarchy.mount_point + hierarchy.root + path;
  TRY(make_group(directory));
  if (!with_controllers) return {};
  bool complete = true;
  for (const char* controller : {"memory", "pids", "cpu", "io"}) {
    if (!path_exists(directory + "/" + witness_file(controller))) complete = false;
  }
  if (complete) return {};
  std::string parent = hierarchy.mount_point + hierarchy.root;
  for (const std::string& name : split(path, '/')) {
    if (name.empty()) continue;
    TRY(pass_controllers_down(parent));
    parent += "/" + name;
  }
  return {};
}

// Performs writes; consecutive writes to one file (device rules) share a descriptor.
class ControlWriter {
 public:
  explicit ControlWriter(std::vector<std::string>* notes) : notes_(notes) {}

  Result<> apply(const CgroupWrite& write, const std::string& directory) {
    if (directory.empty()) {
      if (write.optional) return {};
      return unsupported("cgroup controller " + write.controller + " is not available: " + write.file +
                         " = " + write.value);
    }
    Result<> done = put(directory + "/" + write.file, write.value);
    bool missing = !done && done.error().code() == ENOENT;
    if (missing && !write.other_file.empty()) {
      done = put(directory + "/" + write.other_file, write.value);
      missing = !done && done.error().code() == ENOENT;
    }
    if (missing && !write.optional && path_exists(directory))
      return unsupported("this kernel has no " + write.file + " to set to " + write.value);
    if (done || !write.optional) return done;
    if (notes_ != nullptr && done.error().code() != ENOENT) notes_->push_back(done.error().text());
    return {};
  }

  // The kernel compares some values (memory and memory+swap; CPU period and quota below a parent's), so the order of writes
  // depends on the current values.
  Result<> apply_pair(const CgroupWrite& one, const CgroupWrite& other, const std::string& directory) {
    Result<> first = apply(one, directory);
    if (!first && first.error().code() == EINVAL) {
      TRY(apply(other, directory));
      return apply(one, directory);
    }
    TRY(std::move(first));
    return apply(other, directory);
  }

 private:
  Result<> put(const std::string& path, const std::string& value) {
    if (path != path_) {
      file_ = Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      path_ = path;
    }
    if (!file_) return Error::from_errno(std::exchange(path_, {}), errno);
    if (::write(file_.get(), value.data(), value.size()) < 0) return Error::last_errno(path + " = " + value);
    return {};
  }

  std::vector<std::string>* notes_;
  std::string path_;
  Fd file_;
};

bool is_pair(const CgroupWrite& one, const CgroupWrite& other) {
  return (one.file == "memory.limit_in_bytes" && other.file == "memory.memsw.limit_in_bytes") ||
         (one.file == "cpu.cfs_period_us" && other.file == "cpu.cfs_quota_us");
}

Result<> apply_writes(const Cgroups& cgroups, const std::string& path, const std::vector<CgroupWrite>& writes,
                      std::vector<std::string>* notes) {
  ControlWriter writer(notes);
  for (size_t i = 0; i < writes.size(); ++i) {
    const CgroupWrite& write = writes[i];
    std::string directory = cgroups.directory(write.controller, path);
    if (i + 1 < writes.size() && is_pair(write, writes[i + 1])) {
      TRY(writer.apply_pair(write, writes[i + 1], directory));
      ++i;
      continue;
    }
    TRY(writer.apply(write, directory));
  }
  return {};
}

// ---- traversal ----

std::vector<std::string> child_groups(const std::string& directory) {
  std::vector<std::string> out;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return out;
  while (dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") out.push_back(name);
  }
  ::closedir(stream);
  return out;
}

void collect_pids(const std::string& directory, std::set<pid_t>& out) {
  for (const std::string& line : split(read_control(directory + "/cgroup.procs"), '\n')) {
    if (is_all_digits(line)) out.insert(static_cast<pid_t>(std::stol(line)));
  }
  for (const std::string& child : child_groups(directory)) collect_pids(directory + "/" + child, out);
}

// Removes a cgroup and its descendants; EBUSY if a process remains.
int remove_group(const std::string& directory) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return 0;
  int reason = errno;
  if (reason != EBUSY && reason != ENOTEMPTY) return reason;
  for (const std::string& child : child_groups(directory)) remove_group(directory + "/" + child);
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

bool event_says(const std::string& events_file, std::string_view line) {
  std::string text = read_control(events_file);
  for (const std::string& found : split(text, '\n')) {
    if (found == line) return true;
  }
  return false;
}

}  // namespace

Result<Cgroups> Cgroups::detect() {
  TRY_ASSIGN(std::string mounts, read_file("/proc/self/mountinfo"));
  Cgroups out;
  std::set<std::string> seen;
  bool v1_controllers = false;
  for (const std::string& line : split(mounts, '\n')) {
    // A cheap check first, because most lines are other mounts.
    if (line.find("cgroup") == std::string::npos) continue;
    Hierarchy hierarchy;
    if (!parse_mount_line(line, hierarchy)) continue;
    std::string key = hierarchy.unified ? "unified" : join(hierarchy.controllers, ",");
    if (!seen.insert(key).second) continue;
    for (const std::string& controller : hierarchy.controllers)
      v1_controllers = v1_controllers || !controller.starts_with("name=");
    out.hierarchies_.push_back(std::move(hierarchy));
  }
  if (out.hierarchies_.empty())
    return unsupported("no cgroup hierarchy is mounted (mount cgroup2 on /sys/fs/cgroup)");
  bool unified = seen.contains("unified");
  out.mode_ = !v1_controllers && unified ? CgroupMode::V2 : unified ? CgroupMode::Hybrid : CgroupMode::V1;
  return out;
}

bool Cgroups::has(const std::string& controller) const {
  if (mode_ != CgroupMode::V2) return !directory(controller, "").empty();
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (!hierarchy.unified) continue;
    std::vector<std::string> names =
        split(trim(read_control(hierarchy.mount_point + hierarchy.root + "/cgroup.controllers")), ' ');
    return std::find(names.begin(), names.end(), controller) != names.end();
  }
  return false;
}

std::string Cgroups::directory(const std::string& controller, const std::string& path) const {
  for (const Hierarchy& hierarchy : hierarchies_) {
    bool match = mode_ == CgroupMode::V2 || controller.empty()
                     ? hierarchy.unified
                     : std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), controller) !=
                           hierarchy.controllers.end();
    if (match) return hierarchy.mount_point + hierarchy.root + path;
  }
  return "";
}

namespace {

bool used(const Cgroups::Hierarchy& hierarchy, const std::vector<CgroupWrite>& writes, CgroupMode mode) {
  return std::any_of(
      hierarchy.controllers.begin(), hierarchy.controllers.end(),
      [&](const std::string& name) { return always_used(name, mode) || wants_controller(writes, name); });
}

}  // namespace

Result<Cgroups> Cgroups::used_for(const Json& resources) const {
  if (mode_ == CgroupMode::V2) return *this;
  TRY_ASSIGN(std::vector<CgroupWrite> writes, writes_for_v1(resources));
  Cgroups out;
  out.mode_ = mode_;
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (hierarchy.unified || used(hierarchy, writes, mode_)) out.hierarchies_.push_back(hierarchy);
  }
  return out;
}

Result<> Cgroups::create(const std::string& path, const Json& resources,
                         std::vector<std::string>* notes) const {
  if (mode_ == CgroupMode::V2) {
    for (const Hierarchy& hierarchy : hierarchies_) {
      if (hierarchy.unified) TRY(make_unified(hierarchy, path, true));
    }
    TRY_ASSIGN(std::vector<CgroupWrite> writes, writes_for_v2(resources));
    TRY(apply_writes(*this, path, writes, notes));
    TRY_ASSIGN(std::vector<DeviceRule> rules, parse_device_rules(resources));
    if (rules.empty()) return {};
    TRY_ASSIGN(Fd group, open_file(directory("", path), O_RDONLY | O_DIRECTORY));
    return attach_device_filter(group.get(), rules);
  }
  TRY_ASSIGN(std::vector<CgroupWrite> writes, writes_for_v1(resources));
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (hierarchy.unified) {
      TRY(make_unified(hierarchy, path, false));
      continue;
    }
    if (!used(hierarchy, writes, mode_)) continue;
    TRY(make_group(hierarchy.mount_point + hierarchy.root + path));
    bool cpuset = std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), "cpuset") !=
                  hierarchy.controllers.end();
    if (cpuset) TRY(fill_cpuset(hierarchy.mount_point + hierarchy.root, path));
  }
  return apply_writes(*this, path, writes, notes);
}

namespace {

// cgroup v1 rejects a memory limit above the limit of memory plus swap, so the latter must be raised first.
void raise_swap_first(std::vector<CgroupWrite>& writes, const std::string& group) {
  auto named = [&](std::string_view file) {
    return std::find_if(writes.begin(), writes.end(), [&](const CgroupWrite& w) { return w.file == file; });
  };
  auto limit = named("memory.limit_in_bytes");
  auto swap = named("memory.memsw.limit_in_bytes");
  if (limit == writes.end() || swap == writes.end()) return;
  Result<std::string> now = read_file(group + "/memory.memsw.limit_in_bytes");
  if (!now) return;
  bool raises =
      swap->value.starts_with('-') || std::stoull(swap->value) > std::strtoull(now->c_str(), nullptr, 10);
  if (raises) std::iter_swap(limit, swap);
}

// Moves the container's processes into a newly created cgroup. Repeats to include processes forked meanwhile.
Result<> move_in(const Cgroups& cgroups, const std::string& path, const std::string& directory) {
  for (int round = 0; round < 16; ++round) {
    TRY_ASSIGN(std::vector<pid_t> all, cgroups.pids(path));
    std::set<pid_t> inside;
    collect_pids(directory, inside);
    bool moved = false;
    for (pid_t pid : all) {
      if (inside.contains(pid)) continue;
      Result<> done = write_control(directory + "/cgroup.procs", std::to_string(pid));
      if (!done && done.error().code() != ESRCH) return done;
      moved = true;
    }
    if (!moved) return {};
  }
  return Error(ErrorKind::Timeout, "cannot move all processes to " + directory);
}

// A container created without limits for a controller does not yet have a cgroup in its hierarchy.
Result<> join_missing(const Cgroups& cgroups, const std::string& path,
                      const std::vector<CgroupWrite>& writes) {
  for (const Cgroups::Hierarchy& hierarchy : cgroups.hierarchies()) {
    if (hierarchy.unified || !used(hierarchy, writes, cgroups.mode())) continue;
    std::string base = hierarchy.mount_point + hierarchy.root;
    if (path_exists(base + path)) continue;
    TRY(make_group(base + path));
    bool cpuset = std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), "cpuset") !=
                  hierarchy.controllers.end();
    if (cpuset) TRY(fill_cpuset(base, path));
    TRY(move_in(cgroups, path, base + path));
  }
  return {};
}

}  // namespace

Result<> Cgroups::update(const std::string& path, const Json& resources) const {
  Json limits = resources;
  limits.erase("devices");
  TRY_ASSIGN(std::vector<CgroupWrite> writes,
             mode_ == CgroupMode::V2 ? writes_for_v2(limits) : writes_for_v1(limits));
  if (bool_or(resources.value("memory", Json::object()), "checkBeforeUpdate")) {
    int64_t limit = int_or(resources["memory"], "limit");
    TRY_ASSIGN(CgroupStats now, stats(path));
    if (limit > 0 && now.memory_usage > static_cast<uint64_t>(limit))
      return conflict("memory limit " + std::to_string(limit) +
                      " is below the current usage: " + std::to_string(now.memory_usage));
  }
  if (mode_ != CgroupMode::V2) {
    TRY(join_missing(*this, path, writes));
    raise_swap_first(writes, directory("memory", path));
  }
  return apply_writes(*this, path, writes, nullptr);
}

Result<Cgroups::Entry> Cgroups::open_entry(const std::string& path) const {
  Entry entry;
  for (const Hierarchy& hierarchy : hierarchies_) {
    std::string directory = hierarchy.mount_point + hierarchy.root + path;
    if (hierarchy.unified) {
      TRY_ASSIGN(entry.unified, open_file(directory, O_PATH | O_DIRECTORY));
      continue;
    }
    Fd tasks(::open((directory + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (tasks) {
      entry.tasks.push_back(std::move(tasks));
    } else if (errno != ENOENT) {
      return Error::last_errno("open " + directory + "/tasks");
    }
  }
  return entry;
}

Result<> Cgroups::attach(const std::string& path, pid_t pid) const {
  for (const Hierarchy& hierarchy : hierarchies_) {
    std::string file = hierarchy.mount_point + hierarchy.root + path + "/cgroup.procs";
    Result<> done = write_control(file, std::to_string(pid));
    if (!done && done.error().code() != ENOENT) return done;
  }
  return {};
}

Result<> Cgroups::freeze(const std::string& path, std::chrono::milliseconds limit) const {
  Clock::time_point end = Clock::now() + limit;
  std::string unified = directory("", path);
  if (!unified.empty() && path_exists(unified + "/cgroup.freeze")) {
    TRY(write_control(unified + "/cgroup.freeze", "1"));
    while (!event_says(unified + "/cgroup.events", "frozen 1")) {
      if (Clock::now() > end) return Error(ErrorKind::Timeout, "the processes did not freeze in time");
      pause_for(std::chrono::milliseconds(1));
    }
    return {};
  }
  std::string group = directory("freezer", path);
  if (group.empty()) return unsupported("no freezer cgroup is available");
  // A process forked meanwhile can leave the cgroup in state FREEZING: retry.
  for (;;) {
    TRY(write_control(group + "/freezer.state", "FROZEN"));
    if (trim(read_control(group + "/freezer.state")) == "FROZEN") return {};
    if (Clock::now() > end) break;
    pause_for(std::chrono::milliseconds(1));
  }
  (void)write_control(group + "/freezer.state", "THAWED");
  return Error(ErrorKind::Timeout, "the processes did not freeze in time");
}

Result<> Cgroups::thaw(const std::string& path) const {
  std::string unified = directory("", path);
  if (!unified.empty() && path_exists(unified + "/cgroup.freeze"))
    return write_control(unified + "/cgroup.freeze", "0");
  std::string group = directory("freezer", path);
  if (group.empty()) return {};
  return write_control(group + "/freezer.state", "THAWED");
}

bool Cgroups::frozen(const std::string& path) const {
  std::string unified = directory("", path);
  if (!unified.empty() && path_exists(unified + "/cgroup.freeze"))
    return trim(read_control(unified + "/cgroup.freeze")) == "1";
  std::string group = directory("freezer", path);
  return !group.empty() && trim(read_control(group + "/freezer.state")) != "THAWED";
}

Result<> Cgroups::kill_all(const std::string& path, std::chrono::milliseconds limit) const {
  Clock::time_point end = Clock::now() + limit;
  std::string unified = directory("", path);
  for (int round = 0;; ++round) {
    TRY_ASSIGN(std::vector<pid_t> processes, pids(path));
    if (processes.empty()) return {};
    if (unified.empty() || !write_control(unified + "/cgroup.kill", "1")) {
      for (pid_t pid : processes) ::kill(pid, SIGKILL);
    }
    // In cgroup v1, a frozen process dies only after thawing.
    if (round == 0 && frozen(path)) (void)thaw(path);
    if (Clock::now() > end)
      return Error(ErrorKind::Timeout, "cgroup " + path + ": " + std::to_string(processes.size()) +
                                           " processes did not exit after SIGKILL");
    pause_for(std::chrono::milliseconds(round < 10 ? 1 : 10));
  }
}

Result<std::vector<pid_t>> Cgroups::pids(const std::string& path) const {
  std::set<pid_t> found;
  for (const Hierarchy& hierarchy : hierarchies_) {
    std::string directory = hierarchy.mount_point + hierarchy.root + path;
    if (path_exists(directory)) collect_pids(directory, found);
    if (mode_ != CgroupMode::V1 && hierarchy.unified && !found.empty()) break;
  }
  found.erase(0);
  return std::vector<pid_t>(found.begin(), found.end());
}

Result<> Cgroups::remove(const std::string& path, std::chrono::milliseconds limit) const {
  if (path.empty() || path == "/") return invalid("refusing to remove the root cgroup");
  Clock::time_point end = Clock::now() + limit;
  for (const Hierarchy& hierarchy : hierarchies_) {
    std::string directory = hierarchy.mount_point + hierarchy.root + path;
    for (;;) {
      int reason = remove_group(directory);
      if (reason == 0) break;
      if (reason != EBUSY || Clock::now() > end)
        return Error::from_errno("remove cgroup " + directory, reason);
      pause_for(std::chrono::milliseconds(1));
    }
  }
  return {};
}

bool Cgroups::exists(const std::string& path) const {
  return std::any_of(hierarchies_.begin(), hierarchies_.end(), [&](const Hierarchy& hierarchy) {
    return path_exists(hierarchy.mount_point + hierarchy.root + path);
  });
}

std::vector<std::string> Cgroups::list(const std::string& prefix) const {
  std::set<std::string> names;
  for (const Hierarchy& hierarchy : hierarchies_) {
    for (const std::string& name : child_groups(hierarchy.mount_point + hierarchy.root + prefix))
      names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> Cgroups::sweep(const std::string& prefix,
                                                const std::vector<std::string>& keep) const {
  std::vector<std::string> removed;
  for (const std::string& name : list(prefix)) {
    if (std::find(keep.begin(), keep.end(), name) != keep.end()) continue;
    TRY(kill_all(prefix + "/" + name));
    TRY(remove(prefix + "/" + name));
    removed.push_back(name);
  }
  return removed;
}

}  // namespace stack::runtime
