// `stack system reset`: removes everything of one engine.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/directory.h"
#include "base/files.h"
#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/render/question.h"
#include "cli/session/member.h"
#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kResetFlags[] = {{'f', "force", FlagArity::Nothing, "", "Skip confirmation"}};
constexpr Example kResetExamples[] = {{"stack system reset", "start again from nothing, after one question"}};
constexpr int kLockAttempts = 100;
constexpr std::chrono::milliseconds kLockPause{100};

struct Inventory {
  std::vector<std::string> containers;  // IDs
  std::vector<std::string> networks;    // IDs
  size_t volumes = 0;
  size_t images = 0;
};

Result<Inventory> take_inventory(Session& session) {
  Inventory found;
  TRY_ASSIGN(Json containers, session.call("GET", "/containers/json?all=1"));
  for (const Json& one : items_of(containers)) found.containers.push_back(string_or(one, "Id"));
  TRY_ASSIGN(Json networks, session.call("GET", "/networks"));
  for (const Json& one : items_of(networks)) {
    std::string name = string_or(one, "Name");
    if (name != "bridge" && name != "host" && name != "none") found.networks.push_back(string_or(one, "Id"));
  }
  TRY_ASSIGN(Json volumes, session.call("GET", "/volumes"));
  for (const Json& one : items_of(member(volumes, "Volumes"))) found.volumes += one.is_object() ? 1 : 0;
  TRY_ASSIGN(Json images, session.call("GET", "/images/json"));
  for (const Json& one : items_of(images)) found.images += one.is_object() ? 1 : 0;
  return found;
}

std::string counted(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string inventory_text(const Inventory& found, const std::string& root) {
  return counted(found.containers.size(), "container") + ", " + counted(found.networks.size(), "network") +
         ", " + counted(found.volumes, "volume") + " with all data, " + counted(found.images, "image") +
         ", and the build cache in " + root;
}

// A wrong --root must not remove somebody's files.
Result<> check_state_root(const std::string& root) {
  if (path_exists(root + "/engine.lock") && path_exists(root + "/state.db")) return {};
  return invalid(root + " is not the state root of an engine; nothing was removed");
}

Result<> remove_objects(Session& session, const Inventory& found) {
  for (const std::string& id : found.containers) {
    auto removed = session.call("DELETE", "/containers/" + id + "?force=1");
    if (!removed && removed.error().kind() != ErrorKind::NotFound) return std::move(removed).error();
  }
  for (const std::string& id : found.networks) {
    auto removed = session.call("DELETE", "/networks/" + id);
    if (!removed && removed.error().kind() != ErrorKind::NotFound) return std::move(removed).error();
  }
  return {};
}

Result<FileLock> lock_stopped_engine(Session& session) {
  std::string path = session.place().root + "/engine.lock";
  for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
    if (auto client = connect_running(session.place())) (void)client->call_json("POST", "/stack/v1/shutdown");
    TRY_ASSIGN(std::optional<FileLock> lock, FileLock::try_acquire(path));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(kLockPause);
  }
  return conflict("the engine does not stop; nothing more was removed (see `stack engine logs`)");
}

Result<> remove_state(const std::string& root) {
  TRY_ASSIGN(std::vector<std::string> names, names_in(root));
  for (const std::string& name : names)
    if (name != "engine.lock") TRY(remove_tree(root + "/" + name).in("state root"));
  return {};
}

Result<int> run_reset(Session& session, const Arguments& arguments) {
  if (geteuid() != 0) return Error("`system reset` needs root; run it with sudo");
  TRY_ASSIGN(Inventory found, take_inventory(session));
  std::string root = session.place().root;
  TRY(check_state_root(root));
  if (session.globals().dry_run) {
    print_line("would remove " + inventory_text(found, root));
    return 0;
  }
  if (!arguments.is_set("force")) {
    print_message("WARNING! This will remove " + inventory_text(found, root) + ".");
    TRY_ASSIGN(bool yes, ask("Are you sure?"));
    if (!yes) return kExitError;
  }
  TRY(remove_objects(session, found));
  TRY_ASSIGN(FileLock lock, lock_stopped_engine(session));
  TRY(remove_state(root));
  print_line("Removed " + inventory_text(found, root));
  return 0;
}

}  // namespace

const Command kSystemReset{
    .name = "system reset",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Remove all containers, networks, volumes, images, and caches",
    .details = "Settings in /etc/stack and credentials in the home directory stay.",
    .examples = kResetExamples,
    .flags = kResetFlags,
    .most_words = 0,
    .run = run_reset,
};

}  // namespace stack::cli
