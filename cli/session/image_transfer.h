// Pulls and pushes images by name with the caller's credentials.
#pragma once

#include <string>
#include <vector>

#include "cli/session/session.h"

namespace stack::cli {

struct ImageTransferOptions {
  bool push = false;
  std::string platform;          // for pulls; "" = the host's platform
  bool quiet = false;            // print only errors
  bool ignore_failures = false;  // report failures as warnings
};

// Shows the progress; returns the exit code.
Result<int> transfer_images(Session& session, const std::vector<std::string>& references,
                            const ImageTransferOptions& options);

}  // namespace stack::cli
