// The mounts of a container, in the given order. Each destination is resolved to a descriptor below the root, and the mount
// is attached to that descriptor, so that path components cannot be swapped in between.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/setup.h"
#include "runtime/container/tree_copy.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

namespace {

// Opens a destination without following symbolic links, because the paths trusted later (/proc, /sys, /dev) must be real.
Result<Fd> open_without_links(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
  if (fd) return fd;
  if (errno == ELOOP || errno == ENOTDIR) return invalid(path + " must be a real directory, not a link");
  return Error::last_errno("open " + path);
}

bool must_be_real(const OciMount& mount) {
  return mount.type == "proc" || mount.type == "sysfs" || mount.destination == "/dev";
}

// Only the files that tools like lxcfs replace may be mounted below /proc, so that a bind cannot forge /proc/self.
Result<> check_below_proc(const OciMount& mount) {
  if (!mount.destination.starts_with("/proc/")) return {};
  static constexpr std::array<std::string_view, 10> kAllowed = {
      "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",  "/proc/stat",    "/proc/swaps",
      "/proc/uptime",  "/proc/loadavg",   "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid"};
  if (std::find(kAllowed.begin(), kAllowed.end(), mount.destination) != kAllowed.end()) return {};
  if (mount.destination == "/proc/sys/fs/binfmt_misc" || mount.type == "binfmt_misc") return {};
  return invalid(mount.destination + " cannot be mounted: it is inside /proc");
}

bool is_directory_fd(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

Result<Fd> find_destination(Setup& setup, const OciMount& mount, bool directory) {
  int root = setup.root.get();
  if (!directory) return ensure_file_in_root(root, mount.destination);
  if (!must_be_real(mount)) return ensure_directory_in_root(root, mount.destination);
  Result<Fd> real = open_without_links(root, mount.destination);
  if (real || real.error().code() != ENOENT) return real;
  TRY_ASSIGN(Fd made, ensure_directory_in_root(root, mount.destination));
  return open_without_links(root, mount.destination);
}

Result<Fd> open_destination(Setup& setup, const OciMount& mount, bool directory) {
  TRY(check_below_proc(mount));
  TRY_ASSIGN(Fd found, find_destination(setup, mount, directory));
  static constexpr std::array<std::string_view, 3> kTop = {"/proc", "/sys", "/dev"};
  // Already opened without following links.
  if (must_be_real(mount) && std::find(kTop.begin(), kTop.end(), mount.destination) != kTop.end())
    return found;
  // A link in the image may lead into /proc.
  struct statfs info{};
  if (::fstatfs(found.get(), &info) != 0) return Error::last_errno("statfs");
  if (info.f_type == PROC_SUPER_MAGIC && !mount.destination.starts_with("/proc"))
    return invalid(mount.destination + " cannot be mounted: it is inside /proc");
  return found;
}

Result<> finish_attributes(const OciMount& mount, const Fd& made) {
  if (mount.attributes_set != 0 || mount.attributes_clear != 0)
    TRY(change_mount(made.get(), mount.attributes_set, mount.attributes_clear, false));
  if (mount.recursive_set != 0 || mount.recursive_clear != 0)
    TRY(change_mount(made.get(), mount.recursive_set, mount.recursive_clear, true));
  return {};
}

Result<> finish_propagation(const OciMount& mount, const Fd& made) {
  if (mount.propagation == 0) return {};
  bool recursive = (mount.propagation & MS_REC) != 0;
  return change_mount(made.get(), 0, 0, recursive, mount.propagation & ~static_cast<unsigned long>(MS_REC));
}

// ---- kinds of mounts ----

// The source from the launcher, or a copy of the host's path.
Result<Fd> open_bind_source(const ContainerPlan& plan, const OciMount& mount) {
  auto made = plan.made_mounts.find(static_cast<size_t>(&mount - plan.spec.mounts.data()));
  if (made != plan.made_mounts.end()) return made->second.duplicate();
  auto given = plan.mount_sources.find(mount.destination);
  if (given != plan.mount_sources.end()) return given->second.duplicate();
  return clone_mount_at(mount.source, mount.recursive_bind);
}

Result<> mount_bind(Setup& setup, const OciMount& mount) {
  TRY_ASSIGN(Fd source, open_bind_source(setup.plan, mount));
  TRY(finish_attributes(mount, source));
  TRY_ASSIGN(Fd target, open_destination(setup, mount, is_directory_fd(source.get())));
  TRY(attach_mount(source.get(), target.get()));
  TRY(finish_propagation(mount, source));
  // Uses the host's /dev unchanged.
  if (mount.destination == "/dev") {
    TRY_ASSIGN(setup.dev, source.duplicate());
  }
  setup.keep(std::move(source));
  setup.keep(std::move(target));
  return {};
}

bool has_option(const std::vector<std::string>& data, std::string_view key) {
  return std::any_of(data.begin(), data.end(), [&](const std::string& option) {
    return option.starts_with(key) && option.size() > key.size() && option[key.size()] == '=';
  });
}

// A tmpfs without a mode inherits the mode of the directory that it covers, like in Docker.
void inherit_mode(const Setup& setup, const OciMount& mount, std::vector<std::string>& data) {
  if (has_option(data, "mode")) return;
  Result<Fd> existing = open_in_root(setup.root.get(), mount.destination, O_PATH | O_DIRECTORY);
  struct stat info{};
  if (!existing || ::fstat(existing->get(), &info) != 0) return;
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "mode=%o", info.st_mode & 07777U);
  data.emplace_back(text.data());
}

Result<> mount_on(Setup& setup, const Fd& target, const std::string& type, const std::string& source,
                  const std::vector<std::string>& data, uint64_t attributes) {
  setup.in_dev = false;
  return mount_new_on(target.get(), type, source, data, attributes);
}

// The name of a destination directly below our own /dev that was just created, so that it cannot be a link. "" for other
// or existing destinations.
std::string made_in_dev(Setup& setup, const OciMount& mount) {
  bool plain = mount.recursive_set == 0 && mount.recursive_clear == 0 && mount.propagation == 0;
  if (!setup.fresh_dev || !plain || mount.copy_up || !mount.destination.starts_with("/dev/")) return "";
  std::string name = mount.destination.substr(5);
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) return "";
  return ::mkdirat(setup.dev.get(), name.c_str(), 0755) == 0 ? name : "";
}

