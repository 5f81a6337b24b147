// Device nodes and the standard links in /dev.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/setup.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

namespace {

const OciDevice kDefaultDevices[] = {
    {"/dev/null", 'c', 1, 3, 0666, 0, 0},    {"/dev/zero", 'c', 1, 5, 0666, 0, 0},
    {"/dev/full", 'c', 1, 7, 0666, 0, 0},    {"/dev/random", 'c', 1, 8, 0666, 0, 0},
    {"/dev/urandom", 'c', 1, 9, 0666, 0, 0}, {"/dev/tty", 'c', 5, 0, 0666, 0, 0},
};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"core", "/proc/kcore"},
};

mode_t type_bits(char type) {
  if (type == 'b') return S_IFBLK;
  if (type == 'p') return S_IFIFO;
  return S_IFCHR;
}

Result<> check_existing(int parent, const std::string& name, const OciDevice& device) {
  struct stat info{};
  if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::last_errno("stat " + device.path);
  bool same = (info.st_mode & S_IFMT) == type_bits(device.type) &&
              (device.type == 'p' || info.st_rdev == makedev(device.major, device.minor));
  if (!same) return conflict(device.path + " exists but is a different file");
  return {};
}

// In a user namespace, which cannot create nodes, bind-mounts the host's node over an empty file.
Result<> bind_host_device(int parent, const std::string& name, const OciDevice& device) {
  TRY_ASSIGN(Fd source, clone_mount_at(device.path, false));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) return Error::last_errno("stat " + device.path);
  if ((info.st_mode & S_IFMT) != type_bits(device.type) ||
      info.st_rdev != makedev(device.major, device.minor))
    return invalid(device.path + " of the host is another device");
  Fd target(::openat(parent, name.c_str(), O_CREAT | O_NOFOLLOW | O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!target) return Error::last_errno("create " + device.path);
  return attach_mount(source.get(), target.get());
}

Result<> make_device(Setup& setup, int parent, const std::string& name, const OciDevice& device) {
  if (setup.user_namespace && device.type != 'p') return bind_host_device(parent, name, device);
  if (::mknodat(parent, name.c_str(), type_bits(device.type) | device.mode,
                device.type == 'p' ? 0 : makedev(device.major, device.minor)) != 0) {
    if (errno == EEXIST) return check_existing(parent, name, device);
    if (errno == EPERM) return bind_host_device(parent, name, device);
    return Error::last_errno("mknod " + device.path);
  }
  if (device.uid == 0 && device.gid == 0) return {};
  if (::fchownat(parent, name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::last_errno("chown " + device.path);
  return {};
}

Result<> make_listed_device(Setup& setup, const OciDevice& device) {
  std::string path = clean_path(device.path);
  std::string parent_path = directory_name(path);
  if (parent_path == "/dev") return make_device(setup, setup.dev.get(), base_name(path), device);
  TRY_ASSIGN(Fd parent, ensure_directory_in_root(setup.root.get(), parent_path));
  return make_device(setup, parent.get(), base_name(path), device);
}

bool binds_dev(const OciSpec& spec) {
  for (const OciMount& mount : spec.mounts) {
    if (mount.destination == "/dev" && mount.bind) return true;
  }
  return false;
}

Result<> make_links(Setup& setup) {
  for (const Link& link : kLinks) {
    setup.object = link.name;
    if (::symlinkat(link.target, setup.dev.get(), link.name) != 0 && errno != EEXIST)
      return Error::last_errno(std::string("symlink /dev/") + link.name);
  }
  return {};
}

}  // namespace

Result<> set_up_devices(Setup& setup) {
  const OciSpec& spec = setup.plan.spec;
  if (!setup.dev) {
    // Without a mount on /dev, uses the image's directory, which must not be a link.
    TRY_ASSIGN(setup.dev, ensure_directory_in_root(setup.root.get(), "/dev"));
  }
  // Does not change the host's /dev.
  if (binds_dev(spec)) return {};
  for (const OciDevice& device : kDefaultDevices) {
    setup.object = device.path;
    TRY(make_device(setup, setup.dev.get(), base_name(device.path), device));
  }
  for (const OciDevice& device : spec.devices) {
    setup.object = device.path;
    TRY(make_listed_device(setup, device));
  }
  return make_links(setup);
}

}  // namespace stack::runtime
