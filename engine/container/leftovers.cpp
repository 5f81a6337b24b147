#include "engine/container/leftovers.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "base/directory.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/process_search.h"

namespace stack::engine {

namespace {

std::vector<std::string> entries_of(const std::string& folder) {
  return names_in(folder).value_or(std::vector<std::string>());
}

// The ID in the name of a step's cgroup ("step-<id>").
std::optional<std::string> step_of(const std::string& group) {
  if (!group.starts_with(Paths::kStepPrefix)) return std::nullopt;
  return group.substr(Paths::kStepPrefix.size());
}

class Search {
 public:
  Search(const Paths& paths, const runtime::Cgroups& cgroups, const Owners& owners)
      : paths_(paths), cgroups_(cgroups), owners_(owners), monitors_(find_monitors(paths)) {}

  std::vector<Leftover> run() {
    for (const std::string& id : entries_of(paths_.steps())) step(id);
    for (const std::string& group : cgroups_.list(paths_.cgroup_parent())) cgroup(group);
    for (const auto& [id, pid] : monitors_)
      if (!owners_.containers.contains(id) && !owners_.steps.contains(id) && !is_step(id) && !is_exec(id))
        monitor(id, pid);
    for (const std::string& name : entries_of(paths_.containers())) {
      if (name.starts_with(Paths::kGonePrefix)) {
        gone(name.substr(Paths::kGonePrefix.size()));
      } else {
        folder(name);
      }
    }
    for (const std::string& id : entries_of(paths_.run_root + "/containers")) run_folder(id);
    return std::move(found_);
  }

 private:
  bool is_step(const std::string& id) const {
    return path_exists(paths_.step(id)) || cgroups_.exists(paths_.step_cgroup(id));
  }
  bool is_exec(const std::string& id) const {
    return std::any_of(
        owners_.containers.begin(), owners_.containers.end(),
        [&](const std::string& container) { return path_exists(paths_.exec(ContainerId(container), id)); });
  }
  bool is_reported(const std::string& id) const {
    return std::any_of(found_.begin(), found_.end(), [&](const Leftover& l) { return l.id == id; });
  }
  void add(LeftoverKind kind, const std::string& id, std::string text) {
    if (!is_reported(id)) found_.push_back({kind, id, false, std::move(text)});
  }
  void unknown(const std::string& id, const std::string& text) {
    add(LeftoverKind::Unknown, id, "container " + id.substr(0, 12) + " " + text);
  }

  void monitor(const std::string& id, pid_t pid) {
    if (is_reported(id)) return;
    unknown(id, "has a monitor (process " + std::to_string(pid) + ") but no record");
    found_.back().is_monitor = !path_exists(paths_.container(ContainerId(id)));
  }

  void step(const std::string& id) {
    if (!owners_.steps.contains(id)) add(LeftoverKind::Step, id, "build step " + id.substr(0, 12));
  }

  void cgroup(const std::string& group) {
    if (std::optional<std::string> id = step_of(group)) return step(*id);
    if (owners_.alive.contains(group) || owners_.unreadable.contains(group)) return;
    std::string path = paths_.cgroup_parent() + "/" + group;
    std::vector<pid_t> pids = cgroups_.pids(path).value_or(std::vector<pid_t>());
    if (pids.empty() || owners_.containers.contains(group))
      return add(LeftoverKind::Cgroup, group, "cgroup " + path);
    unknown(group, "runs without a record (process " + std::to_string(pids.front()) + ")");
  }

  void folder(const std::string& id) {
    if (owners_.containers.contains(id)) return;
    std::string path = paths_.container(ContainerId(id));
    if (entries_of(path).empty()) return add(LeftoverKind::EmptyFolder, id, "folder " + path);
    unknown(id, "has data in " + path + " but no record");
  }

  void gone(const std::string& id) {
    if (!owners_.containers.contains(id))
      add(LeftoverKind::GoneFolder, id, "folder " + paths_.container_gone(ContainerId(id)));
  }

  void run_folder(const std::string& id) {
    if (owners_.containers.contains(id)) return;
    add(LeftoverKind::RunFolder, id, "folder " + paths_.container_run(ContainerId(id)));
  }

  const Paths& paths_;
  const runtime::Cgroups& cgroups_;
  const Owners& owners_;
  std::map<std::string, pid_t> monitors_;
  std::vector<Leftover> found_;
};

void end_monitor(const Paths& paths, const std::string& id) {
  auto monitors = find_monitors(paths);
  auto monitor = monitors.find(id);
  if (monitor == monitors.end()) return;
  if (Result<Fd> pidfd = open_pidfd(monitor->second)) (void)signal_pidfd(pidfd->get(), SIGKILL);
}

Result<> end_group(const runtime::Cgroups& cgroups, const std::string& path) {
  if (!cgroups.exists(path)) return {};
  TRY(cgroups.kill_all(path));
  return cgroups.remove(path);
}

// The monitor is killed after its processes, because it reaps them.
Result<> remove_step(const Paths& paths, const runtime::Cgroups& cgroups, const std::string& id) {
  Result<> ended = end_group(cgroups, paths.step_cgroup(id));
  end_monitor(paths, id);
  TRY(std::move(ended));
  return remove_tree(paths.step(id));
}

}  // namespace

std::vector<Leftover> find_leftovers(const Paths& paths, const runtime::Cgroups& cgroups,
                                     const Owners& owners) {
  return Search(paths, cgroups, owners).run();
}

Result<> remove_leftover(const Paths& paths, const runtime::Cgroups& cgroups, const Leftover& leftover) {
  const std::string& id = leftover.id;
  const ContainerId container(id);
  std::string cgroup = paths.cgroup_parent() + "/" + id;
  switch (leftover.kind) {
    case LeftoverKind::Step:
      return remove_step(paths, cgroups, id);
    case LeftoverKind::Cgroup:
      return end_group(cgroups, cgroup);
    case LeftoverKind::RunFolder:
      return remove_tree(paths.container_run(container));
    case LeftoverKind::GoneFolder:
      return remove_tree(paths.container_gone(container));
    case LeftoverKind::EmptyFolder:
      return ::rmdir(paths.container(container).c_str()) == 0 || errno == ENOENT
                 ? Result<>()
                 : Result<>(Error::last_errno("remove " + paths.container(container)));
    case LeftoverKind::Unknown:
      break;
  }
  Result<> ended = end_group(cgroups, cgroup);
  end_monitor(paths, id);
  TRY(std::move(ended));
  TRY(remove_tree(paths.container_run(container)));
  return remove_container_folder(paths, container);
}

Result<> remove_container_folder(const Paths& paths, const ContainerId& id) {
  std::string gone = paths.container_gone(id);
  TRY(remove_tree(gone));
  if (::rename(paths.container(id).c_str(), gone.c_str()) == 0) return remove_tree(gone);
  if (errno == ENOENT) return {};
  return Error::last_errno("remove " + paths.container(id));
}

void end_orphaned_steps(const Paths& paths, const runtime::Cgroups& cgroups) {
  std::set<std::string> ids;
  for (std::string& id : entries_of(paths.steps())) ids.insert(std::move(id));
  for (const std::string& group : cgroups.list(paths.cgroup_parent()))
    if (std::optional<std::string> id = step_of(group)) ids.insert(*id);
  for (const std::string& id : ids) {
    Result<> removed = remove_step(paths, cgroups, id);
    if (removed) {
      log_info("ended build step " + id.substr(0, 12) + " left by a killed engine");
    } else {
      log_warning("build step " + id.substr(0, 12) + ": " + removed.error().text());
    }
  }
}

}  // namespace stack::engine