Result<> mount_in_dev(Setup& setup, const OciMount& mount, const std::string& name) {
  if (!setup.in_dev && ::fchdir(setup.dev.get()) != 0) return Error::last_errno("fchdir /dev");
  setup.in_dev = true;
  return mount_new_here(name, mount.type, mount.source, mount.data, mount.attributes_set);
}

// The current mount on `destination`.
Result<Fd> open_mounted(const Setup& setup, const std::string& destination) {
  return open_in_root(setup.root.get(), destination, O_PATH | O_DIRECTORY);
}

Result<> finish_new(const Setup& setup, const OciMount& mount, Fd& mounted) {
  bool more = mount.recursive_set != 0 || mount.recursive_clear != 0 || mount.propagation != 0;
  bool needed = more || mount.destination == "/dev" || mount.destination == "/proc";
  if (!needed) return {};
  TRY_ASSIGN(mounted, open_mounted(setup, mount.destination));
  if (mount.recursive_set != 0 || mount.recursive_clear != 0)
    TRY(change_mount(mounted.get(), mount.recursive_set, mount.recursive_clear, true));
  return finish_propagation(mount, mounted);
}

// Fills a tmpfs with the contents that it covers, before attaching it.
Result<> mount_copied_up(Setup& setup, const OciMount& mount, const std::vector<std::string>& data) {
  TRY_ASSIGN(Fd made, mount_new("tmpfs", mount.source, data, 0));
  TRY_ASSIGN(Fd target, open_destination(setup, mount, true));
  TRY(copy_directory_contents(target.get(), made.get()).in("copy " + mount.destination));
  TRY(finish_attributes(mount, made));
  TRY(attach_mount(made.get(), target.get()));
  return finish_propagation(mount, made);
}

// Whether a read-only tmpfs still needs mount points and devices.
bool is_filled_later(const Setup& setup, const OciMount& mount) {
  const std::vector<OciMount>& mounts = setup.plan.spec.mounts;
  std::string below = mount.destination + "/";
  return mount.destination == "/dev" || std::any_of(mounts.begin(), mounts.end(), [&](const OciMount& other) {
           return other.destination.starts_with(below);
         });
}

Result<> mount_tmpfs(Setup& setup, const OciMount& mount) {
  if (std::string name = made_in_dev(setup, mount); !name.empty()) return mount_in_dev(setup, mount, name);
  std::vector<std::string> data = mount.data;
  inherit_mode(setup, mount, data);
  if (mount.copy_up) return mount_copied_up(setup, mount, data);
  TRY_ASSIGN(Fd target, open_destination(setup, mount, true));
  uint64_t later = is_filled_later(setup, mount) ? mount.attributes_set & MOUNT_ATTR_RDONLY : 0;
  TRY(mount_on(setup, target, "tmpfs", mount.source, data, mount.attributes_set & ~later));
  Fd mounted;
  TRY(finish_new(setup, mount, mounted));
  if (later != 0) {
    TRY_ASSIGN(Fd read_only, open_mounted(setup, mount.destination));
    setup.read_only_later.push_back(std::move(read_only));
  }
  if (mount.destination == "/dev") {
    setup.dev = std::move(mounted);
    setup.fresh_dev = true;
    setup.in_dev = false;
  }
  setup.keep(std::move(target));
  return {};
}

