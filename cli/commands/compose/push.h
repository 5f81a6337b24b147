// Shared by `stack push` and `stack build --push`.
#pragma once

#include <string>
#include <vector>

#include "cli/flags/up_options.h"
#include "cli/session/image_transfer.h"

namespace stack::cli {

// Pushes the images of services (empty: all) that have both `build` and `image`. Returns the exit code, or an error if
// there is nothing to push.
Result<int> push_services(Session& session, const ResolvedProject& project,
                          const std::vector<std::string>& services, bool with_dependencies,
                          const ImageTransferOptions& options);

}  // namespace stack::cli
