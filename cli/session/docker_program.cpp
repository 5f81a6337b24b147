#include "cli/session/docker_program.h"
#include "base/build_info.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "cli/session/docker_context.h"
#include "cli/session/session.h"

namespace stack::cli::docker_cli {

namespace {

using enum FlagArity;

constexpr Flag kGlobalFlags[] = {
    {0, "config", Value, "string", "Folder of the client's configuration (default ~/.docker)"},
    {'c', "context", Value, "string", "Context that names the engine to connect to"},
    {'D', "debug", Nothing, "", "Debug mode"},
    {'H', "host", Values, "string", "Socket of the engine to connect to"},
    {'l', "log-level", Value, "string", "Logging level"},
    {0, "tls", Nothing, "", ""},
    {0, "tlscacert", Value, "string", ""},
    {0, "tlscert", Value, "string", ""},
    {0, "tlskey", Value, "string", ""},
    {0, "tlsverify", Nothing, "", ""},
    {'v', "version", Nothing, "", "Show the version and quit"},
    {0, "help", Nothing, "", ""},
};
// -h is help only before the command, because some commands use it as a flag.
constexpr Flag kHelpFlag[] = {{0, "help", Nothing, "", "Show help"}};

// Docker commands that are not supported, and why.
struct Refusal {
  std::string_view command;
  std::string_view reason;
};
constexpr Refusal kRefusals[] = {
    {"swarm", "this engine is not part of a swarm"},
    {"node", "this engine is not part of a swarm"},
    {"service", "this engine is not part of a swarm"},
    {"stack", "this engine is not part of a swarm"},
    {"secret", "this engine is not part of a swarm"},
    {"config", "this engine is not part of a swarm"},
    {"plugin", "plugins are not supported"},
    {"trust", "content trust is not supported"},
    {"checkpoint", "checkpoints are not supported"},
    {"manifest", "editing manifest lists is not supported"},
    {"context export", "create the context again on the other machine"},
    {"context import", "create the context again on this machine"},
    {"context update", "remove and create the context"},
    {"volume update", "cluster volumes are not supported"},
    {"buildx", "the builder is part of the engine; use docker build"},
};

// Options of Docker commands that are not supported, and why.
struct RefusedFlag {
  std::string_view command;  // the last word of the command
  std::string_view name;
  std::string_view reason;
};
constexpr std::string_view kWindowsOnly = "it applies to Windows containers";
constexpr std::string_view kCluster = "cluster volumes are not supported";
constexpr RefusedFlag kRefusedFlags[] = {
    {"run", "cpu-count", kWindowsOnly},
    {"run", "cpu-percent", kWindowsOnly},
    {"run", "io-maxbandwidth", kWindowsOnly},
    {"run", "io-maxiops", kWindowsOnly},
    {"create", "cpu-count", kWindowsOnly},
    {"create", "cpu-percent", kWindowsOnly},
    {"create", "io-maxbandwidth", kWindowsOnly},
    {"create", "io-maxiops", kWindowsOnly},
    {"start", "checkpoint", "checkpoints are not supported"},
    {"start", "checkpoint-dir", "checkpoints are not supported"},
    {"images", "tree", "images have one platform here"},
    {"ls", "tree", "images have one platform here"},
    {"ls", "cluster", kCluster},
    {"create", "config-from", "this engine is not part of a swarm"},
    {"create", "config-only", "this engine is not part of a swarm"},
    {"create", "ingress", "this engine is not part of a swarm"},
    {"create", "availability", kCluster},
    {"create", "group", kCluster},
    {"create", "limit-bytes", kCluster},
    {"create", "required-bytes", kCluster},
    {"create", "scope", kCluster},
    {"create", "secret", kCluster},
    {"create", "sharing", kCluster},
    {"create", "topology-preferred", kCluster},
    {"create", "topology-required", kCluster},
    {"create", "type", kCluster},
};

// "--tree is not supported: ..." for an error about a flag in the list; otherwise its own text.
std::string flag_error(const std::string& command, const std::string& error) {
  constexpr std::string_view kUnknown = "unknown flag: --";
  std::string text = error.substr(0, error.find("; did you mean"));
  if (!text.starts_with(kUnknown)) return text;
  std::string name = text.substr(kUnknown.size());
  std::string last = command.substr(command.rfind(' ') + 1);
  for (const RefusedFlag& flag : kRefusedFlags)
    if (flag.command == last && flag.name == name)
      return "--" + name + " is not supported: " + std::string(flag.reason);
  return text;
}

struct Found {
  const Command* command = nullptr;
  std::string name;  // the name used: "ps", "container ls"
  size_t words_used = 0;
};

Found find_command(const std::vector<std::string>& words) {
  for (size_t used = std::min<size_t>(2, words.size()); used > 0; --used) {
    std::string name = join(std::span(words).first(used), " ");
    for (const Command* command : commands()) {
      bool matches = command->name == name || std::find(command->aliases.begin(), command->aliases.end(),
                                                        name) != command->aliases.end();
      if (matches) return {command, name, used};
    }
  }
  return {};
}

bool is_family(std::string_view word) {
  return std::any_of(commands().begin(), commands().end(), [&](const Command* command) {
    return command->name.starts_with(std::string(word) + " ");
  });
}

// The text in Docker's form for an error about the value of a flag; "" for any other error. Docker names the flag's letter too.
std::string value_error(const std::string& text, std::span<const Flag> flags) {
  if (!text.starts_with("invalid argument \"")) return {};
  for (const Flag& flag : flags) {
    std::string name = "--" + std::string(flag.name);
    std::string shown =
        "\"" + (flag.letter ? std::string("-") + flag.letter + ", " : "") + name + "\" flag: ";
    size_t plain = text.find(" for " + name + ": ");
    size_t quoted = text.find(" for \"" + name + "\" flag: ");
    if (plain != std::string::npos) {
      std::string value = text.substr(17, plain - 17);
      return text.substr(0, plain) + " for " + shown + "strconv.ParseInt: parsing " + value +
             ": invalid syntax";
    }
    if (quoted != std::string::npos)
      return text.substr(0, quoted) + " for " + shown + text.substr(quoted + name.size() + 14);
  }
  return text;
}

std::string usage_lines(const Found& found, const std::string& pointer = "Run") {
  return "\nUsage:  docker " + found.name + " " + std::string(found.command->usage) + "\n\n" + pointer +
         " 'docker " + found.name + " --help' for more information";
}

std::string columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  std::string out;
  for (const auto& [left, right] : rows)
    out += "  " + left + std::string(width - left.size() + 3, ' ') + right + "\n";
  return out;
}

std::string options_text(std::span<const Flag> flags) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Flag& flag : flags) {
    if (flag.help.empty()) continue;
    std::string left = flag.letter ? std::string("-") + flag.letter + ", " : "    ";
    left += "--" + std::string(flag.name);
    if (!flag.placeholder.empty()) left += " " + std::string(flag.placeholder);
    rows.emplace_back(left, flag.help);
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.first.substr(4) < b.first.substr(4); });
  return rows.empty() ? "" : "\nOptions:\n" + columns(rows);
}