Result<> mount_plain(Setup& setup, const OciMount& mount, const std::string& type) {
  if (std::string name = made_in_dev(setup, mount); type == mount.type && !name.empty())
    return mount_in_dev(setup, mount, name);
  TRY_ASSIGN(Fd target, open_destination(setup, mount, true));
  Result<> made = mount_on(setup, target, type, mount.source, mount.data, mount.attributes_set);
  if (!made && made.error().code() == EPERM && type == "sysfs") {
    // The sysfs of a shared network namespace cannot be mounted, so bind-mounts the host's.
    TRY_ASSIGN(Fd copy, clone_mount_at("/sys", true));
    TRY(change_mount(copy.get(), mount.attributes_set, mount.attributes_clear, true));
    made = attach_mount(copy.get(), target.get());
  }
  TRY(std::move(made));
  Fd mounted;
  TRY(finish_new(setup, mount, mounted));
  if (mount.destination == "/proc" && type == "proc") setup.proc = std::move(mounted);
  setup.keep(std::move(target));
  return {};
}

// cgroup v1: a tmpfs with one bind of the container's cgroup per hierarchy, read-only unless specified otherwise.
Result<> mount_cgroup_v1(Setup& setup, const OciMount& mount, const Cgroups& cgroups) {
  TRY_ASSIGN(Fd target, open_destination(setup, mount, true));
  TRY(mount_on(setup, target, "tmpfs", "cgroup", {"mode=755", "size=64k"}, 0));
  TRY_ASSIGN(Fd base, open_mounted(setup, mount.destination));
  // The tmpfs is private, so names in it are not links.
  if (::fchdir(base.get()) != 0) return Error::last_errno("fchdir");
  for (const Cgroups::Hierarchy& hierarchy : cgroups.hierarchies()) {
    std::string name = base_name(hierarchy.mount_point);
    if (name == "devices") continue;  // not useful inside a container
    if (::mkdir(name.c_str(), 0755) != 0) return Error::last_errno("create " + name);
    std::string group = hierarchy.mount_point + hierarchy.root + setup.plan.cgroup_path;
    if (::mount(group.c_str(), name.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      if (errno != ENOENT) return Error::last_errno("mount " + name);
      // The container has no cgroup in this hierarchy.
      (void)::rmdir(name.c_str());
      continue;
    }
    for (const std::string& controller : hierarchy.controllers) {
      if (controller != name && controller.find('=') == std::string::npos)
        (void)::symlink(name.c_str(), controller.c_str());
    }
  }
  TRY(change_mount(base.get(), mount.attributes_set, mount.attributes_clear, true));
  setup.keep(std::move(base));
  setup.keep(std::move(target));
  return {};
}

// A container without a cgroup sees none.
Result<> mount_no_cgroup(Setup& setup, const OciMount& mount) {
  OciMount empty = mount;
  empty.data = {"mode=755", "size=64k"};
  return mount_plain(setup, empty, "tmpfs");
}

Result<> mount_cgroup(Setup& setup, const OciMount& mount) {
  if (setup.plan.cgroup_path.empty()) return mount_no_cgroup(setup, mount);
  const Cgroups& cgroups = setup.plan.cgroups;
  if (cgroups.hierarchies().empty()) return unsupported("no cgroup hierarchy is mounted");
  if (cgroups.mode() != CgroupMode::V2) return mount_cgroup_v1(setup, mount, cgroups);
  // In its own cgroup namespace, the container sees its cgroup as the root. Otherwise it gets a bind of its cgroup.
  if (setup.plan.spec.find_namespace(CLONE_NEWCGROUP) != nullptr) {
    OciMount unified = mount;
    unified.data.clear();
    return mount_plain(setup, unified, "cgroup2");
  }
  TRY_ASSIGN(Fd source, clone_mount_at(cgroups.directory("", setup.plan.cgroup_path), false));
  TRY(finish_attributes(mount, source));
  TRY_ASSIGN(Fd target, open_destination(setup, mount, true));
  return attach_mount(source.get(), target.get());
}

Result<> remount(Setup& setup, const OciMount& mount) {
  TRY_ASSIGN(Fd target, open_in_root(setup.root.get(), mount.destination, O_PATH));
  return finish_attributes(mount, target);
}

Result<> mount_one(Setup& setup, const OciMount& mount) {
  // Our procfs is now covered by this mount.
  if (mount.destination == "/proc" && !mount.remount) setup.proc.reset();
  if (mount.destination == "/dev" && !mount.remount) {
    setup.dev.reset();
    setup.fresh_dev = false;
    setup.in_dev = false;
  }
  if (mount.remount) return remount(setup, mount);
  if (mount.bind) return mount_bind(setup, mount);
  if (mount.type == "tmpfs") return mount_tmpfs(setup, mount);
  if (mount.type == "cgroup" || mount.type == "cgroup2") return mount_cgroup(setup, mount);
  return mount_plain(setup, mount, mount.type);
}

}  // namespace

Result<> set_up_mounts(Setup& setup) {
  for (const OciMount& mount : setup.plan.spec.mounts) {
    setup.object = mount.destination;
    TRY(mount_one(setup, mount).in(mount.destination));
  }
  return {};
}

}  // namespace stack::runtime
