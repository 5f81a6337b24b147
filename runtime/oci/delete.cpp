// delete: removes a stopped container; with --force, any.
#include "runtime/oci/launch.h"
#include "runtime/oci/log.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kFlags[] = {
    {"force", 'f', FlagKind::Switch, "", "kill what still runs; no error where there is no such container"},
    {"regex", 'r', FlagKind::Switch, "", "refused: name the containers one by one"},
};

Result<> remove_one(const GlobalOptions& global, const std::string& id, bool force) {
  Result<FoundContainer> container = find_container(global.root, id, true);
  if (!container && force && container.error().kind() == ErrorKind::NotFound) return {};
  TRY(container);
  if (!force) TRY(check_allowed(Operation::Delete, container->status, id));
  return destroy_container(container->directory, container->state);
}

Result<int> remove(const GlobalOptions& global, const Arguments& arguments) {
  if (arguments.on("regex")) return unsupported("delete --regex");
  int code = 0;
  for (const std::string& id : arguments.words()) {
    Result<> removed = remove_one(global, id, arguments.on("force"));
    if (removed) continue;
    log(Level::Error, removed.error().text());
    code = 1;
  }
  return code;
}

}  // namespace

const Command kDelete = {
    "delete", "[flags] ID...", "remove a stopped container", kFlags, FlagOrder::Anywhere, 1, 1000,
    false,    remove};

}  // namespace stack::runtime::oci
