#include "cli/flags/help.h"

#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Example kHelpExamples[] = {{"stack help up", "show the help of `up`, like `stack up --help`"},
                                     {"stack help exit-codes", "show a topic"}};

Result<int> run_help(Session& session, const Arguments& arguments) {
  const auto& words = arguments.words;
  bool color = session.out().color;
  if (words.empty()) {
    print(program_help(color));
    return 0;
  }
  for (const Topic& topic : help_topics()) {
    if (topic.name == words[0]) {
      print(topic.text);
      return 0;
    }
  }
  FoundCommand found = find_command(words);
  if (found.command) {
    print(command_help(*found.command, color));
  } else if (is_command_family(words[0])) {
    print(family_help(words[0], color));
  } else {
    std::string topics;
    for (const Topic& topic : help_topics()) topics += " " + std::string(topic.name);
    std::string prefix = session.globals().as_docker_compose ? "No such command: " : "";
    return session.usage_error(prefix + unknown_command_text(words) + "; topics:" + topics);
  }
  return 0;
}

}  // namespace

const Command kHelp{
    .name = "help",
    .aliases = {},
    .group = Group::Other,
    .usage = "[COMMAND | TOPIC]",
    .summary = "Show help for a command or topic",
    .details = "",
    .examples = kHelpExamples,
    .flags = {},
    .most_words = 2,
    .run = run_help,
};

}  // namespace stack::cli
