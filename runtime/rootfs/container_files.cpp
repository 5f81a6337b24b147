#include "runtime/rootfs/container_files.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

namespace {

bool has_ended(int pidfd) {
  pollfd poll{pidfd, POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}

Result<> make_read_only(int tree, const std::string& what, unsigned flags) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(tree, "", AT_EMPTY_PATH | flags, &attributes, sizeof(attributes)) == 0) return {};
  return Error::last_errno("mount_setattr " + what);
}

Result<Fd> open_source(const FilesMount& mount) {
  Fd source(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
  if (!source) return Error::last_errno("open " + mount.source);
  if (mount.subpath.empty()) return source;
  return open_in_root(source.get(), mount.subpath, O_PATH);
}

Result<> mount_one(int root, const FilesMount& mount) {
  Result<Fd> source = open_source(mount);
  // The host path no longer exists: the container's own directory is visible there.
  if (!source && (source.error().code() == ENOENT || source.error().kind() == ErrorKind::NotFound)) return {};
  if (!source) return std::move(source).error();
  Fd tree(::open_tree(source->get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH));
  if (!tree) return Error::last_errno("clone " + mount.source);
  if (mount.read_only) TRY(make_read_only(tree.get(), mount.source, AT_RECURSIVE));
  struct stat info{};
  if (::fstat(tree.get(), &info) != 0) return Error::last_errno("stat " + mount.source);
  Result<Fd> target = S_ISDIR(info.st_mode) ? ensure_directory_in_root(root, mount.destination)
                                            : ensure_file_in_root(root, mount.destination);
  if (!target) return std::move(target).error();
  if (::move_mount(tree.get(), "", target->get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return Error::last_errno("mount " + mount.destination);
  return {};
}

// Runs in a thread with its own mount namespace.
Result<ContainerFiles> assemble(const Fd& overlay, const StoppedFiles& stopped) {
  if (::unshare(CLONE_FS | CLONE_NEWNS) != 0) return Error::last_errno("unshare");
  // Prevents mount propagation to and from the host.
  if (::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Error::last_errno("make mounts private");
  const std::string& place = stopped.attach_point;
  if (::move_mount(overlay.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return Error::last_errno("mount " + place);
  ContainerFiles files;
  files.root = Fd(::open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!files.root) return Error::last_errno("open " + place);
  for (const FilesMount& mount : stopped.mounts) TRY(mount_one(files.root.get(), mount));
  if (stopped.read_only) TRY(make_read_only(files.root.get(), place, 0));
  files.mount_namespace = Fd(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!files.mount_namespace) return Error::last_errno("open mount namespace");
  return files;
}

}  // namespace

Result<ContainerFiles> open_running_files(int pidfd, pid_t pid) {
  ContainerFiles files;
  std::string path = "/proc/" + std::to_string(pid) + "/root";
  files.root = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!files.root && errno != ENOENT && errno != ESRCH) return Error::last_errno("open " + path);
  // Checked afterward: while the process is alive, its PID cannot be reused.
  if (!files.root || has_ended(pidfd)) return not_found("the container is not running");
  return files;
}

Result<ContainerFiles> open_stopped_files(const StoppedFiles& stopped) {
  TRY_ASSIGN(Fd overlay, open_overlay(stopped.lower_dirs, stopped.upper_dir, stopped.work_dir));
  StoppedFiles ordered = stopped;
  // Parents first.
  std::stable_sort(ordered.mounts.begin(), ordered.mounts.end(),
                   [](const FilesMount& a, const FilesMount& b) {
                     return std::count(a.destination.begin(), a.destination.end(), '/') <
                            std::count(b.destination.begin(), b.destination.end(), '/');
                   });
  Result<ContainerFiles> files = Error("not run");
  std::thread worker([&] { files = assemble(overlay, ordered); });
  worker.join();
  return files;
}

}  // namespace stack::runtime
