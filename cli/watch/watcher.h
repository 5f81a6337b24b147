// Follows the files that develop.watch rules name, and carries every change into the containers.
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
  Json up_options;                    // for rebuilding; its services and what is built are the watcher's own
  std::vector<std::string> services;  // empty: all that have rules
  bool prune = true;                  // remove the image that a rebuild has replaced
  bool quiet_build = false;
};

class Watcher {
 public:
  // Whoever prints, one line at a time with its line break.
  using Print = std::function<void(int fd, std::string_view text)>;

  // Has a session of its own, so that it may run beside others.
  Watcher(const Session& session, WatchOptions options, Print print);

  // Reads the rules and begins to watch. Errors: no service has rules, a rule that cannot work, a path that
  // cannot be watched.
  Result<> prepare();
  // Copies what `initial_sync` asks for, then follows changes until `stop` becomes readable. What goes wrong
  // with single changes is printed.
  Result<> run(int stop);

 private:
  void say(const std::string& text) const;
  void complain(const std::string& service, const Error& error) const;
  void sync_initially();
  bool collect(int stop, std::set<std::string>& changed);
  void carry_out(const std::string& service, const WatchWork& work);
  Result<bool> sync(const std::string& service, const WatchWork& work);
  Result<> rebuild(const std::string& service);
  Result<> restart(const std::string& service);
  Result<> run_hook(const std::string& service, const Json& hook);
  Result<std::vector<std::string>> replicas_of(const std::string& service);

  Session session_;
  WatchOptions options_;
  Print print_;
  std::vector<WatchRule> rules_;
  std::optional<FileEvents> events_;
};

}  // namespace stack::cli
