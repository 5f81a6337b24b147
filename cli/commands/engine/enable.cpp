// `stack engine enable` and `disable`: whether systemd starts the engine, and with it containers, at boot.
#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr const char* kBootUnits[] = {"stack.socket", "stack.service", "stack-containers.service"};
constexpr const char* kUnitFolders[] = {"/etc/systemd/system", "/lib/systemd/system",
                                        "/usr/lib/systemd/system", "/usr/local/lib/systemd/system"};

bool unit_exists(const std::string& unit) {
  for (const char* folder : kUnitFolders)
    if (path_exists(std::string(folder) + "/" + unit)) return true;
  return false;
}

Result<> check_service_manager(const Session& session) {
  if (geteuid() != 0) return Error("only root can change what starts at boot; run this command with sudo");
  if (!path_exists("/run/systemd/system"))
    return unsupported("systemd does not run here; start this program at boot: " +
                       find_engine_program("/usr/libexec/stack", ""));
  EnginePlace place = session.place();
  if (place.root != "/var/lib/stack" || place.run_root != "/run/stack")
    return unsupported(
        "the units of systemd are for the engine of /var/lib/stack; this engine's state root is " +
        place.root);
  for (const char* unit : kBootUnits)
    if (!unit_exists(unit))
      return not_found(std::string(unit) + " is not installed; install the package or run `cmake --install`");
  return {};
}

Result<> run_systemctl(const std::string& verb) {
  SpawnRequest request;
  request.program = "systemctl";
  request.args = {"--quiet", verb, "--now"};
  for (const char* unit : kBootUnits) request.args.emplace_back(unit);
  TRY_ASSIGN(CapturedRun run, run_captured(std::move(request)));
  if (run.exit_code == 0) return {};
  return Error("systemctl " + verb + " failed: " + std::string(trim(run.output)));
}

Result<int> run_enable(Session& session, const Arguments&) {
  TRY(check_service_manager(session));
  if (session.globals().dry_run) {
    print_line("would run: systemctl enable --now " +
               join(std::vector<std::string>(std::begin(kBootUnits), std::end(kBootUnits)), " "));
    return 0;
  }
  TRY(run_systemctl("enable"));
  print_message("the engine starts at boot; containers start again according to their restart policies");
  return 0;
}

// Not --now: stopping stack-containers.service would stop all containers.
Result<int> run_disable(Session& session, const Arguments&) {
  TRY(check_service_manager(session));
  TRY(session.refuse_dry_run());
  SpawnRequest request;
  request.program = "systemctl";
  request.args = {"--quiet", "disable"};
  for (const char* unit : kBootUnits) request.args.emplace_back(unit);
  TRY_ASSIGN(CapturedRun run, run_captured(std::move(request)));
  if (run.exit_code != 0) return Error("systemctl disable failed: " + std::string(trim(run.output)));
  print_message("the engine no longer starts at boot; running containers are not stopped");
  return 0;
}

constexpr Example kEnableExamples[] = {{"sudo stack engine enable", "containers return after a reboot"}};
constexpr Example kDisableExamples[] = {{"sudo stack engine disable", "start nothing at boot"}};

}  // namespace

const Command kEngineEnable{
    .name = "engine enable",
    .aliases = {},
    .group = Group::Engine,
    .usage = "",
    .summary = "Start the engine at boot, and with it the containers that have a restart policy",
    .details = "Enables and starts stack.socket, stack.service, and stack-containers.service of systemd.",
    .examples = kEnableExamples,
    .flags = {},
    .most_words = 0,
    .run = run_enable,
};

const Command kEngineDisable{
    .name = "engine disable",
    .aliases = {},
    .group = Group::Engine,
    .usage = "",
    .summary = "Do not start the engine at boot; running containers are not stopped",
    .details = "",
    .examples = kDisableExamples,
    .flags = {},
    .most_words = 0,
    .run = run_disable,
};

}  // namespace stack::cli