std::string command_help(const Found& found) {
  const Command& command = *found.command;
  std::string text = "Usage:  docker " + found.name + " " + std::string(command.usage) + "\n\n" +
                     std::string(command.summary) + "\n";
  if (!command.aliases.empty()) {
    text += "\nAliases:\n  docker " + std::string(command.name);
    for (std::string_view alias : command.aliases) text += ", docker " + std::string(alias);
    text += "\n";
  }
  return text + options_text(command.flags);
}

std::string family_help(const std::string& family) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* command : commands())
    if (command->name.starts_with(family + " "))
      rows.emplace_back(command->name.substr(family.size() + 1), command->summary);
  std::sort(rows.begin(), rows.end());
  return "Usage:  docker " + family + " COMMAND\n\nManage " +
         (family == "system" ? "the engine" : family + "s") + "\n\nCommands:\n" + columns(rows) +
         "\nRun 'docker " + family + " COMMAND --help' for more information on a command.\n";
}

std::string program_help() {
  std::vector<std::pair<std::string, std::string>> rows;
  std::vector<std::string> families;
  for (const Command* command : commands()) {
    std::string name(command->name);
    size_t blank = name.find(' ');
    if (blank != std::string::npos) {
      std::string family = name.substr(0, blank);
      if (std::find(families.begin(), families.end(), family) == families.end()) families.push_back(family);
    }
    for (std::string_view alias : command->aliases)
      if (alias.find(' ') == std::string_view::npos) rows.emplace_back(alias, command->summary);
    if (blank == std::string::npos) rows.emplace_back(name, command->summary);
  }
  std::sort(rows.begin(), rows.end());
  std::vector<std::pair<std::string, std::string>> groups;
  for (const std::string& family : families) groups.emplace_back(family, "Manage " + family + "s");
  return "Usage:  docker [OPTIONS] COMMAND\n\nDocker's command line on the engine of stack\n\nManagement "
         "Commands:\n" +
         columns(groups) + "\nCommands:\n" + columns(rows) +
         "\nGlobal Options:" + options_text(kGlobalFlags).substr(sizeof "\nOptions:" - 1) +
         "\nRun 'docker COMMAND --help' for more information on a command.\n";
}

