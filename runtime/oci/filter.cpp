#include "runtime/oci/filter.h"

#include <linux/seccomp.h>
#include <sys/socket.h>

#include <algorithm>

#include "runtime/oci/console.h"
#include "runtime/seccomp/seccomp.h"

namespace stack::runtime::oci {

namespace {

// The new process calls write before it executes the command. At that time no listener answers yet.
Result<> check_notified(const Json& seccomp) {
  bool write = string_or(seccomp, "defaultAction") == "SCMP_ACT_NOTIFY";
  for (const Json& rule : seccomp.value("syscalls", Json::array())) {
    Json names = rule.value("names", Json::array());
    bool named = std::find(names.begin(), names.end(), "write") != names.end();
    write = write || (named && string_or(rule, "action") == "SCMP_ACT_NOTIFY");
  }
  if (write) return invalid("seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall");
  return {};
}

}  // namespace

Result<ContainerFilter> make_filter(const Json& seccomp, const std::string& cache_dir) {
  ContainerFilter out;
  if (seccomp.is_null()) return out;
  if (!seccomp.contains("defaultAction")) return invalid("seccomp: defaultAction is missing");
  TRY_ASSIGN(std::optional<unsigned> flags, seccomp_flags(seccomp));
  // The default of crun and runc; an empty list means no flags.
  out.program.flags = flags.value_or(SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  out.program.notifies = seccomp_notifies(seccomp);
  TRY(check_notified(seccomp));
  out.listener_path = string_or(seccomp, "listenerPath");
  out.listener_metadata = string_or(seccomp, "listenerMetadata");
  if (out.program.notifies && out.listener_path.empty())
    return invalid("seccomp: SCMP_ACT_NOTIFY requires listenerPath");
  if (!out.program.notifies && !out.listener_metadata.empty() && out.listener_path.empty())
    return invalid("seccomp: listenerMetadata requires listenerPath");
  if (!out.program.notifies)
    out.program.flags &= ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  // The profile's listener does not affect the program.
  Json profile = seccomp;
  profile.erase("listenerPath");
  profile.erase("listenerMetadata");
  TRY_ASSIGN(out.program.bpf, cached_seccomp({to_text(profile), {}, ""}, cache_dir));
  return out;
}

Result<Fd> connect_agent(const ContainerFilter& filter) {
  if (!filter.program.notifies) return Fd();
  return connect_unix_socket(filter.listener_path, SOCK_STREAM).in("seccomp listener");
}

Result<> send_listener(const ContainerFilter& filter, int agent, int listener, const Json& state, pid_t pid) {
  Json document{{"ociVersion", state.value("ociVersion", "")},
                {"fds", {"seccompFd"}},
                {"pid", pid},
                {"metadata", filter.listener_metadata},
                {"state", state}};
  std::array<int, 1> fds{listener};
  return send_with_fds(agent, to_text(document), fds).in("seccomp listener");
}

}  // namespace stack::runtime::oci
