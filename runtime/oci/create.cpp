// create: a container that waits for `start`.
#include "runtime/oci/launch.h"

namespace stack::runtime::oci {

namespace {

Result<int> create(const GlobalOptions& global, const Arguments& arguments) {
  TRY_ASSIGN(LaunchSettings settings, read_launch_settings(arguments));
  settings.wait_for_start = true;
  TRY(launch_container(global, settings));
  return 0;
}

}  // namespace

const Command kCreate = {"create",
                         "[flags] ID",
                         "create a container; its command waits for start",
                         kLaunchFlags,
                         FlagOrder::Anywhere,
                         1,
                         1,
                         true,
                         create};

}  // namespace stack::runtime::oci
