// create: a container that waits for `start`.
#include "runtime/oci/launch.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kFlags[] = {
    {"bundle", 'b', FlagKind::Text, "DIR", "the bundle: config.json and the root (default: here)"},
    {"config", 'f', FlagKind::Text, "FILE", "the configuration, instead of the bundle's config.json"},
    {"pid-file", 0, FlagKind::Text, "FILE", "gets the number of the first process"},
    {"console-socket", 0, FlagKind::Text, "PATH", "gets the terminal"},
    {"preserve-fds", 0, FlagKind::Text, "N", "leave descriptors 3 to 2+N open for the command"},
    {"no-pivot", 0, FlagKind::Switch, "", "move the root instead of pivot_root(2): for ramdisks"},
    {"no-new-keyring", 0, FlagKind::Switch, "", "keep the session keyring of the caller"},
    {"no-subreaper", 0, FlagKind::Switch, "", "without effect: there is no subreaper"},
};

Result<int> create(const GlobalOptions& global, const Arguments& arguments) {
  TRY_ASSIGN(LaunchSettings settings, read_launch_settings(arguments));
  settings.wait_for_start = true;
  TRY(launch_container(global, settings));
  return 0;
}

}  // namespace

const Command kCreate = {"create",
                         "[flags] ID",
                         "make a container; its command waits for start",
                         kFlags,
                         FlagOrder::Anywhere,
                         1,
                         1,
                         true,
                         create};

}  // namespace stack::runtime::oci
