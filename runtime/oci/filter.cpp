#include "runtime/oci/filter.h"

#include <linux/seccomp.h>
#include <sys/socket.h>

#include <array>

#include "runtime/oci/console.h"
#include "runtime/seccomp.h"

namespace stack::runtime::oci {

namespace {

struct FlagName {
  std::string_view name;
  unsigned flag;
};
constexpr FlagName kFlags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

Result<unsigned> read_flags(const Json& seccomp) {
  auto found = seccomp.find("flags");
  // What crun and runc do where nothing is said; an empty list says "none".
  if (found == seccomp.end() || found->is_null()) return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  unsigned flags = 0;
  for (const Json& item : *found) {
    const FlagName* known = nullptr;
    for (const FlagName& row : kFlags) {
      if (item.is_string() && item.get<std::string>() == row.name) known = &row;
    }
    if (known == nullptr) return invalid("seccomp: unknown flag " + to_text(item));
    flags |= known->flag;
  }
  return flags;
}

// The new process itself has to write before it is the command, when nobody answers yet.
Result<bool> uses_notify(const Json& seccomp) {
  const char* hint = "seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall";
  if (string_or(seccomp, "defaultAction") == "SCMP_ACT_NOTIFY") return invalid(hint);
  bool found = false;
  for (const Json& rule : seccomp.value("syscalls", Json::array())) {
    if (string_or(rule, "action") != "SCMP_ACT_NOTIFY") continue;
    found = true;
    Json names = rule.value("names", Json::array());
    if (std::find(names.begin(), names.end(), "write") != names.end()) return invalid(hint);
  }
  return found;
}

}  // namespace

Result<ContainerFilter> make_filter(const Json& seccomp, const std::string& cache_dir) {
  ContainerFilter out;
  if (seccomp.is_null()) return out;
  if (!seccomp.contains("defaultAction")) return invalid("seccomp: defaultAction is missing");
  TRY_ASSIGN(out.program.flags, read_flags(seccomp));
  TRY_ASSIGN(out.program.notifies, uses_notify(seccomp));
  out.listener_path = string_or(seccomp, "listenerPath");
  out.listener_metadata = string_or(seccomp, "listenerMetadata");
  if (out.program.notifies && out.listener_path.empty())
    return invalid("seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
  if (!out.program.notifies && !out.listener_metadata.empty() && out.listener_path.empty())
    return invalid("seccomp: listenerMetadata without a listenerPath");
  if (!out.program.notifies)
    out.program.flags &= ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  // Where the profile goes does not change the program.
  Json profile = seccomp;
  profile.erase("listenerPath");
  profile.erase("listenerMetadata");
  TRY_ASSIGN(out.program.bpf, cached_seccomp({to_text(profile), {}, ""}, cache_dir));
  return out;
}

Result<> send_listener(const ContainerFilter& filter, int listener, const Json& state, pid_t pid) {
  Json document{{"ociVersion", state.value("ociVersion", "")},
                {"fds", {"seccompFd"}},
                {"pid", pid},
                {"metadata", filter.listener_metadata},
                {"state", state}};
  TRY_ASSIGN(Fd agent, connect_unix_socket(filter.listener_path, SOCK_STREAM).in("seccomp listener"));
  std::array<int, 1> fds{listener};
  return send_with_fds(agent.get(), to_text(document), fds).in("seccomp listener");
}

}  // namespace stack::runtime::oci
