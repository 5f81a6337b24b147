#include "cli/session/program.h"

#include <unistd.h>

#include "base/files.h"
#include "cli/flags/commands.h"
#include "cli/flags/help.h"
#include "cli/render/output.h"
#include "cli/session/docker_program.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

std::string working_directory() {
  char path[4096];
  return ::getcwd(path, sizeof path) ? path : "/";
}

// The arguments of this program, and the function that runs commands on clusters.
struct Call {
  const std::vector<std::string>& words;
  ClusterRunner cluster = nullptr;
  bool as_docker_compose() const { return base_name(words[0]) == "docker-compose"; }
};

int bad_usage(const Error& error, const Command* command, const Call& call) {
  print_message("stack: " + error.text());
  print_message("see `stack" + (command ? " " + std::string(command->name) : "") + " --help`");
  if (call.as_docker_compose()) return kExitError;
  return command ? command->usage_exit : kExitUsage;
}

// Words between the program name and the command are parsed as global flags only.
struct Split {
  Arguments globals;
  std::vector<std::string> rest;  // the command and the words after it
};

Result<Split> split_words(const std::vector<std::string>& words) {
  Split split;
  Arguments unused;
  Grammar grammar{global_flags(), {}, true};
  std::vector<std::string> given(words.begin() + 1, words.end());
  TRY(parse_flags(grammar, given, split.globals, unused));
  split.rest = split.globals.words;
  if (!split.rest.empty() && split.rest[0] == "compose") {
    given.assign(split.rest.begin() + 1, split.rest.end());
    split.globals.words.clear();
    TRY(parse_flags(grammar, given, split.globals, unused));
    split.rest = split.globals.words;
  }
  return split;
}

Result<> check_word_count(const Command& command, const Arguments& arguments) {
  size_t count = arguments.words.size();
  if (count < command.least_words) {
    return invalid(
        "`stack " + std::string(command.name) + "` requires " +
        (command.most_words == command.least_words ? "" : "at least ") + std::to_string(command.least_words) +
        (command.least_words == 1 ? " argument" : " arguments") + ": " + std::string(command.usage));
  }
  if (count > command.most_words) {
    return invalid(
        "`stack " + std::string(command.name) + "` accepts " +
        (command.most_words == 0 ? "no arguments" : "at most " + std::to_string(command.most_words)) +
        "; unexpected argument \"" + arguments.words[command.most_words] + "\"");
  }
  return {};
}

Result<int> run_on_target(Session& session, const Arguments& arguments, const Call& call) {
  TRY_ASSIGN(targets::TargetName target, choose_target(session));
  if (target == targets::TargetName::Local) {
    std::string problem = host_problem(session.globals());
    if (!problem.empty()) return bad_usage(invalid(problem), &session.command(), call);
    return session.command().run(session, arguments);
  }
  if (call.cluster) return call.cluster(session, arguments, target);
  return run_cluster_program(call.words);
}

int run_command(const Command& command, const std::vector<std::string>& words, Arguments globals_given,
                const Call& call) {
  Arguments arguments;
  auto parsed = parse_flags({command.flags, global_flags(), command.stop_at_first_word}, words, arguments,
                            globals_given);
  if (!parsed) return bad_usage(parsed.error(), &command, call);
  Environment environment = caller_environment();
  std::string directory = working_directory();
  auto globals = read_globals(globals_given, environment, directory);
  if (!globals) return bad_usage(globals.error(), &command, call);
  if (globals_given.is_set("help")) {
    print(command_help(command, find_terminal(STDOUT_FILENO, globals->ansi, environment).color));
    return 0;
  }
  auto counted = check_word_count(command, arguments);
  if (!counted) return bad_usage(counted.error(), &command, call);
  globals->as_docker_compose = call.as_docker_compose();
  Session session(std::move(*globals), std::move(environment), std::move(directory));
  session.set_command(command);
  auto code = run_on_target(session, arguments, call);
  if (code) return *code;
  if (!code.error().text().empty()) {
    print_message(paint("stack:", Color::Red, session.err().color) + " " + code.error().text());
    if (session.globals().ci) print_message(failure_annotation(session.annotations(), code.error().text()));
  }
  return kExitError;
}

int run_without_command(const Arguments& globals_given, const Call& call) {
  Environment environment = caller_environment();
  auto globals = read_globals(globals_given, environment, working_directory());
  if (!globals) return bad_usage(globals.error(), nullptr, call);
  if (globals_given.is_set("version")) return run_command(kVersion, {}, {}, call);
  print(program_help(find_terminal(STDOUT_FILENO, globals->ansi, environment).color));
  return 0;
}

// `stack [OPTIONS] docker ...`. `docker compose` is the command line of stack itself.
int run_docker(const Split& split, const Call& call) {
  const std::vector<std::string>& rest = split.rest;
  if (rest.size() < 2 || rest[1] != "compose")
    return docker_cli::run_program({rest.begin() + 1, rest.end()}, split.globals);
  std::vector<std::string> words(call.words.begin(), call.words.end() - static_cast<ptrdiff_t>(rest.size()));
  words.insert(words.end(), rest.begin() + 1, rest.end());
  return run_program(words, call.cluster);
}

}  // namespace

int run_program(const std::vector<std::string>& words, ClusterRunner cluster) {
  Call call{words, cluster};
  auto split = split_words(words);
  if (!split) return bad_usage(split.error(), nullptr, call);
  if (split->rest.empty()) return run_without_command(split->globals, call);
  if (split->rest[0] == "docker") return run_docker(*split, call);
  FoundCommand found = find_command(split->rest);
  if (!found.command) {
    bool asks = split->rest.size() == 1 || split->rest[1] == "--help" || split->rest[1] == "-h";
    if (is_command_family(split->rest[0]) && asks) {
      print(
          family_help(split->rest[0], find_terminal(STDOUT_FILENO, Ansi::Auto, caller_environment()).color));
      return split->rest.size() == 1 ? kExitUsage : 0;
    }
    std::string text = unknown_command_text(split->rest);
    return bad_usage(invalid(call.as_docker_compose() ? "No such command: " + text : text), nullptr, call);
  }
  std::vector<std::string> rest(split->rest.begin() + static_cast<ptrdiff_t>(found.words_used),
                                split->rest.end());
  split->globals.words.clear();
  return run_command(*found.command, rest, std::move(split->globals), call);
}

}  // namespace stack::cli
