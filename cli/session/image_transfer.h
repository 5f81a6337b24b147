// Pulling and pushing images by name, with the caller's credentials.
#pragma once

#include <string>
#include <vector>

#include "cli/session/session.h"

namespace stack::cli {

struct ImageTransferOptions {
  bool push = false;
  std::string platform;          // of pulls; "" = the host's
  bool quiet = false;            // errors only
  bool ignore_failures = false;  // they are warnings
};

// Shows the progress; gives the exit code.
Result<int> transfer_images(Session& session, const std::vector<std::string>& references,
                            const ImageTransferOptions& options);

}  // namespace stack::cli
