// develop.watch: matches changed files with rules and computes the work for a batch of changes. Pure, except that
// it reads .dockerignore. https://github.com/compose-spec/compose-spec/blob/main/develop.md
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
  Json exec;            // hook of SyncExec
  IgnoreRules ignore;   // relative to path
  IgnoreRules include;  // relative to path; empty = everything
  std::string context;  // build context of the service, "" = none
  IgnoreRules dockerignore;

  bool syncs() const { return action != WatchAction::Rebuild && action != WatchAction::Restart; }
  // Whether a change of this path matches the rule. Temporary files of editors and .git never match.
  bool concerns(const std::string& changed) const;
  // Whether no path below this directory can match.
  bool skips_directory(const std::string& directory) const;
  // The file's path in the container.
  std::string target_of(const std::string& changed) const;
};

// The rules of the given services (all if none is given) in the loader's project. Invalid rules are errors.
// `warnings` lists rules skipped because a bind mount already makes the files visible.
Result<std::vector<WatchRule>> watch_rules(const Json& project, const std::vector<std::string>& services,
                                           std::vector<std::string>& warnings);

// The work for one service.
struct WatchWork {
  bool rebuild = false;  // if set, the other members are not used
  bool restart = false;
  std::vector<Json> execs;                                  // hooks, in the order of the rules
  std::vector<std::pair<std::string, std::string>> copies;  // host path, container path
  std::vector<std::string> removals;                        // container paths
  bool empty() const { return !rebuild && !restart && execs.empty() && copies.empty() && removals.empty(); }
};

// The work by service. `exists` returns whether a path exists now.
std::map<std::string, WatchWork> work_for(const std::vector<WatchRule>& rules,
                                          const std::set<std::string>& changed,
                                          const std::function<bool(const std::string&)>& exists);

// Temporary files that editors create next to a file: ".main.py.swp", "main.py~", "4913".
bool is_editor_file(std::string_view name);

}  // namespace stack::cli
