// Watches the files named by develop.watch rules and applies changes to the containers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/session/session.h"
#include "cli/watch/file_events.h"
#include "cli/watch/rules.h"

namespace stack::cli {

struct WatchOptions {
  std::string project_name;
  Json project;
  Json up_options;                    // for rebuilds; the watcher sets the services and builds
  std::vector<std::string> services;  // empty: all services with rules
  bool prune = true;                  // remove images replaced by a rebuild
  bool quiet_build = false;
};

class Watcher {
 public:
  // Prints one line, including its line break.
  using Print = std::function<void(int fd, std::string_view text)>;

  // Copies the session, so that it can run in its own thread.
  Watcher(const Session& session, WatchOptions options, Print print);

  // Reads the rules and starts watching. Errors: no service has rules, an invalid rule, a path that cannot be
  // watched.
  Result<> prepare();
  // Copies the files of rules with `initial_sync`, then applies changes until `stop` becomes readable. Failures of
  // single changes are printed.
  Result<> run(int stop);

 private:
  void report(const std::string& text) const;
  void complain(const std::string& service, const Error& error) const;
  void sync_initially();
  bool collect(int stop, std::set<std::string>& changed);
  void carry_out(const std::string& service, const WatchWork& work);
  Result<std::string> perform(const std::string& service, const WatchWork& work);
  struct SyncedReplicas {
    size_t files = 0;
    size_t stopped = 0;  // replicas that had exited
  };
  Result<SyncedReplicas> sync(const std::string& service, const WatchWork& work);
  Result<> rebuild(const std::string& service);
  Result<> restart(const std::string& service);
  Result<> start_stopped(const std::string& service);
  Result<> change_service(const std::string& verb, Json body);
  Result<> run_hook(const std::string& service, const Json& hook);
  Result<std::vector<std::string>> replicas_of(const std::string& service);

  Session session_;
  WatchOptions options_;
  Print print_;
  std::vector<WatchRule> rules_;
  std::optional<FileEvents> events_;
};

}  // namespace stack::cli
