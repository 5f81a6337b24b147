#include "runtime/oci/systemd_cgroup.h"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

namespace stack::runtime::oci {

namespace {

// The line "0::/path" of /proc/<pid>/cgroup; with only version 1, the line of systemd's own hierarchy. cgroups(7)
Result<std::string> group_of(pid_t pid, CgroupMode mode) {
  TRY_ASSIGN(std::string text, read_file("/proc/" + std::to_string(pid) + "/cgroup"));
  std::string_view wanted = mode == CgroupMode::V1 ? ":name=systemd:" : "0::";
  for (const std::string& line : split(text, '\n')) {
    size_t at = line.find(wanted);
    bool fits = mode == CgroupMode::V1 ? at != std::string::npos : at == 0;
    if (fits) return line.substr(at + wanted.size());
  }
  return Error("cannot find the scope's cgroup");
}

}  // namespace

Result<PlaceHolder> PlaceHolder::start() {
  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) return Error::last_errno("fork");
  if (pid > 0) return PlaceHolder(pid);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::syscall(SYS_close_range, 0, ~0U, 0);
  // The parent may have ended before this took effect.
  while (::getppid() == parent) ::pause();
  ::_exit(0);
}

void PlaceHolder::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<SystemdCgroup> SystemdCgroup::start(const ScopeName& name, const std::string& description,
                                           const OciSpec& spec, CgroupMode mode) {
  TRY_ASSIGN(std::vector<UnitProperty> properties, annotated_properties(spec.annotations));
  TRY_ASSIGN(std::vector<UnitProperty> limits, limit_properties(spec.resources, mode == CgroupMode::V2));
  properties.insert(properties.end(), limits.begin(), limits.end());
  TRY_ASSIGN(PlaceHolder holder, PlaceHolder::start());
  TRY(start_scope(name, holder.pid(), description, properties));
  Result<std::string> path = group_of(holder.pid(), mode);
  bool inside = path && path->ends_with("/" + name.unit);
  if (inside) return SystemdCgroup(std::move(holder), std::move(*path));
  holder.end();
  (void)stop_scope(name.unit);
  if (!path) return std::move(path).error();
  return Error("systemd: unit " + name.unit + " has the cgroup " + *path);
}

}  // namespace stack::runtime::oci
