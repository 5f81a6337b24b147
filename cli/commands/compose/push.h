// What `stack push` and `stack build --push` do.
#pragma once

#include <string>
#include <vector>

#include "cli/flags/up_options.h"
#include "cli/session/image_transfer.h"

namespace stack::cli {

// Pushes the images of services (empty: all) that have both `build` and `image`. The exit code; an error where
// there is none.
Result<int> push_services(Session& session, const ResolvedProject& project,
                          const std::vector<std::string>& services, bool with_dependencies,
                          const ImageTransferOptions& options);

}  // namespace stack::cli
