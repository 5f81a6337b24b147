// Host name, domain name, and sysctls of the container's own namespaces.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/setup.h"

namespace stack::runtime {

namespace {

// The namespace of a sysctl; 0 if it has none, so that writing it would change the host.
int namespace_of(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kIpc = {
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
      "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  if (std::find(kIpc.begin(), kIpc.end(), name) != kIpc.end() || name.starts_with("fs.mqueue."))
    return CLONE_NEWIPC;
  if (name.starts_with("net.")) return CLONE_NEWNET;
  if (name == "kernel.domainname" || name == "kernel.hostname") return CLONE_NEWUTS;
  if (name.starts_with("user.")) return CLONE_NEWUSER;
  return 0;
}

// "net.ipv4.conf.eth0/1.x" -> "sys/net/ipv4/conf/eth0.1/x": dots separate unless written with slashes.
// sysctl(8)
std::string sysctl_path(std::string name) {
  size_t first = name.find_first_of("./");
  bool dotted = first == std::string::npos || name[first] == '.';
  for (char& c : name) {
    if (!dotted) break;
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return "sys/" + name;
}

Result<> check_sysctl(const ContainerPlan& plan, const std::string& name) {
  std::string dotted = sysctl_path(name).substr(std::string_view("sys/").size());
  std::replace(dotted.begin(), dotted.end(), '/', '.');
  if (dotted == "kernel.hostname")
    return invalid("sysctl kernel.hostname is not allowed: the container's hostname is set by `hostname`");
  int type = namespace_of(dotted);
  if (type == 0) return invalid("sysctl " + name + " is not in a separate kernel namespace");
  bool own = plan.spec.find_namespace(type) != nullptr || (type == CLONE_NEWNET && plan.netns_fd >= 0);
  if (!own)
    return invalid("sysctl " + name + " is not allowed: the container shares that namespace with the host");
  return {};
}

// Rejects names like "net.//.kernel.core_pattern", which begin like a network sysctl but leave that folder;
// RESOLVE_BENEATH only keeps the path below /proc.
Result<> check_components(const std::string& name, const std::string& path) {
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == "." || part == "..")
      return invalid("sysctl " + name + " is not a valid name");
  }
  return {};
}

Result<Fd> open_below_proc(int proc, const std::string& path) {
  open_how how{};
  how.flags = O_WRONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, proc, path.c_str(), &how, sizeof(how))));
  if (!fd) return Error::last_errno("open /proc/" + path);
  struct statfs info{};
  if (::fstatfs(fd.get(), &info) != 0) return Error::last_errno("statfs /proc/" + path);
  if (info.f_type != PROC_SUPER_MAGIC) return invalid("/proc/" + path + " is not in a procfs");
  return fd;
}

Result<> write_sysctl(Setup& setup, int proc, const SysctlSpec& sysctl) {
  TRY(check_sysctl(setup.plan, sysctl.name));
  std::string path = sysctl_path(sysctl.name);
  TRY(check_components(sysctl.name, path));
  TRY_ASSIGN(Fd fd, open_below_proc(proc, path));
  return write_all(fd.get(), sysctl.value).in("sysctl " + sysctl.name);
}

}  // namespace

Result<> set_up_kernel_values(Setup& setup) {
  const OciSpec& spec = setup.plan.spec;
  setup.object = spec.hostname;
  if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) != 0)
    return Error::last_errno("sethostname");
  if (!spec.domainname.empty() && ::setdomainname(spec.domainname.data(), spec.domainname.size()) != 0)
    return Error::last_errno("setdomainname");
  if (spec.sysctls.empty()) return {};
  Fd detached;
  if (!setup.proc) {
    TRY_ASSIGN(detached, mount_new("proc", "", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  }
  int proc = setup.proc ? setup.proc.get() : detached.get();
  for (const SysctlSpec& sysctl : spec.sysctls) {
    setup.object = sysctl.name;
    TRY(write_sysctl(setup, proc, sysctl));
  }
  return {};
}

}  // namespace stack::runtime
