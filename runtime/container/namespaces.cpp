#include "runtime/container/namespaces.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::runtime {

namespace {

std::string map_text(const std::vector<IdMapping>& mappings) {
  std::string text;
  for (const IdMapping& mapping : mappings) {
    text += std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " +
            std::to_string(mapping.size) + "\n";
  }
  return text;
}

}  // namespace

Result<std::vector<JoinedNamespace>> open_joined_namespaces(const OciSpec& spec) {
  std::vector<JoinedNamespace> out;
  for (const NamespaceSpec& ns : spec.namespaces) {
    if (ns.path.empty()) continue;
    TRY_ASSIGN(Fd fd, open_file(ns.path, O_RDONLY).in("namespace"));
    int type = ::ioctl(fd.get(), NS_GET_NSTYPE);
    if (type < 0) return invalid("namespace " + ns.path + ": not a namespace");
    if (type != ns.type) return invalid("namespace " + ns.path + ": its type does not match");
    out.push_back({ns.type, std::move(fd)});
  }
  return out;
}

uint64_t clone_flags(const OciSpec& spec) {
  uint64_t flags = 0;
  for (const NamespaceSpec& ns : spec.namespaces) {
    if (ns.path.empty() && ns.type != CLONE_NEWCGROUP && ns.type != CLONE_NEWTIME)
      flags |= static_cast<uint64_t>(static_cast<unsigned>(ns.type));
  }
  return flags;
}

Result<> write_id_maps(pid_t pid, const OciSpec& spec) {
  std::string base = "/proc/" + std::to_string(pid);
  TRY(write_file(base + "/uid_map", map_text(spec.uid_mappings)));
  Result<> groups = write_file(base + "/gid_map", map_text(spec.gid_mappings));
  if (groups || groups.error().code() != EPERM) return groups;
  TRY(write_file(base + "/setgroups", "deny"));
  return write_file(base + "/gid_map", map_text(spec.gid_mappings));
}

Result<> unshare_time(const std::vector<TimeOffset>& offsets) {
  if (::unshare(CLONE_NEWTIME) != 0) return Error::last_errno("time namespace");
  for (const TimeOffset& offset : offsets) {
    std::string line =
        offset.clock + " " + std::to_string(offset.seconds) + " " + std::to_string(offset.nanoseconds) + "\n";
    TRY(write_file("/proc/self/timens_offsets", line).in("time offset of clock " + offset.clock));
  }
  return {};
}

}  // namespace stack::runtime
