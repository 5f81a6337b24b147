// features: prints the supported features. runtime-spec features.md, features-linux.md
#include "base/files.h"
#include "runtime/oci/command.h"
#include "runtime/oci/output.h"
#include "runtime/oci/systemd_scope.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"
#include "runtime/spec/mount_options.h"

namespace stack::runtime::oci {

namespace {

Json seccomp_features() {
  return {{"enabled", true},
          {"actions",
           {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
            "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}},
          {"operators",
           {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
            "SCMP_CMP_NE"}},
          {"archs", seccomp_architectures()},
          {"knownFlags",
           {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}},
          {"supportedFlags",
           {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}};
}

Json linux_features() {
  return {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
          {"capabilities", all_capabilities()},
          {"cgroup",
           {{"v1", true}, {"v2", true}, {"systemd", systemd_runs()}, {"systemdUser", false}, {"rdma", true}}},
          {"seccomp", seccomp_features()},
          {"apparmor", {{"enabled", false}}},
          {"selinux", {{"enabled", false}}},
          {"intelRdt", {{"enabled", false}}},
          {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
          {"netDevices", {{"enabled", true}}},
          {"memoryPolicy",
           {{"modes",
             {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
              "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"}},
            {"flags", {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}}}}};
}

Result<int> features(const GlobalOptions&, const Arguments&) {
  Json document{
      {"ociVersionMin", "1.0.0"},
      {"ociVersionMax", "1.3.0"},
      {"hooks", {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
      {"mountOptions", known_mount_options()},
      {"linux", linux_features()},
      {"potentiallyUnsafeConfigAnnotations", Json::array()}};
  TRY(print(pretty(document)));
  return 0;
}

}  // namespace

const Command kFeatures = {
    "features", "", "print the supported features as JSON", {}, FlagOrder::Anywhere, 0, 0, false, features};

}  // namespace stack::runtime::oci
