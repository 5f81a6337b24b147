#include "cli/watch/rules.h"

#include <algorithm>
#include <optional>

#include "base/files.h"
#include "base/text.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

// "a/b" for /x/a/b below /x, "" for /x itself, nullopt outside.
std::optional<std::string> relative_to(const std::string& directory, const std::string& path) {
  if (path == directory) return std::string();
  if (directory == "/") return path.substr(1);
  if (!path.starts_with(directory + "/")) return std::nullopt;
  return path.substr(directory.size() + 1);
}

bool is_in_git(const std::string& path) {
  return path.find("/.git/") != std::string::npos || path.ends_with("/.git");
}

Result<WatchAction> action_of(const std::string& text) {
  if (text == "rebuild") return WatchAction::Rebuild;
  if (text == "restart") return WatchAction::Restart;
  if (text == "sync") return WatchAction::Sync;
  if (text == "sync+restart") return WatchAction::SyncRestart;
  if (text == "sync+exec") return WatchAction::SyncExec;
  return invalid("unknown watch action \"" + text + "\"");
}

Result<IgnoreRules> dockerignore_of(const Json& build) {
  std::string context = string_or(build, "context");
  if (context.empty()) return IgnoreRules();
  std::string dockerfile = string_or(build, "dockerfile", "Dockerfile");
  for (const std::string& file :
       {absolute_path(context, dockerfile) + ".dockerignore", context + "/.dockerignore"}) {
    if (!path_exists(file)) continue;
    TRY_ASSIGN(std::string text, read_file(file));
    return IgnoreRules::parse(text).in(file);
  }
  return IgnoreRules();
}

// The bind mount that already makes the path visible in the container, or "".
std::string bind_over(const Json& service, const std::string& path) {
  for (const Json& volume : items_of(member(service, "volumes"))) {
    std::string source = clean_path(string_or(volume, "source"));
    if (string_or(volume, "type") == "bind" && relative_to(source, path)) return source;
  }
  return {};
}

Result<WatchRule> rule_of(const std::string& name, const Json& service, const Json& text) {
  WatchRule rule;
  rule.service = name;
  rule.path = clean_path(string_or(text, "path"));
  TRY_ASSIGN(rule.action, action_of(string_or(text, "action")));
  rule.target = clean_path(string_or(text, "target"));
  rule.initial_sync = bool_or(text, "initial_sync");
  rule.exec = member(text, "exec");
  TRY_ASSIGN(rule.ignore, IgnoreRules::from_patterns(strings_of(member(text, "ignore"))));
  TRY_ASSIGN(rule.include, IgnoreRules::from_patterns(strings_of(member(text, "include"))));
  const Json& build = member(service, "build");
  rule.context = string_or(build, "context");
  TRY_ASSIGN(rule.dockerignore, dockerignore_of(build));
  if (!path_exists(rule.path)) return not_found("watch path " + rule.path + " does not exist");
  if (rule.action == WatchAction::Rebuild && !build.is_object())
    return invalid("watch action rebuild requires a build section");
  if (rule.syncs() && !rule.target.starts_with('/'))
    return invalid("watch target \"" + rule.target + "\" must be an absolute path");
  return rule;
}

void add_once(std::vector<Json>& list, const Json& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

}  // namespace

bool is_editor_file(std::string_view name) {
  static constexpr std::string_view kEndings[] = {
      "~", ".swp", ".swo", ".swx", ".swpx", ".tmp~", ".kate-swp", "___jb_tmp___", "___jb_old___", ".crswap"};
  for (std::string_view ending : kEndings)
    if (name.ends_with(ending)) return true;
  bool emacs = name.starts_with(".#") || (name.size() > 1 && name.starts_with('#') && name.ends_with('#'));
  return emacs || name == "4913" || name.starts_with(".goutputstream-");
}

bool WatchRule::concerns(const std::string& changed) const {
  auto relative = relative_to(path, changed);
  if (!relative || is_in_git(changed) || is_editor_file(base_name(changed))) return false;
  if (relative->empty()) return true;
  if (ignore.excluded(*relative)) return false;
  if (!include.empty() && !include.excluded(*relative)) return false;
  if (context.empty() || dockerignore.empty()) return true;
  auto in_context = relative_to(context, changed);
  return !in_context || in_context->empty() || !dockerignore.excluded(*in_context);
}

bool WatchRule::skips_directory(const std::string& directory) const {
  if (is_in_git(directory)) return true;
  auto relative = relative_to(path, directory);
  if (!relative) return true;
  if (relative->empty()) return false;
  if (ignore.excluded(*relative) && !ignore.may_reinclude_below(*relative)) return true;
  auto in_context = context.empty() ? std::nullopt : relative_to(context, directory);
  return in_context && !in_context->empty() && dockerignore.excluded(*in_context) &&
         !dockerignore.may_reinclude_below(*in_context);
}

std::string WatchRule::target_of(const std::string& changed) const {
  std::string relative = relative_to(path, changed).value_or("");
  return relative.empty() ? target : clean_path(target + "/" + relative);
}

Result<std::vector<WatchRule>> watch_rules(const Json& project, const std::vector<std::string>& services,
                                           std::vector<std::string>& warnings) {
  std::vector<WatchRule> rules;
  for (const auto& [name, service] : member(project, "services").items()) {
    bool wanted = services.empty() || std::find(services.begin(), services.end(), name) != services.end();
    if (!wanted) continue;
    for (const Json& text : items_of(member(member(service, "develop"), "watch"))) {
      TRY_ASSIGN(WatchRule rule, rule_of(name, service, text).in("service " + name));
      std::string bind = rule.syncs() ? bind_over(service, rule.path) : "";
      if (bind.empty()) {
        rules.push_back(std::move(rule));
      } else {
        warnings.push_back("service " + name + ": " + rule.path + " is not watched, because the bind mount " +
                           bind + " already makes it visible in the container");
      }
    }
  }
  return rules;
}

std::map<std::string, WatchWork> work_for(const std::vector<WatchRule>& rules,
                                          const std::set<std::string>& changed,
                                          const std::function<bool(const std::string&)>& exists) {
  std::map<std::string, WatchWork> all;
  for (const WatchRule& rule : rules) {
    WatchWork work;
    for (const std::string& path : changed) {
      if (!rule.concerns(path)) continue;
      work.rebuild = work.rebuild || rule.action == WatchAction::Rebuild;
      work.restart =
          work.restart || rule.action == WatchAction::Restart || rule.action == WatchAction::SyncRestart;
      if (rule.action == WatchAction::SyncExec) add_once(work.execs, rule.exec);
      if (!rule.syncs()) continue;
      if (exists(path)) {
        work.copies.emplace_back(path, rule.target_of(path));
      } else {
        work.removals.push_back(rule.target_of(path));
      }
    }
    if (work.empty()) continue;
    WatchWork& total = all[rule.service];
    total.rebuild = total.rebuild || work.rebuild;
    total.restart = total.restart || work.restart;
    for (const Json& exec : work.execs) add_once(total.execs, exec);
    total.copies.insert(total.copies.end(), work.copies.begin(), work.copies.end());
    total.removals.insert(total.removals.end(), work.removals.begin(), work.removals.end());
  }
  for (auto& [service, work] : all) {
    if (!work.rebuild) continue;
    work = WatchWork{};
    work.rebuild = true;
  }
  return all;
}

}  // namespace stack::cli
