#include <signal.h>
#include <unistd.h>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"
#include "cli/flags/build_options.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/shell_words.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/session/attached_run.h"
#include "cli/session/attachment.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

constexpr Flag kRunFlags[] = {
    {0, "rm", FlagArity::Nothing, "", "Remove the container when it exits"},
    {'d', "detach", FlagArity::Nothing, "", "Run in the background and print the container's name"},
    {'e', "env", FlagArity::Values, "NAME=VALUE",
     "Environment variable; NAME alone takes the value of the shell or of .env"},
    {0, "env-from-file", FlagArity::Values, "FILE", "Environment variables from a file of NAME=VALUE lines"},
    {0, "entrypoint", FlagArity::Value, "COMMAND", "Override the image's entrypoint"},
    {'u', "user", FlagArity::Value, "USER", "User name or ID, optionally with :GROUP"},
    {'w', "workdir", FlagArity::Value, "DIR", "Working directory in the container"},
    {'v', "volume", FlagArity::Values, "SOURCE:TARGET", "Add a volume or bind mount"},
    {'p', "publish", FlagArity::Values, "HOST:PORT", "Publish a port"},
    {'P', "service-ports", FlagArity::Nothing, "", "Publish the service's ports"},
    {0, "name", FlagArity::Value, "NAME", "Name of the container"},
    kNoDepsFlag,
    {'i', "interactive", FlagArity::Nothing, "", "Keep stdin open (default: true)"},
    {'t', "tty", FlagArity::Nothing, "", "Allocate a terminal (default: if stdin and stdout are terminals)"},
    {'T', "no-tty", FlagArity::Nothing, "", "Do not allocate a terminal"},
    {'l', "label", FlagArity::Values, "KEY=VALUE", "Add a label"},
    {0, "use-aliases", FlagArity::Nothing, "", "Use the service's network aliases"},
    kBuildFlag,
    kPullFlag,
    {0, "cap-add", FlagArity::Values, "CAP", "Add a capability"},
    {0, "cap-drop", FlagArity::Values, "CAP", "Drop a capability"},
    kRemoveOrphansFlag,
    kQuietPullFlag,
    {0, "quiet-build", FlagArity::Nothing, "", "Do not show build output"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only the command's output"},
};
constexpr Example kRunExamples[] = {
    {"stack run --rm web flask db upgrade", "run a command in a new container of web"},
    {"stack run --rm -it web sh", "start the dependencies and open a shell"},
    {"stack run --rm --no-deps -T web env", "run without dependencies or a terminal"},
};

Result<std::vector<std::string>> variables_of_files(const Session& session, const Arguments& arguments) {
  std::vector<std::string> out;
  for (const std::string& file : arguments.all("env-from-file")) {
    TRY_ASSIGN(std::string text,
               read_file(absolute_path(session.current_directory(), file)).in("--env-from-file"));
    for (const std::string& line : split(text, '\n')) {
      std::string_view trimmed = trim(line);
      if (!trimmed.empty() && trimmed[0] != '#') out.emplace_back(trimmed);
    }
  }
  return out;
}

// A name alone takes its value from the project's environment, which includes .env files.
Result<std::vector<std::string>> environment_of(const Session& session, const Arguments& arguments,
                                                const ResolvedProject& project) {
  TRY_ASSIGN(std::vector<std::string> given, variables_of_files(session, arguments));
  std::vector<std::string> last = arguments.all("env");
  given.insert(given.end(), last.begin(), last.end());
  std::vector<std::string> out;
  for (const std::string& text : given) {
    if (text.find('=') != std::string::npos) {
      out.push_back(text);
      continue;
    }
    for (const std::string& known : project.environment)
      if (known.starts_with(text + "=")) out.push_back(known);
  }
  return out;
}

struct OneOff {
  std::string service;
  std::string name;
  bool tty = false;
  bool interactive = true;
  bool detach = false;
  bool remove = false;
};

Result<Json> run_options(const Session& session, const Arguments& arguments, const OneOff& one,
                         const ResolvedProject& project) {
  TRY_ASSIGN(auto environment, environment_of(session, arguments, project));
  Json options{{"env", environment},
               {"labels", arguments.all("label")},
               {"name", one.name},
               {"tty", one.tty},
               {"interactive", one.interactive},
               {"rm", one.remove},
               {"detach", one.detach},
               {"no_deps", arguments.is_set("no-deps")},
               {"service_ports", arguments.is_set("service-ports")},
               {"publish", arguments.all("publish")},
               {"volumes", arguments.all("volume")},
               {"use_aliases", arguments.is_set("use-aliases")},
               {"cap_add", arguments.all("cap-add")},
               {"cap_drop", arguments.all("cap-drop")},
               {"build", arguments.is_set("build")},
               {"pull", arguments.text("pull")},
               {"remove_orphans", arguments.is_set("remove-orphans")},
               {"build_options", build_options(session.environment(), session.current_directory())}};
  std::vector<std::string> command(arguments.words.begin() + 1, arguments.words.end());
  options["command"] = command.empty() ? Json() : Json(command);
  options["entrypoint"] = nullptr;
  if (arguments.given("entrypoint")) {
    TRY_ASSIGN(auto entrypoint, shell_words(arguments.text("entrypoint")).in("--entrypoint"));
    options["entrypoint"] = entrypoint;
  }
  if (arguments.given("user")) options["user"] = arguments.text("user");
  if (arguments.given("workdir")) options["workdir"] = arguments.text("workdir");
  return options;
}

OneOff one_off(const Arguments& arguments, const ResolvedProject& project) {
  OneOff one;
  one.service = arguments.words[0];
  one.detach = arguments.is_set("detach");
  bool terminals = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  one.tty = arguments.is_set("tty", true) && !arguments.is_set("no-tty") && terminals && !one.detach;
  one.interactive = arguments.is_set("interactive", true);
  one.remove = arguments.is_set("rm");
  // A name chosen here makes the request safe to repeat if the engine dies in between.
  one.name = arguments.text("name");
  if (one.name.empty()) {
    std::string separator = string_or(project.project, "separator", "-");
    one.name = join(std::vector<std::string>{project.name, one.service, "run", random_hex(6)}, separator);
  }
  return one;
}

Result<int> run_run(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(ResolvedProject project, load_for(session, {arguments.words[0]}, Contents::Read, Jobs::Run));
  OneOff one = one_off(arguments, project);
  TRY_ASSIGN(Json options, run_options(session, arguments, one, project));
  ProgressStyle style = progress_style(session);
  style.quiet_build = arguments.is_set("quiet-build");
  style.quiet_pull = arguments.is_set("quiet-pull");
  if (arguments.is_set("quiet")) style.mode = ProgressMode::Quiet;
  Change change{"run",
                project_path(project.name, "/run"),
                {{"project", project.project}, {"service", one.service}, {"options", options}}};
  if (session.globals().dry_run) return show_plan(session, change);
  ChangeResult result;
  {
    InterruptNotice notice(false);
    auto progress = make_progress(style, change.title);
    TRY_ASSIGN(result, follow_change(session, change, *progress));
  }
  std::string id = string_or(result.last, "id");
  // The container of a name chosen here is ours: an engine that died had created it.
  bool repeated = !result.ok && !arguments.given("name") &&
                  result.error.find(one.name) != std::string::npos &&
                  result.error.find("already in use") != std::string::npos;
  if (repeated) {
    TRY_ASSIGN(Json details, session.call("GET", "/containers/" + one.name + "/json"));
    id = string_or(details, "Id");
  } else if (!result.ok) {
    return say_result(session, result);
  }
  if (id.empty()) return Error("the engine did not create a container");
  if (!one.detach) {
    AttachedRunOptions attached;
    attached.tty = one.tty;
    attached.interactive = one.interactive;
    attached.remove = one.remove;
    return run_attached(session, id, attached);
  }
  auto started = session.call("POST", "/containers/" + id + "/start");
  if (!started) {
    print_message("stack: " + started.error().text());
    return start_failure_code(started.error(), kExitError);
  }
  print_line(id);
  return 0;
}

}  // namespace

const Command kRun{
    .name = "run",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] SERVICE [COMMAND] [ARG...]",
    .summary = "Run a command in a new container of a service",
    .details =
        "The dependencies of the service are started first. Ports are published only with -P or -p.\n"
        "The exit code is the command's; 126 if it cannot be executed, 127 if it is not found.",
    .examples = kRunExamples,
    .flags = kRunFlags,
    .least_words = 1,
    .stop_at_first_word = true,
    .words_are_services = true,
    .run = run_run,
};

}  // namespace stack::cli
