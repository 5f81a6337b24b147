#include <unistd.h>

#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/attachment.h"
#include "cli/session/exec_run.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

constexpr Flag kExecFlags[] = {
    {'d', "detach", FlagArity::Nothing, "", "Run in the background"},
    {'i', "interactive", FlagArity::Nothing, "", "Keep stdin open (default: true)"},
    {'t', "tty", FlagArity::Nothing, "", "Allocate a terminal (default: if stdin and stdout are terminals)"},
    {'T', "no-tty", FlagArity::Nothing, "", "Do not allocate a terminal"},
    {'e', "env", FlagArity::Values, "NAME=VALUE",
     "Environment variable; NAME alone takes the caller's value"},
    {'u', "user", FlagArity::Value, "USER", "User name or ID, optionally with :GROUP"},
    {'w', "workdir", FlagArity::Value, "DIR", "Working directory in the container"},
    {0, "privileged", FlagArity::Nothing, "", "Give the process all capabilities"},
    kIndexFlag,
    {0, "detach-keys", FlagArity::Value, "KEYS",
     "Keys that detach and leave the process running (default: ctrl-p,ctrl-q)"},
};
constexpr Example kExecExamples[] = {
    {"stack exec web sh", "open a shell in the running container of web"},
    {"stack exec -T db pg_dump shop > shop.sql", "redirect the output: no terminal"},
    {"stack exec -u root -w /etc web ls -l", "run as another user, in another directory"},
    {"stack exec --index 2 web hostname", "run in the second replica"},
};

// "NAME" becomes "NAME=value" from the caller's environment, and is dropped if it is not set there.
std::vector<std::string> environment_of(const Session& session, const std::vector<std::string>& given) {
  std::vector<std::string> out;
  for (const std::string& text : given) {
    if (text.find('=') != std::string::npos) {
      out.push_back(text);
    } else if (auto found = session.environment().find(text); found != session.environment().end()) {
      out.push_back(text + "=" + found->second);
    }
  }
  return out;
}

Result<int> run_exec(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  auto keys = DetachKeys::parse(arguments.text("detach-keys", kDefaultDetachKeys));
  if (!keys) return session.usage_error(keys.error().text());
  std::string service = arguments.words[0];
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(Container container, find_container(session, project_name, service, index->value_or(0)));

  ExecRunOptions exec;
  bool detach = arguments.is_set("detach");
  bool terminals = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  exec.tty = arguments.is_set("tty", true) && !arguments.is_set("no-tty") && terminals && !detach;
  exec.interactive = arguments.is_set("interactive", true) && !detach;
  exec.detach_keys = *keys;
  std::vector<std::string> command(arguments.words.begin() + 1, arguments.words.end());
  Json body{{"AttachStdin", exec.interactive},
            {"AttachStdout", !detach},
            {"AttachStderr", !detach},
            {"Tty", exec.tty},
            {"Cmd", command},
            {"Privileged", arguments.is_set("privileged")}};
  std::vector<std::string> environment = environment_of(session, arguments.all("env"));
  if (!environment.empty()) body["Env"] = environment;
  if (arguments.given("user")) body["User"] = arguments.text("user");
  if (arguments.given("workdir")) body["WorkingDir"] = arguments.text("workdir");
  if (!detach) return run_exec_attached(session, container.id, body, exec);
  TRY_ASSIGN(Json created, session.call("POST", "/containers/" + container.id + "/exec", body));
  auto started = session.call("POST", "/exec/" + string_or(created, "Id") + "/start", {{"Detach", true}, {"Tty", false}});
  if (started) return 0;
  print_message("stack: " + started.error().text());
  return start_failure_code(started.error(), kExitError);
}

}  // namespace

const Command kExec{
    .name = "exec",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] SERVICE COMMAND [ARG...]",
    .summary = "Run a command in a running container",
    .details = "The exit code is the command's; 126 if it cannot be executed, 127 if it is not found.",
    .examples = kExecExamples,
    .flags = kExecFlags,
    .least_words = 2,
    .stop_at_first_word = true,
    .words_are_services = true,
    .run = run_exec,
};

}  // namespace stack::cli
