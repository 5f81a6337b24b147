#include "runtime/oci/cgroup_owner.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace stack::runtime::oci {

namespace {

bool writable_cgroup_mount(const OciMount& mount) {
  if (mount.bind || (mount.type != "cgroup" && mount.type != "cgroup2")) return false;
  return ((mount.attributes_set | mount.recursive_set) & MOUNT_ATTR_RDONLY) == 0;
}

}  // namespace

std::optional<uid_t> cgroup_owner(const OciSpec& spec) {
  if (!spec.process || !spec.new_namespace(CLONE_NEWCGROUP)) return std::nullopt;
  if (std::none_of(spec.mounts.begin(), spec.mounts.end(), writable_cgroup_mount)) return std::nullopt;
  uid_t user = spec.process->uid;
  if (spec.find_namespace(CLONE_NEWUSER) == nullptr) return user;
  for (const IdMapping& mapping : spec.uid_mappings) {
    if (user >= mapping.container_id && user - mapping.container_id < mapping.size)
      return mapping.host_id + (user - mapping.container_id);
  }
  return std::nullopt;
}

Result<> give_cgroup(const std::string& directory, uid_t owner) {
  // Kernels before 4.15 have no list; all kernels have these three files.
  std::string names = read_file("/sys/kernel/cgroup/delegate")
                          .value_or("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
  constexpr auto kSameGroup = static_cast<gid_t>(-1);
  if (::chown(directory.c_str(), owner, kSameGroup) != 0) return Error::last_errno("chown " + directory);
  for (const std::string& name : split(names, '\n')) {
    std::string file = directory + "/" + name;
    // The list covers all controllers; a group has only the files of its controllers.
    if (name.empty() || ::chown(file.c_str(), owner, kSameGroup) == 0 || errno == ENOENT) continue;
    return Error::last_errno("chown " + file);
  }
  return {};
}

}  // namespace stack::runtime::oci
