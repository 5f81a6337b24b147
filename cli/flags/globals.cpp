#include "cli/flags/globals.h"

#include "base/files.h"
#include "base/text.h"

namespace stack::cli {

namespace {

constexpr Flag kGlobalFlags[] = {
    {'f', "file", FlagArity::Values, "FILE", "Compose file; repeat to merge several (\"-\" is stdin)"},
    {'p', "project-name", FlagArity::Value, "NAME",
     "Project name; commands on an existing project then need no Compose file"},
    {0, "project-directory", FlagArity::Value, "DIR",
     "Base folder for relative paths (default: the folder of the first file)"},
    {0, "env-file", FlagArity::Values, "FILE", "Read an environment file instead of .env"},
    {0, "profile", FlagArity::Values, "NAME", "Enable a profile"},
    {0, "all-resources", FlagArity::Nothing, "", "Include networks and volumes that no service uses"},
    {0, "ansi", FlagArity::Value, "WHEN", "When to print escape sequences: auto, never, or always"},
    {0, "progress", FlagArity::Value, "TYPE", "Progress output: auto, tty, plain, json, or quiet"},
    {0, "dry-run", FlagArity::Nothing, "", "Show what would be done, without doing it (see `stack plan`)"},
    {0, "ci", FlagArity::Nothing, "",
     "For CI jobs: plain progress, and errors as annotations (GitHub's in its jobs)"},
    {0, "parallel", FlagArity::Value, "N", "Ignored; the plan decides what runs in parallel"},
    {0, "compatibility", FlagArity::Nothing, "",
     "Default names with underscores, like shop_web_1 (COMPOSE_COMPATIBILITY)"},
    {'H', "host", FlagArity::Value, "URL",
     "Use the engine at ssh://[USER@]HOST[:PORT] or unix:///PATH (STACK_HOST); of a swarm: the manager, also "
     "at tcp://"},
    {0, "root", FlagArity::Value, "DIR", "State directory (STACK_ROOT; default /var/lib/stack)"},
    {0, "run-root", FlagArity::Value, "DIR",
     "Run directory with the engine's socket (STACK_RUN_ROOT; default /run/stack)"},
    {0, "target", FlagArity::Value, "TARGET",
     "Engine of the project: local, kubernetes, or swarm (STACK_TARGET, x-stack.target)"},
    {0, "context", FlagArity::Value, "NAME",
     "Context of the cluster, of kubectl or docker (default: the current one)"},
    {0, "namespace", FlagArity::Value, "NAME", "Kubernetes namespace (default: the context's)"},
    {0, "kubeconfig", FlagArity::Value, "FILE", "Configuration of the cluster (KUBECONFIG, ~/.kube/config)"},
    {0, "verbose", FlagArity::Nothing, "", "Print more details"},
    {'h', "help", FlagArity::Nothing, "", "Show help"},
    {'v', "version", FlagArity::Nothing, "", "Show the version"},
    // Old spellings.
    {0, "workdir", FlagArity::Value, "DIR", ""},
    {0, "no-ansi", FlagArity::Nothing, "", ""},
    {0, "insecure-registry", FlagArity::Values, "HOST", ""},
    {0, "log-level", FlagArity::Value, "LEVEL", ""},
};

Result<Ansi> parse_ansi(std::string_view text) {
  std::string word = lower(text);
  if (word.empty() || word == "auto" || word == "tty") return Ansi::Auto;
  if (word == "never") return Ansi::Never;
  if (word == "always") return Ansi::Always;
  return invalid("invalid value \"" + std::string(text) + "\" for --ansi: must be auto, never, or always");
}

Result<ProgressMode> parse_progress(std::string_view text) {
  if (text.empty() || text == "auto") return ProgressMode::Auto;
  if (text == "tty") return ProgressMode::Tty;
  if (text == "plain") return ProgressMode::Plain;
  if (text == "json") return ProgressMode::JsonLines;
  if (text == "quiet") return ProgressMode::Quiet;
  return invalid("invalid value \"" + std::string(text) +
                 "\" for --progress: must be auto, tty, plain, json, or quiet");
}

constexpr std::string_view kTcp = "tcp://";

// "" for our own engine.
Result<std::string> foreign_engine(const std::string& url) {
  if (url.starts_with("unix:///")) return url.substr(7);
  if (url.empty() || url.starts_with("ssh://")) return url;
  return invalid("invalid value \"" + url +
                 "\" for --host: must be ssh://[USER@]HOST[:PORT] or unix:///PATH");
}

bool is_true(const std::string& text) {
  std::string word = lower(text);
  return word == "true" || word == "1" || word == "t" || word == "y" || word == "yes";
}

}  // namespace

std::span<const Flag> global_flags() { return kGlobalFlags; }

std::string host_problem(const Globals& globals) {
  const std::string& host = globals.cluster.host;
  if (!host.starts_with(kTcp)) return "";
  return "Couldn't connect to Docker daemon at " + host +
         ": the host must be ssh://[USER@]HOST[:PORT] or unix:///PATH";
}

Result<Globals> read_globals(const Arguments& flags, const Environment& environment,
                             const std::string& current_directory) {
  auto flag_or = [&](std::string_view flag, const std::string& variable, std::string fallback) {
    if (flags.given(flag)) return flags.text(flag);
    std::string value = setting(environment, variable);
    return value.empty() ? std::move(fallback) : value;
  };
  Globals globals;
  globals.files = flags.all("file");
  globals.env_files = flags.all("env-file");
  for (const std::string& profiles : flags.all("profile")) {
    for (std::string& profile : split(profiles, ',')) globals.profiles.push_back(std::move(profile));
  }
  globals.project_name = flags.find("project-name");
  if (globals.project_name && globals.project_name->empty()) globals.project_name.reset();
  globals.project_directory = flags.find("project-directory");
  if (!globals.project_directory) globals.project_directory = flags.find("workdir");
  globals.ci = flags.is_set("ci");
  TRY_ASSIGN(globals.ansi, parse_ansi(flag_or("ansi", "COMPOSE_ANSI", globals.ci ? "never" : "auto")));
  if (flags.is_set("no-ansi")) globals.ansi = Ansi::Never;
  TRY_ASSIGN(globals.progress,
             parse_progress(flag_or("progress", "COMPOSE_PROGRESS", globals.ci ? "plain" : "auto")));
  globals.compatibility =
      flags.is_set("compatibility", is_true(setting(environment, "COMPOSE_COMPATIBILITY")));
  globals.dry_run = flags.is_set("dry-run");
  globals.verbose = flags.is_set("verbose");
  globals.all_resources = flags.is_set("all-resources");
  globals.cluster = {.target = flag_or("target", "STACK_TARGET", ""),
                     .given = flags.given("target"),
                     .context = flags.text("context"),
                     .name_space = flags.text("namespace"),
                     .kubeconfig = flag_or("kubeconfig", "KUBECONFIG", ""),
                     .host = ""};
  TRY(flags.number("parallel", -1).map([](auto) {}));
  std::string host = flag_or("host", "STACK_HOST", "");
  globals.cluster.host = flags.text("host");
  if (host.starts_with(kTcp)) {
    globals.cluster.host = host;
  } else {
    TRY_ASSIGN(globals.foreign_socket, foreign_engine(host));
  }
  globals.root = absolute_path(current_directory, flag_or("root", "STACK_ROOT", globals.root));
  globals.run_root =
      absolute_path(current_directory, flag_or("run-root", "STACK_RUN_ROOT", globals.run_root));
  return globals;
}

}  // namespace stack::cli
