#include "runtime/container/host_mounts.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/namespaces.h"

namespace stack::runtime {

namespace {

// Kills and reaps a process that only holds a namespace open.
class Holder {
 public:
  explicit Holder(pid_t pid) : pid_(pid) {}
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    ::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

// The container's user namespace, or one with the mount's own maps.
Result<Fd> mapping_namespace(const OciSpec& spec, const OciMount& mount) {
  if (!mount.uid_mappings.empty()) return make_user_namespace(mount.uid_mappings, mount.gid_mappings);
  const NamespaceSpec* user = spec.find_namespace(CLONE_NEWUSER);
  if (user == nullptr) return invalid("idmap requires uidMappings and gidMappings, or a user namespace");
  if (!user->path.empty()) return open_file(user->path, O_RDONLY);
  return make_user_namespace(spec.uid_mappings, spec.gid_mappings);
}

Result<> map_ids_of(const Fd& mount, const Fd& user_namespace, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace.get());
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount.get(), "", flags, &attributes, sizeof(attributes)) != 0)
    return Error::last_errno("map the ids of the mount");
  return {};
}

Result<Fd> make_bind(const OciSpec& spec, const OciMount& mount) {
  TRY_ASSIGN(Fd copy, clone_mount_at(mount.source, mount.recursive_bind));
  if (!mount.id_mapped) return copy;
  TRY_ASSIGN(Fd user, mapping_namespace(spec, mount));
  TRY(map_ids_of(copy, user, mount.id_mapped_recursive));
  return copy;
}

}  // namespace

Result<Fd> make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
  clone_args args{};
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return Error::last_errno("new user namespace");
  if (pid == 0) {
    for (;;) ::pause();
  }
  Holder holder(static_cast<pid_t>(pid));
  OciSpec maps;
  maps.uid_mappings = uids;
  maps.gid_mappings = gids;
  TRY(write_id_maps(static_cast<pid_t>(pid), maps));
  return open_file("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY);
}

Result<> make_host_mounts(ContainerPlan& plan) {
  const OciSpec& spec = plan.spec;
  bool user_namespace = spec.find_namespace(CLONE_NEWUSER) != nullptr;
  if (user_namespace && plan.layers.lower_dirs.empty()) {
    TRY_ASSIGN(plan.root_source, clone_mount_at(spec.root_path, true).in("root"));
  }
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    const OciMount& mount = spec.mounts[i];
    if (mount.id_mapped && !mount.bind)
      return unsupported(mount.destination + ": IDs can be mapped only on bind mounts");
    if (!mount.bind || mount.remount || (!user_namespace && !mount.id_mapped)) continue;
    TRY_ASSIGN(Fd made, make_bind(spec, mount).in(mount.destination));
    plan.made_mounts.emplace(i, std::move(made));
  }
  return {};
}

}  // namespace stack::runtime
