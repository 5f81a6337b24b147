#include "cli/flags/help.h"

#include <algorithm>

#include "cli/flags/commands.h"
#include "cli/flags/globals.h"
#include "cli/render/output.h"

namespace stack::cli {

namespace {

struct GroupTitle {
  Group group;
  std::string_view title;
};
constexpr GroupTitle kGroups[] = {
    {Group::Project, "Project commands"}, {Group::Containers, "Container commands"},
    {Group::Images, "Image commands"},    {Group::Objects, "Commands on single objects"},
    {Group::Engine, "Engine commands"},   {Group::Other, "Other commands"},
};

constexpr Example kProgramExamples[] = {
    {"stack up -d", "start all services of docker-compose.yml in the background"},
    {"stack ps", "list running containers"},
    {"stack logs -f web", "follow the log of one service"},
    {"stack exec web sh", "open a shell in a running container"},
    {"stack plan", "show what `up` would do, and why"},
    {"stack down", "stop and remove the project; -v also removes its volumes"},
};

std::string heading(std::string_view text, bool color) { return paint(text, Color::Bold, color) + "\n"; }

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  size_t width = 0;
  for (const auto& [left, right] : rows) {
    if (left.size() <= 34) width = std::max(width, left.size());
  }
  std::string out;
  for (const auto& [left, right] : rows) {
    out += "  " + left;
    if (right.empty()) {
      out += "\n";
    } else if (left.size() > width) {
      out += "\n" + std::string(width + 4, ' ') + right + "\n";
    } else {
      out += std::string(width - left.size() + 2, ' ') + right + "\n";
    }
  }
  return out;
}

std::string examples_text(std::span<const Example> examples, bool color) {
  if (examples.empty()) return {};
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Example& example : examples) rows.emplace_back(example.line, example.meaning);
  return heading("Examples", color) + two_columns(rows) + "\n";
}

std::string flags_text(std::span<const Flag> flags) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Flag& flag : flags) {
    if (flag.help.empty()) continue;
    std::string left = flag.letter ? std::string("-") + flag.letter + ", --" : "    --";
    left += flag.name;
    if (!flag.placeholder.empty()) left += " " + std::string(flag.placeholder);
    rows.emplace_back(std::move(left), flag.help);
  }
  return two_columns(rows);
}

std::string commands_text(const std::vector<const Command*>& commands) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* command : commands) rows.emplace_back(command->name, command->summary);
  return two_columns(rows);
}

constexpr Topic kTopics[] = {
    {"exit-codes", "exit codes of commands",
     "0     success\n"
     "1     failure; stderr shows the cause and often the next step\n"
     "2     invalid command line; with `plan`: there are changes to make\n"
     "126   run, exec: the command was found but cannot be executed\n"
     "127   run, exec: the command was not found in the container\n"
     "130   interrupted (Ctrl-C or SIGTERM)\n"
     "other run, exec, wait, `up --exit-code-from`: the exit code of the process, 128 + N for signal N\n"},
    {"environment", "environment variables that stack reads",
     "COMPOSE_FILE, COMPOSE_PATH_SEPARATOR, COMPOSE_PROJECT_NAME, COMPOSE_PROFILES, COMPOSE_ENV_FILES,\n"
     "COMPOSE_DISABLE_ENV_FILE      same as in Docker Compose; .env is read as well\n"
     "COMPOSE_ANSI, COMPOSE_PROGRESS, NO_COLOR, TERM=dumb\n"
     "                              see --ansi and --progress\n"
     "COMPOSE_REMOVE_ORPHANS, COMPOSE_IGNORE_ORPHANS\n"
     "                              containers of services that are not in the Compose file\n"
     "COMPOSE_STATUS_STDOUT         print progress to stdout instead of stderr\n"
     "STACK_ROOT, STACK_RUN_ROOT    see --root and --run-root\n"
     "STACK_HOST                    see --host\n"
     "STACK_CONFIG                  settings of an engine that is started: instead of "
     "/etc/stack/config.yaml\n"
     "STACK_TARGET                  engine of the project, see --target: local, kubernetes, or swarm\n"
     "KUBECONFIG                    files that describe the cluster, separated by colons\n"
     "STACK_LIBEXEC                 folder of stackd, stack-cluster, stack-launch, and stack-monitor\n"
     "STACK_CA_BUNDLE               additional certificates for RUN steps (a PEM file on the host)\n"
     "HTTP_PROXY, HTTPS_PROXY, FTP_PROXY, NO_PROXY, ALL_PROXY (upper or lower case)\n"
     "                              passed to RUN steps of builds, not stored in the image\n"},
    {"files", "files that stack reads and writes",
     "compose.yaml, compose.yml, docker-compose.yaml, docker-compose.yml, and their .override. files\n"
     "                              searched in the current folder, then in its parents\n"
     ".env                          in the folder of the Compose file\n"
     "/etc/stack/config.yaml        settings of the engine: `stack config --engine`\n"
     "/var/lib/stack                images, volumes, containers, and state\n"
     "/run/stack/stack.sock         the engine's socket (Docker Engine API, and /stack/v1)\n"
     "/run/stack/stackd.log         the engine's log: `stack engine logs`\n"},
};

}  // namespace

std::string program_help(bool color) {
  std::string out = "Usage:  stack [OPTIONS] COMMAND\n\nRun Compose projects without Docker.\n\n";
  out += examples_text(kProgramExamples, color);
  for (const GroupTitle& group : kGroups) {
    std::vector<const Command*> commands;
    for (const Command* command : all_commands()) {
      if (command->group == group.group && !command->hidden) commands.push_back(command);
    }
    if (!commands.empty()) out += heading(group.title, color) + commands_text(commands) + "\n";
  }
  out += heading("Options (before or after the command)", color) + flags_text(global_flags()) + "\n";
  out += "`stack COMMAND --help` shows more; `stack help TOPIC`:";
  for (const Topic& topic : kTopics) out += " " + std::string(topic.name);
  return out + ".\n";
}

std::string command_help(const Command& command, bool color) {
  std::string out = "Usage:  stack " + std::string(command.name);
  if (!command.usage.empty()) out += " " + std::string(command.usage);
  out += "\n\n" + std::string(command.summary) + ".\n";
  if (!command.details.empty()) out += "\n" + std::string(command.details) + "\n";
  out += "\n" + examples_text(command.examples, color);
  std::string flags = flags_text(command.flags);
  if (!flags.empty()) out += heading("Options", color) + flags + "\n";
  if (!command.aliases.empty()) {
    out += "Also:";
    for (std::string_view alias : command.aliases) out += " stack " + std::string(alias);
    out += "\n";
  }
  return out + "`stack --help` lists the options that every command accepts.\n";
}

std::string family_help(std::string_view word, bool color) {
  std::vector<const Command*> commands;
  for (const Command* command : all_commands()) {
    if (command->name.starts_with(std::string(word) + " ")) commands.push_back(command);
  }
  std::string out = "Usage:  stack " + std::string(word) + " COMMAND\n\n";
  return out + heading("Commands", color) + commands_text(commands);
}

std::span<const Topic> help_topics() { return kTopics; }

}  // namespace stack::cli
