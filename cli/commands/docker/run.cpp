// docker run, create: a new container; pulls a missing image.
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/commands/docker/container_flags.h"
#include "cli/commands/docker/container_request.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/commands/docker/pull_image.h"
#include "cli/render/output.h"
#include "cli/session/attached_run.h"
#include "cli/session/attachment.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

std::span<const Flag> run_flags() {
  static const std::vector<Flag> flags = [] {
    std::vector<Flag> all(container_flags().begin(), container_flags().end());
    all.push_back(
        {'d', "detach", FlagArity::Nothing, "", "Run in the background and print the container's ID"});
    all.push_back(
        {0, "detach-keys", FlagArity::Value, "string", "Key sequence for detaching from the container"});
    all.push_back({0, "sig-proxy", FlagArity::Nothing, "", "Forward signals to the process (default true)"});
    return all;
  }();
  return flags;
}

constexpr Example kRunExamples[] = {
    {"docker run -it --rm debian:bookworm-slim bash", "open a shell in a new container"}};
constexpr Example kCreateExamples[] = {
    {"docker create --name web nginx", "create a container to start later"}};

// Adds the last line of errors of `run` and `create`: a pointer to the help.
Error run_error(const Session& session, const std::string& text) {
  return Error("docker: " + text + "\n\nRun 'docker " + std::string(session.command().name.substr(10)) +
               " --help' for more information");
}

Result<> check_pull_policy(const std::string& policy) {
  if (policy.empty() || policy == "always" || policy == "missing" || policy == "never") return {};
  return invalid("invalid pull option: '" + policy + R"(': must be one of "always", "missing" or "never")");
}

Result<Json> post_create(Session& session, const Arguments& arguments, const Json& body) {
  http::Query query;
  if (arguments.given("name")) query.add("name", arguments.text("name"));
  if (arguments.given("platform")) query.add("platform", arguments.text("platform"));
  return session.call("POST", "/containers/create" + query.text(), body);
}

bool is_missing_image(const Error& error) {
  return error.kind() == ErrorKind::NotFound &&
         lower(error.text()).find("no such image") != std::string::npos;
}

// The container's ID. Pulls by --pull; a missing image is announced as Docker's client does.
Result<std::string> create_container(Session& session, const Arguments& arguments, const Json& body) {
  std::string image = arguments.words[0];
  std::string policy = arguments.text("pull", "missing");
  TRY(check_pull_policy(policy));
  PullRequest pull{image, arguments.text("platform"), STDERR_FILENO, arguments.is_set("quiet")};
  if (policy == "always") TRY(pull_image(session, pull));
  auto created = post_create(session, arguments, body);
  if (!created && policy == "missing" && is_missing_image(created.error())) {
    if (!pull.quiet) print_message("Unable to find image '" + with_default_tag(image) + "' locally");
    TRY(pull_image(session, pull));
    created = post_create(session, arguments, body);
  }
  if (!created) return daemon_error(created.error());
  for (const std::string& warning : strings_of(member(*created, "Warnings")))
    print_message("WARNING: " + warning);
  return string_or(*created, "Id");
}

Result<> write_cidfile(const Session& session, const Arguments& arguments, const std::string& id) {
  if (!arguments.given("cidfile")) return {};
  return write_file(absolute_path(session.current_directory(), arguments.text("cidfile")), id);
}

Result<> check_cidfile(const Session& session, const Arguments& arguments) {
  std::string path = absolute_path(session.current_directory(), arguments.text("cidfile"));
  if (arguments.given("cidfile") && path_exists(path))
    return invalid("container ID file found, make sure the other container isn't running or delete " +
                   arguments.text("cidfile"));
  return {};
}

Result<std::string> create(Session& session, const Arguments& arguments, Json& body) {
  TRY(check_cidfile(session, arguments));
  TRY_ASSIGN(body, container_body(session, arguments));
  TRY_ASSIGN(std::string id, create_container(session, arguments, body));
  TRY(write_cidfile(session, arguments, id));
  return id;
}

// Failures that Docker's client finds before it asks the engine.
bool is_usage_failure(const Error& error) {
  std::string text = error.text();
  return text.starts_with("invalid argument \"") ||
         text.ends_with("cannot specify both --attach and --detach");
}

int print_failure(const Session& session, const Error& error) {
  print_message(run_error(session, error.text()).text());
  return kExitDocker;
}

Result<int> run_in_background(Session& session, const std::string& id) {
  auto started = session.call("POST", container_path(id, "/start"));
  if (!started) {
    print_failure(session, daemon_error(started.error()));
    return start_failure_code(started.error(), kExitDocker);
  }
  print_line(id);
  return 0;
}

Result<int> run_run(Session& session, const Arguments& arguments) {
  Json body;
  auto id = create(session, arguments, body);
  if (!id && is_usage_failure(id.error())) return std::move(id).error();
  if (!id) return print_failure(session, id.error());
  bool attached =
      bool_or(body, "AttachStdin") || bool_or(body, "AttachStdout") || bool_or(body, "AttachStderr");
  if (!attached) return run_in_background(session, *id);
  if (bool_or(body, "Tty") && bool_or(body, "AttachStdin") && ::isatty(STDIN_FILENO) != 1) {
    (void)session.call("DELETE", container_path(*id, "?force=1&v=1"));
    return print_failure(session, invalid("the input device is not a TTY"));
  }
  AttachedRunOptions options;
  options.tty = bool_or(body, "Tty");
  options.interactive = bool_or(body, "AttachStdin");
  options.stdout_wanted = bool_or(body, "AttachStdout");
  options.stderr_wanted = bool_or(body, "AttachStderr");
  options.remove = arguments.is_set("rm");
  options.forward_signals = arguments.is_set("sig-proxy", true);
  options.start_error_code = kExitDocker;
  options.print_start_error = [&session](const Error& error) { print_failure(session, daemon_error(error)); };
  if (arguments.given("detach-keys")) options.detach_keys = arguments.text("detach-keys");
  return run_attached(session, *id, options);
}

Result<int> run_container_create(Session& session, const Arguments& arguments) {
  Json body;
  auto id = create(session, arguments, body);
  if (!id) return std::move(id).error();
  print_line(*id);
  return 0;
}

constexpr std::string_view kRunAliases[] = {"run"};
constexpr std::string_view kCreateAliases[] = {"create"};

}  // namespace

const Command kRun{
    .name = "container run",
    .aliases = kRunAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create and run a new container from an image",
    .details = "",
    .examples = kRunExamples,
    .flags = run_flags(),
    .least_words = 1,
    .stop_at_first_word = true,
    .usage_exit = kExitDocker,
    .run = run_run,
};

const Command kCreate{
    .name = "container create",
    .aliases = kCreateAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create a new container",
    .details = "",
    .examples = kCreateExamples,
    .flags = container_flags(),
    .least_words = 1,
    .stop_at_first_word = true,
    .run = run_container_create,
};

}  // namespace stack::cli::docker_cli
