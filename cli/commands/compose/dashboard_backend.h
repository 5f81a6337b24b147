// The dashboard's server with the engine, the projects, and the browser of a session; for `stack dashboard` and the menu of `up`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "cli/dashboard/server.h"
#include "cli/session/session.h"

namespace stack::cli {

// Listens on 127.0.0.1; port 0 is any free port. The session must outlive the server.
Result<std::unique_ptr<DashboardServer>> start_dashboard(const Session& session, uint16_t port, bool write);

// Opens links in the desktop's browser.
class BrowserLink {
 public:
  // Runs xdg-open(1). The command line of a process is visible to all users, so the browser gets the link from a private file,
  // which is removed with this object.
  Result<> open(const std::string& link);

 private:
  std::optional<TemporaryDirectory> folder_;
};

}  // namespace stack::cli
