#include "cli/flags/globals.h"

#include "base/files.h"
#include "base/text.h"

namespace stack::cli {

namespace {

constexpr Flag kGlobalFlags[] = {
    {'f', "file", FlagArity::Values, "FILE", "Compose file; repeat to merge several (\"-\": standard input)"},
    {'p', "project-name", FlagArity::Value, "NAME", "Project name; reading commands then need no file"},
    {0, "project-directory", FlagArity::Value, "DIR",
     "Where relative paths begin (default: the first file's folder)"},
    {0, "env-file", FlagArity::Values, "FILE", "Environment file instead of .env"},
    {0, "profile", FlagArity::Values, "NAME", "Profile to enable"},
    {0, "all-resources", FlagArity::Nothing, "", "Keep networks and volumes that no service uses"},
    {0, "ansi", FlagArity::Value, "WHEN", "Escape sequences: auto, never, always"},
    {0, "progress", FlagArity::Value, "TYPE", "Progress: auto, tty, plain, json, quiet"},
    {0, "dry-run", FlagArity::Nothing, "", "Show what would be done (see `stack plan`)"},
    {0, "parallel", FlagArity::Value, "N", "Accepted for compatibility; the plan decides what runs at once"},
    {0, "compatibility", FlagArity::Nothing, "", "Accepted for compatibility with Compose v1 scripts"},
    {0, "root", FlagArity::Value, "DIR", "State directory (STACK_ROOT; default /var/lib/stack)"},
    {0, "run-root", FlagArity::Value, "DIR",
     "Run directory with the engine's socket (STACK_RUN_ROOT; default /run/stack)"},
    {0, "verbose", FlagArity::Nothing, "", "Say more"},
    {'h', "help", FlagArity::Nothing, "", "Help of the program or of a command"},
    {'v', "version", FlagArity::Nothing, "", "Version of the program"},
    // Old spellings.
    {0, "workdir", FlagArity::Value, "DIR", ""},
    {0, "no-ansi", FlagArity::Nothing, "", ""},
    {0, "insecure-registry", FlagArity::Values, "HOST", ""},
};

Result<Ansi> parse_ansi(std::string_view text) {
  std::string word = lower(text);
  if (word.empty() || word == "auto" || word == "tty") return Ansi::Auto;
  if (word == "never") return Ansi::Never;
  if (word == "always") return Ansi::Always;
  return invalid("invalid value \"" + std::string(text) + "\" for --ansi: it is auto, never or always");
}

Result<ProgressMode> parse_progress(std::string_view text) {
  if (text.empty() || text == "auto") return ProgressMode::Auto;
  if (text == "tty") return ProgressMode::Tty;
  if (text == "plain") return ProgressMode::Plain;
  if (text == "json") return ProgressMode::JsonLines;
  if (text == "quiet") return ProgressMode::Quiet;
  return invalid("invalid value \"" + std::string(text) +
                 "\" for --progress: it is auto, tty, plain, json or quiet");
}

bool is_true(const std::string& text) {
  std::string word = lower(text);
  return word == "true" || word == "1" || word == "t" || word == "y" || word == "yes";
}

}  // namespace

std::span<const Flag> global_flags() { return kGlobalFlags; }

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
  TRY_ASSIGN(globals.ansi, parse_ansi(flag_or("ansi", "COMPOSE_ANSI", "auto")));
  if (flags.on("no-ansi")) globals.ansi = Ansi::Never;
  TRY_ASSIGN(globals.progress, parse_progress(flag_or("progress", "COMPOSE_PROGRESS", "auto")));
  globals.compatibility = flags.on("compatibility", is_true(setting(environment, "COMPOSE_COMPATIBILITY")));
  globals.dry_run = flags.on("dry-run");
  globals.verbose = flags.on("verbose");
  globals.all_resources = flags.on("all-resources");
  TRY(flags.number("parallel", -1).map([](auto) {}));
  globals.root = absolute_path(current_directory, flag_or("root", "STACK_ROOT", globals.root));
  globals.run_root =
      absolute_path(current_directory, flag_or("run-root", "STACK_RUN_ROOT", globals.run_root));
  return globals;
}

}  // namespace stack::cli
