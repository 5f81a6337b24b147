// docker exec, attach, start.
#include <unistd.h>

#include "cli/commands/docker/container_request.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "cli/session/attach_to_running.h"
#include "cli/session/exec_run.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kExecFlags[] = {
    {'d', "detach", FlagArity::Nothing, "", "Run the command in the background"},
    {0, "detach-keys", FlagArity::Value, "string", "Key sequence for detaching from the container"},
    {'e', "env", FlagArity::Values, "list", "Set an environment variable"},
    {0, "env-file", FlagArity::Values, "list", "Read environment variables from a file"},
    {'i', "interactive", FlagArity::Nothing, "", "Keep stdin open even if it is not attached"},
    {0, "privileged", FlagArity::Nothing, "", "Give the command all privileges"},
    {'t', "tty", FlagArity::Nothing, "", "Allocate a pseudo-TTY"},
    {'u', "user", FlagArity::Value, "string", "User name or UID, optionally with :GROUP"},
    {'w', "workdir", FlagArity::Value, "string", "Working directory in the container"},
};
constexpr Example kExecExamples[] = {{"docker exec -it web sh", "open a shell in a running container"}};

Result<Json> exec_body(const Session& session, const Arguments& arguments) {
  std::vector<std::string> environment;
  for (const std::string& file : arguments.all("env-file")) {
    TRY_ASSIGN(auto lines, environment_file(session, file));
    environment.insert(environment.end(), lines.begin(), lines.end());
  }
  for (std::string& text : resolved_environment(session, arguments.all("env")))
    environment.push_back(std::move(text));
  bool attached = !arguments.is_set("detach");
  return Json{{"AttachStdin", attached && arguments.is_set("interactive")},
              {"AttachStdout", attached},
              {"AttachStderr", attached},
              {"Tty", arguments.is_set("tty")},
              {"Env", environment},
              {"Privileged", arguments.is_set("privileged")},
              {"User", arguments.text("user")},
              {"WorkingDir", arguments.text("workdir")},
              {"DetachKeys", arguments.text("detach-keys")},
              {"Cmd", std::vector<std::string>(arguments.words.begin() + 1, arguments.words.end())}};
}

Result<DetachKeys> detach_keys(const Arguments& arguments) {
  return DetachKeys::parse(arguments.text("detach-keys", kDefaultDetachKeys));
}

Result<int> run_exec(Session& session, const Arguments& arguments) {
  if (arguments.is_set("tty") && arguments.is_set("interactive") && !arguments.is_set("detach") &&
      ::isatty(STDIN_FILENO) != 1)
    return Error("the input device is not a TTY");
  TRY_ASSIGN(Json body, exec_body(session, arguments));
  if (!arguments.is_set("detach")) {
    ExecRunOptions options{arguments.is_set("tty"), arguments.is_set("interactive"), {}, daemon_error};
    TRY_ASSIGN(options.detach_keys, detach_keys(arguments));
    return run_exec_attached(session, http::percent_encode(arguments.words[0]), body, options);
  }
  TRY_ASSIGN(Json created, ask(session, "POST", container_path(arguments.words[0], "/exec"), body));
  std::string path = "/exec/" + string_or(created, "Id");
  TRY_ASSIGN(Json started,
             ask(session, "POST", path + "/start", {{"Detach", true}, {"Tty", arguments.is_set("tty")}}));
  return 0;
}

constexpr Flag kAttachFlags[] = {
    {0, "detach-keys", FlagArity::Value, "string", "Key sequence for detaching from the container"},
    {0, "no-stdin", FlagArity::Nothing, "", "Do not attach stdin"},
    {0, "sig-proxy", FlagArity::Nothing, "", "Forward signals to the process (default true)"},
};

struct AttachTarget {
  std::string path;
  bool tty = false;
  bool stdin_wanted = false;
};

Result<AttachmentEnd> attach(Session& session, const Arguments& arguments, const AttachTarget& target,
                             const std::function<Result<>()>& attached) {
  Attachment attachment;
  attachment.tty = target.tty;
  TRY_ASSIGN(attachment.detach_keys, detach_keys(arguments));
  if (!target.tty && arguments.is_set("sig-proxy", true)) {
    attachment.on_signal = [&session, path = target.path](int signal) {
      (void)session.call("POST", path + "/kill?signal=" + std::to_string(signal));
    };
  }
  RunningAttachment running{target.path, target.stdin_wanted, attached, daemon_error};
  return attach_to_running(session, running, std::move(attachment));
}