int unknown_command(const std::vector<std::string>& words) {
  std::string two_words = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  for (const Refusal& refusal : kRefusals) {
    if (words[0] != refusal.command && two_words != refusal.command) continue;
    print_message("docker " + std::string(refusal.command) +
                  " is not supported: " + std::string(refusal.reason));
    return kExitError;
  }
  if (is_family(words[0])) {
    bool asks = words.size() == 1 || words[1] == "--help" || words[1] == "-h";
    if (words.size() == 1) print_message(family_help(words[0]));
    if (words.size() > 1 && asks) print(family_help(words[0]));
    if (asks) return 0;
    print_message("docker: unknown command: docker " + words[0] + " " + words[1] + "\n\nUsage:  docker " +
                  words[0] + "\n\nRun 'docker " + words[0] + " --help' for more information");
    return kExitError;
  }
  print_message("docker: unknown command: docker " + words[0] +
                "\n\nRun 'docker --help' for more information");
  return kExitError;
}

std::string plural(size_t count) { return std::to_string(count) + (count == 1 ? " argument" : " arguments"); }

// Docker's text for a wrong number of arguments; "" if the number is right.
std::string count_error(const Command& command, size_t count) {
  if (count >= command.least_words && count <= command.most_words) return {};
  if (command.most_words == 0) return "accepts no arguments";
  if (command.least_words == command.most_words) return "requires " + plural(command.least_words);
  if (command.most_words == kAnyNumber) return "requires at least " + plural(command.least_words);
  if (command.least_words == 0) return "requires at most " + plural(command.most_words);
  return "requires at least " + std::to_string(command.least_words) + " and at most " +
         plural(command.most_words);
}

// The global flags of stack before the word `docker`, and Docker's own.
struct GlobalFlags {
  const Arguments& outer;
  const Arguments& own;
};

Result<Globals> globals_for(const GlobalFlags& given, const Environment& environment,
                            const std::string& directory) {
  TRY_ASSIGN(Globals globals, read_globals(given.outer, environment, directory));
  bool chosen = given.own.given("host") || given.own.given("context");
  if (!chosen && given.outer.given("host")) return globals;
  if (!chosen && (given.outer.given("root") || given.outer.given("run-root"))) return globals;
  TRY_ASSIGN(std::string socket, engine_socket(given.own, environment));
  if (socket != globals.socket()) globals.foreign_socket = socket;
  return globals;
}

std::string working_directory() {
  char path[4096];
  return ::getcwd(path, sizeof path) ? path : "/";
}

int run_command(const Found& found, const std::vector<std::string>& words, const GlobalFlags& globals_given) {
  const Command& command = *found.command;
  Arguments arguments, help;
  Result<> parsed =
      parse_flags({command.flags, kHelpFlag, command.stop_at_first_word}, words, arguments, help);
  if (!parsed) {
    print_message(flag_error(found.name, parsed.error().text()) + "\n" + usage_lines(found));
    return kExitDocker;
  }
  if (help.is_set("help")) {
    print(command_help(found));
    return 0;
  }
  if (std::string wrong = count_error(command, arguments.words.size()); !wrong.empty()) {
    print_message("docker: 'docker " + found.name + "' " + wrong + "\n" +
                  usage_lines(found, wrong.starts_with("requires at least") ? "See" : "Run"));
    return kExitError;
  }
  Environment environment = caller_environment();
  std::string directory = working_directory();
  auto globals = globals_for(globals_given, environment, directory);
  if (!globals) {
    print_message(globals.error().text());
    return kExitError;
  }
  Session session(std::move(*globals), std::move(environment), std::move(directory));
  session.set_command(command);
  auto code = command.run(session, arguments);
  if (code) return *code;
  if (std::string text = value_error(code.error().text(), command.flags); !text.empty()) {
    print_message(text + "\n" + usage_lines(found));
    return kExitDocker;
  }
  if (!code.error().text().empty()) print_message(code.error().text());
  return kExitError;
}

}  // namespace

int run_program(const std::vector<std::string>& words, const Arguments& outer) {
  Arguments globals, unused;
  Result<> parsed = parse_flags({kGlobalFlags, {}, true}, words, globals, unused);
  if (!parsed) {
    std::string text = parsed.error().text();
    print_message(
        text.substr(0, text.find("; did you mean")) +
        "\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information");
    return kExitDocker;
  }
  if (globals.is_set("version")) {
    print_line("Docker version " + std::string(build_info().version) + ", build stack");
    return 0;
  }
  std::vector<std::string> rest = globals.words;
  if (!rest.empty() && rest[0] == "help") rest.erase(rest.begin());
  if (rest.empty() || globals.is_set("help")) {
    print(program_help());
    return 0;
  }
  Found found = find_command(rest);
  if (found.command == nullptr) return unknown_command(rest);
  if (!globals.words.empty() && globals.words[0] == "help") {
    print(command_help(found));
    return 0;
  }
  globals.words.clear();
  return run_command(found, {rest.begin() + static_cast<ptrdiff_t>(found.words_used), rest.end()},
                     {outer, globals});
}

}  // namespace stack::cli::docker_cli
