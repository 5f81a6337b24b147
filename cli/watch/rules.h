// develop.watch: which changed file concerns which rule, and what is to be done for a batch of changes. Pure
// but for reading .dockerignore. https://github.com/compose-spec/compose-spec/blob/main/develop.md
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/json.h"
#include "base/result.h"

namespace stack::cli {

enum class WatchAction { Rebuild, Restart, Sync, SyncRestart, SyncExec };

struct WatchRule {
  std::string service;
  std::string path;  // absolute: a file or a directory
  WatchAction action = WatchAction::Sync;
  std::string target;  // absolute path in the container
  bool initial_sync = false;
  Json exec;            // of SyncExec
  IgnoreRules ignore;   // relative to path
  IgnoreRules include;  // the same; empty = everything
  std::string context;  // of the service's build, "" = none
  IgnoreRules dockerignore;

  bool syncs() const { return action != WatchAction::Rebuild && action != WatchAction::Restart; }
  // Whether a change of this path concerns the rule. Editors' temporary files and .git never do.
  bool concerns(const std::string& changed) const;
  // Nothing below this directory can concern it.
  bool skips_directory(const std::string& directory) const;
  // Where the file goes.
  std::string target_of(const std::string& changed) const;
};

// The rules of these services (none named: all) in the project as the loader writes it. Errors: a rule that
// cannot work. `warnings`: rules left out because a bind mount shows the files anyway.
Result<std::vector<WatchRule>> watch_rules(const Json& project, const std::vector<std::string>& services,
                                           std::vector<std::string>& warnings);

// What to do for one service.
struct WatchWork {
  bool rebuild = false;  // then nothing else
  bool restart = false;
  std::vector<Json> execs;                                  // hooks, in the order of the rules
  std::vector<std::pair<std::string, std::string>> copies;  // host path, container path
  std::vector<std::string> removals;                        // container paths
  bool empty() const { return !rebuild && !restart && execs.empty() && copies.empty() && removals.empty(); }
};

// By service. `exists` tells whether a path is there now.
std::map<std::string, WatchWork> work_for(const std::vector<WatchRule>& rules,
                                          const std::set<std::string>& changed,
                                          const std::function<bool(const std::string&)>& exists);

// ".main.py.swp", "main.py~", "4913": what editors write beside the file that is meant.
bool is_editor_file(std::string_view name);

}  // namespace stack::cli
