#include "engine/container/process_search.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"

namespace stack::engine {

namespace {

std::string link_target(const std::string& path) {
  std::array<char, 4096> target{};
  ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return length <= 0 ? std::string() : std::string(target.data(), static_cast<size_t>(length));
}

// Calls `visit` with each descriptor's number and target until it returns true.
template <typename Visit>
bool any_descriptor(const std::string& process_folder, Visit visit) {
  std::string folder = process_folder + "/fd";
  for (const std::string& number : names_in(folder).value_or(std::vector<std::string>()))
    if (visit(number, link_target(folder + "/" + number))) return true;
  return false;
}

// Monitors of other engines have folders in other roots.
bool holds_folder_of(const Paths& paths, const std::string& process_folder) {
  return any_descriptor(process_folder, [&](const std::string&, const std::string& target) {
    return target.starts_with(paths.root + "/") || target.starts_with(paths.run_root + "/");
  });
}

bool is_first_of_namespace(pid_t pid) {
  Result<std::string> status = read_file("/proc/" + std::to_string(pid) + "/status");
  if (!status) return false;
  for (const std::string& line : split(*status, '\n')) {
    if (!line.starts_with("NSpid:")) continue;
    std::vector<std::string> numbers = split(line, '\t');
    return numbers.size() > 2 && numbers.back() == "1";
  }
  return false;
}

}  // namespace

std::map<std::string, pid_t> find_monitors(const Paths& paths) {
  std::map<std::string, pid_t> found;
  for (const std::string& name : names_in("/proc").value_or(std::vector<std::string>())) {
    if (!is_all_digits(name)) continue;
    std::string folder = "/proc/" + name;
    // argv: "stack-monitor", a descriptor number, the container ID.
    std::vector<std::string> words = split(read_file(folder + "/cmdline").value_or(""), '\0');
    if (words.size() < 3 || words[0] != "stack-monitor") continue;
    if (holds_folder_of(paths, folder)) found[words[2]] = static_cast<pid_t>(std::stol(name));
  }
  return found;
}

std::optional<pid_t> first_process(const runtime::Cgroups& cgroups, const std::string& cgroup,
                                   pid_t recorded) {
  std::vector<pid_t> pids = cgroups.pids(cgroup).value_or(std::vector<pid_t>());
  if (recorded > 0 && std::find(pids.begin(), pids.end(), recorded) != pids.end()) return recorded;
  auto first = std::find_if(pids.begin(), pids.end(), is_first_of_namespace);
  return first == pids.end() ? std::nullopt : std::optional(*first);
}

Fd network_namespace_of(pid_t pid) {
  Fd theirs(::open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  struct stat its{};
  struct stat own{};
  bool same = !theirs || ::fstat(theirs.get(), &its) != 0 || ::stat("/proc/self/ns/net", &own) != 0 ||
              (its.st_ino == own.st_ino && its.st_dev == own.st_dev);
  return same ? Fd() : std::move(theirs);
}

Fd take_terminal(pid_t monitor, int monitor_pidfd) {
  Fd terminal;
  any_descriptor(
      "/proc/" + std::to_string(monitor), [&](const std::string& number, const std::string& target) {
        if (!target.ends_with("/ptmx")) return false;
        terminal = Fd(static_cast<int>(::syscall(SYS_pidfd_getfd, monitor_pidfd, std::stoi(number), 0U)));
        return true;
      });
  return terminal;
}

}  // namespace stack::engine
