// The root file system: mounts it in the container's mount namespace and makes it "/".
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/setup.h"
#include "runtime/rootfs/mountinfo.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

namespace {

Result<Fd> mount_layers(const ContainerPlan& plan) {
  Result<Fd> mounted = mount_overlay_detached(plan.layers);
  if (mounted || mounted.error().kind() != ErrorKind::Unsupported) return mounted;
  return mount_overlay_short_paths(plan.layers);
}

Result<Fd> make_root_mount(const ContainerPlan& plan) {
  if (!plan.layers.lower_dirs.empty()) return mount_layers(plan);
  if (plan.root_source) return plan.root_source.duplicate();
  return clone_mount_at(plan.spec.root_path, true);
}

Result<> leave_by_pivot(const OciSpec& spec) {
  // The old root is stacked on the new one and unmounted from there: pivot_root(2), "." and ".".
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return Error::last_errno("pivot_root");
  // The unmount must not propagate to the host through a shared old root.
  if ((spec.rootfs_propagation & MS_SHARED) != 0 &&
      ::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
    return Error::last_errno("make old root a slave");
  if (::umount2(".", MNT_DETACH) != 0) return Error::last_errno("unmount old root");
  return {};
}

// The kernel lets a user namespace mount its own procfs or sysfs if it finds one that is not covered, such as the
// host's, which stay below a moved root.
Result<> take_away_host_mounts(const std::string& new_root) {
  TRY_ASSIGN(std::string text, read_file("/proc/self/mountinfo"));
  for (const std::string& line : split(text, '\n')) {
    std::optional<MountInfo> mount = parse_mountinfo_line(line);
    if (!mount || (mount->type != "proc" && mount->type != "sysfs")) continue;
    const char* point = mount->mount_point.c_str();
    if (new_root != "/" && (point == new_root || mount->mount_point.starts_with(new_root + "/"))) continue;
    if (::mount(nullptr, point, nullptr, MS_SLAVE | MS_REC, nullptr) == 0 &&
        ::umount2(point, MNT_DETACH) == 0)
      continue;
    // A mount locked by another user namespace is covered instead. A missing one was removed with its parent mount.
    if (errno == ENOENT || ::mount("tmpfs", point, "tmpfs", 0, nullptr) == 0 || errno == ENOENT) continue;
    return Error::last_errno("cover " + mount->mount_point);
  }
  return {};
}

// The old root stays mounted underneath; only its mount is reachable from above.
Result<> leave_by_move(const std::string& new_root) {
  TRY(take_away_host_mounts(new_root));
  if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return Error::last_errno("move root");
  if (::chroot(".") != 0) return Error::last_errno("chroot");
  return {};
}

// Without its own mount namespace, the container's mounts are in ours, all below its root. The removal of the
// container detaches the root mount.
bool shares_mounts(const ContainerPlan& plan) { return plan.spec.find_namespace(CLONE_NEWNS) == nullptr; }

Result<> mount_root_beside(Setup& setup) {
  const ContainerPlan& plan = setup.plan;
  setup.object = plan.spec.root_path;
  TRY_ASSIGN(setup.root, make_root_mount(plan));
  Fd point(::open(plan.attach_point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!point) return Error::last_errno("open " + plan.attach_point);
  TRY(attach_mount(setup.root.get(), point.get()));
  return change_mount(setup.root.get(), 0, 0, true, MS_PRIVATE);
}

Result<> leave_by_chroot() {
  if (::chroot(".") != 0) return Error::last_errno("chroot");
  return {};
}

}  // namespace

Result<> set_up_root(Setup& setup) {
  const ContainerPlan& plan = setup.plan;
  if (shares_mounts(plan)) return mount_root_beside(setup);
  unsigned long propagation = plan.spec.rootfs_propagation;
  if (propagation == 0) propagation = MS_PRIVATE | MS_REC;
  setup.object = "/";
  // "unbindable" applies only to the container's root: an unbindable host tree could not be cloned below. All host
  // mounts get the same propagation, regardless of the container's own.
  unsigned long for_host = (propagation & MS_UNBINDABLE) != 0 ? MS_PRIVATE | MS_REC : propagation | MS_REC;
  if (::mount(nullptr, "/", nullptr, for_host, nullptr) != 0)
    return Error::last_errno("set propagation of /");
  setup.object = plan.layers.lower_dirs.empty() ? plan.spec.root_path : plan.layers.upper_dir;
  TRY_ASSIGN(setup.root, make_root_mount(plan));
  // A root made by the launcher may be out of our reach: use "/" instead, which we leave soon.
  const char* attach_point = plan.root_source ? "/" : plan.attach_point.c_str();
  // pivot_root(2) refuses a new root that is shared, or whose parent mount is.
  if ((propagation & MS_SHARED) != 0) {
    Fd point(::open(attach_point, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!point) return Error::last_errno(std::string("open ") + attach_point);
    TRY(change_mount(setup.root.get(), 0, 0, false, MS_PRIVATE));
    TRY_ASSIGN(Fd own, clone_mount(point.get(), false));
    // A mount under a shared one becomes shared when attached, so it is made private afterward.
    TRY(attach_mount(own.get(), point.get()));
    TRY(change_mount(own.get(), 0, 0, false, MS_PRIVATE));
    return attach_mount(setup.root.get(), own.get());
  }
  return attach_mount_to_path(setup.root.get(), attach_point);
}

Result<> enter_root(Setup& setup) {
  const OciSpec& spec = setup.plan.spec;
  setup.object = "/";
  if (spec.root_readonly) {
    // A missing working directory must be created before the root becomes read-only; process.cpp reports failures.
    if (spec.process) (void)ensure_directory_in_root(setup.root.get(), spec.process->cwd);
    TRY(change_mount(setup.root.get(), MOUNT_ATTR_RDONLY, 0, false));
  }
  if (::fchdir(setup.root.get()) != 0) return Error::last_errno("fchdir");
  if (shares_mounts(setup.plan)) {
    TRY(leave_by_chroot());
  } else {
    TRY(setup.plan.no_pivot ? leave_by_move(setup.plan.root_source ? "/" : setup.plan.attach_point)
                            : leave_by_pivot(spec));
  }
  if (::chdir("/") != 0) return Error::last_errno("chdir /");
  if (spec.rootfs_propagation != 0 && ::mount(nullptr, "/", nullptr, spec.rootfs_propagation, nullptr) != 0)
    return Error::last_errno("set propagation of the root");
  return {};
}

}  // namespace stack::runtime
