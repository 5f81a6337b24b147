// delete: removes a stopped container, or with --force any container.
#include <regex.h>

#include <algorithm>

#include "runtime/oci/launch.h"
#include "runtime/oci/log.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kDeleteFlags[] = {
    {"force", 'f', FlagKind::Switch, "", "kill a running container; ignore missing containers"},
    {"regex", 'r', FlagKind::Switch, "",
     "treat arguments as POSIX extended regular expressions for container IDs"},
};

Result<> remove_one(const GlobalOptions& global, const std::string& id, bool force) {
  Result<FoundContainer> container = find_container(global.root, id, true);
  if (!container && force && container.error().kind() == ErrorKind::NotFound) return {};
  TRY(container);
  if (!force) TRY(check_allowed(Operation::Delete, container->status, id));
  return destroy_container(container->directory, container->state);
}

// The containers whose ID matches (regexec(3)).
Result<std::vector<std::string>> matching(const std::string& root, const std::vector<std::string>& patterns) {
  TRY_ASSIGN(std::vector<std::string> ids, list_containers(root));
  std::vector<std::string> out;
  for (const std::string& pattern : patterns) {
    regex_t compiled;
    if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      return invalid("--regex: not a regular expression: \"" + pattern + "\"");
    for (const std::string& id : ids) {
      bool known = std::find(out.begin(), out.end(), id) != out.end();
      if (!known && ::regexec(&compiled, id.c_str(), 0, nullptr, 0) == 0) out.push_back(id);
    }
    ::regfree(&compiled);
  }
  return out;
}

Result<int> remove(const GlobalOptions& global, const Arguments& arguments) {
  std::vector<std::string> ids = arguments.words();
  if (arguments.is_set("regex")) {
    TRY_ASSIGN(ids, matching(global.root, arguments.words()));
  }
  int code = 0;
  for (const std::string& id : ids) {
    Result<> removed = remove_one(global, id, arguments.is_set("force"));
    if (removed) continue;
    log(Level::Error, removed.error().text());
    code = 1;
  }
  return code;
}

}  // namespace

const Command kDelete = {
    "delete", "[flags] ID...", "remove a stopped container", kDeleteFlags, FlagOrder::Anywhere, 1, 1000,
    false,    remove};

}  // namespace stack::runtime::oci