Result<int> exit_code(Session& session, const std::string& path) {
  TRY_ASSIGN(Json details, ask(session, "GET", path + "/json"));
  const Json& state = member(details, "State");
  return bool_or(state, "Running") ? 0 : static_cast<int>(int_or(state, "ExitCode"));
}

Result<int> run_attach(Session& session, const Arguments& arguments) {
  std::string path = container_path(arguments.words[0]);
  TRY_ASSIGN(Json details, ask(session, "GET", path + "/json"));
  const Json& state = member(details, "State");
  if (bool_or(state, "Paused")) return Error("cannot attach to a paused container, unpause it first");
  if (bool_or(state, "Restarting"))
    return Error("cannot attach to a restarting container, wait until it is running");
  if (!bool_or(state, "Running")) return Error("cannot attach to a stopped container, start it first");
  const Json& config = member(details, "Config");
  AttachTarget target{path, bool_or(config, "Tty"),
                      bool_or(config, "OpenStdin") && !arguments.is_set("no-stdin")};
  if (target.tty && target.stdin_wanted && ::isatty(STDIN_FILENO) != 1)
    return Error("the input device is not a TTY");
  TRY_ASSIGN(AttachmentEnd end, attach(session, arguments, target, [] { return Result<>(); }));
  if (end == AttachmentEnd::Detached) {
    print_message("read escape sequence");
    return 1;
  }
  return exit_code(session, path);
}

constexpr Flag kStartFlags[] = {
    {'a', "attach", FlagArity::Nothing, "", "Attach stdout and stderr and forward signals"},
    {0, "detach-keys", FlagArity::Value, "string", "Key sequence for detaching from the container"},
    {'i', "interactive", FlagArity::Nothing, "", "Attach stdin"},
};

Result<int> start_attached(Session& session, const Arguments& arguments) {
  if (arguments.words.size() > 1) return Error("you cannot start and attach multiple containers at once");
  std::string path = container_path(arguments.words[0]);
  TRY_ASSIGN(Json details, ask(session, "GET", path + "/json"));
  const Json& config = member(details, "Config");
  AttachTarget target{path, bool_or(config, "Tty"),
                      bool_or(config, "OpenStdin") && arguments.is_set("interactive")};
  TRY_ASSIGN(AttachmentEnd end, attach(session, arguments, target, [&]() -> Result<> {
               TRY_ASSIGN(Json started, ask(session, "POST", path + "/start"));
               return {};
             }));
  if (end == AttachmentEnd::Detached) return 0;
  // The stream ends a moment before the engine knows the exit code.
  TRY_ASSIGN(Json exit, ask(session, "POST", path + "/wait"));
  return static_cast<int>(int_or(exit, "StatusCode"));
}

Result<int> run_start(Session& session, const Arguments& arguments) {
  if (arguments.is_set("attach") || arguments.is_set("interactive"))
    return start_attached(session, arguments);
  std::vector<std::string> failed;
  for (const std::string& name : arguments.words) {
    auto started = ask(session, "POST", container_path(name, "/start"));
    if (started) {
      print_line(name);
    } else {
      print_message(started.error().text());
      failed.push_back(name);
    }
  }
  if (failed.empty()) return 0;
  std::string names;
  for (const std::string& name : failed) names += (names.empty() ? "" : ", ") + name;
  print_message("Error: failed to start containers: " + names);
  return kExitError;
}

constexpr std::string_view kExecAliases[] = {"exec"};
constexpr std::string_view kAttachAliases[] = {"attach"};
constexpr std::string_view kStartAliases[] = {"start"};

}  // namespace

const Command kExec{
    .name = "container exec",
    .aliases = kExecAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
    .summary = "Run a command in a running container",
    .details = "",
    .examples = kExecExamples,
    .flags = kExecFlags,
    .least_words = 2,
    .stop_at_first_word = true,
    .run = run_exec,
};

const Command kAttach{
    .name = "container attach",
    .aliases = kAttachAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Attach to the input, output, and error streams of a running container",
    .details = "",
    .examples = {},
    .flags = kAttachFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_attach,
};

const Command kStart{
    .name = "container start",
    .aliases = kStartAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Start stopped containers",
    .details = "",
    .examples = {},
    .flags = kStartFlags,
    .least_words = 1,
    .run = run_start,
};

}  // namespace stack::cli::docker_cli
