// The tables of all commands: consistent, and compatible with Compose.
#include "cli/flags/commands.h"

#include <gtest/gtest.h>

#include <set>

#include "cli/flags/globals.h"
#include "cli/flags/help.h"

namespace stack::cli {
namespace {

struct Line {
  const Command* command = nullptr;
  Arguments own;
  Arguments outer;
  std::string error;
};

Line read(std::vector<std::string> words) {
  Line line;
  FoundCommand found = find_command(words);
  line.command = found.command;
  if (!line.command) return line;
  words.erase(words.begin(), words.begin() + static_cast<ptrdiff_t>(found.words_used));
  auto result = parse_flags({line.command->flags, global_flags(), line.command->stop_at_first_word}, words,
                            line.own, line.outer);
  if (!result) line.error = result.error().text();
  return line;
}

TEST(Commands, EveryCommandHasAFunctionASummaryAndExamples) {
  for (const Command* command : all_commands()) {
    SCOPED_TRACE(command->name);
    EXPECT_NE(command->run, nullptr);
    EXPECT_FALSE(command->summary.empty());
    EXPECT_FALSE(command->summary.ends_with('.'));
    if (!command->hidden) {
      EXPECT_FALSE(command->examples.empty());
    }
    EXPECT_LE(command->least_words, command->most_words);
  }
}

TEST(Commands, NamesAndFlagsAreUnique) {
  std::set<std::string_view> names;
  for (const Command* command : all_commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name;
    for (std::string_view alias : command->aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
    std::set<std::string_view> flags;
    std::set<char> letters;
    for (const Flag& flag : command->flags) {
      EXPECT_TRUE(flags.insert(flag.name).second) << command->name << " --" << flag.name;
      if (flag.letter) {
        EXPECT_TRUE(letters.insert(flag.letter).second) << command->name << " -" << flag.letter;
      }
      EXPECT_EQ(flag.takes == FlagArity::Nothing, flag.placeholder.empty())
          << command->name << " --" << flag.name;
    }
  }
}

// The flags that each command must accept, as on a command line.
TEST(Commands, TheFlagsOfComposeAreAccepted) {
  const std::vector<std::vector<std::string>> lines = {
      {"up",
       "-d",
       "--build",
       "--no-build",
       "--force-recreate",
       "--no-recreate",
       "--no-deps",
       "--no-start",
       "--scale",
       "web=2",
       "--wait",
       "--wait-timeout",
       "5",
       "--remove-orphans",
       "--abort-on-container-exit",
       "--abort-on-container-failure",
       "--exit-code-from",
       "web",
       "--attach",
       "web",
       "--no-attach",
       "db",
       "--no-color",
       "--no-log-prefix",
       "--timestamps",
       "-t",
       "3",
       "-V",
       "--always-recreate-deps",
       "-y",
       "--quiet-pull",
       "--pull",
       "never",
       "--attach-dependencies",
       "--quiet-build",
       "--menu=false",
       "web",
       "db"},
      {"create", "--build", "--no-build", "--force-recreate", "--no-recreate", "--pull", "missing", "--scale",
       "a=1", "--remove-orphans", "--quiet-pull", "-y"},
      {"down", "-v", "--rmi", "local", "-t", "1", "--remove-orphans", "web"},
      {"ps", "-a", "-q", "--services", "--status", "running", "--filter", "status=exited", "--format", "json",
       "--no-trunc", "--orphans=false", "web"},
      {"logs", "-f", "-n", "10", "--tail", "all", "-t", "--since", "1m", "--until", "1s", "--no-color",
       "--no-log-prefix", "--index", "2", "web"},
      {"exec", "-it", "-T", "-d", "-e", "A=1", "-u", "root", "-w", "/", "--privileged", "--index", "1", "web",
       "ls"},
      {"run",
       "--rm",
       "-d",
       "-e",
       "A",
       "--entrypoint",
       "sh -c",
       "-u",
       "1",
       "-w",
       "/",
       "-v",
       "/a:/b",
       "-p",
       "80:80",
       "-P",
       "--name",
       "x",
       "--no-deps",
       "-T",
       "-i",
       "-l",
       "a=b",
       "--use-aliases",
       "--build",
       "--cap-add",
       "ALL",
       "--cap-drop",
       "ALL",
       "--env-from-file",
       "f",
       "--quiet",
       "--quiet-pull",
       "--remove-orphans",
       "web",
       "ls"},
      {"start", "--wait", "--wait-timeout", "1", "web"},
      {"stop", "-t", "1", "web"},
      {"restart", "-t", "1", "--no-deps", "web"},
      {"kill", "-s", "HUP", "--remove-orphans", "web"},
      {"rm", "-f", "-s", "-v", "-a", "web"},
      {"pause", "web"},
      {"unpause", "web"},
      {"build", "--no-cache", "--pull", "--build-arg", "A=1", "-q", "--with-dependencies", "web"},
      {"images", "--format", "json", "-q"},
      {"config",
       "--format",
       "json",
       "-q",
       "-o",
       "x",
       "--services",
       "--volumes",
       "--networks",
       "--images",
       "--profiles",
       "--environment",
       "--variables",
       "--models",
       "--hash",
       "*",
       "--no-interpolate",
       "--no-normalize",
       "--no-path-resolution",
       "--no-consistency",
       "--no-env-resolution",
       "--resolve-image-digests"},
      {"convert", "--services"},
      {"plan", "--json"},
      {"ls", "-a", "-q", "--filter", "name=x", "--format", "json"},
      {"top", "web"},
      {"stats", "-a", "--no-stream", "--format", "json", "--no-trunc"},
      {"port", "--protocol", "udp", "--index", "1", "web", "80"},
      {"scale", "--no-deps", "web=2"},
      {"wait", "--down-project", "web"},
      {"attach", "--index", "1", "--detach-keys", "ctrl-c", "--no-stdin", "--sig-proxy=false", "web"},
      {"events", "--json", "--since", "1m", "--until", "1s", "web"},
      {"version", "--short", "-f", "json"},
      {"volumes", "-q", "--format", "json"},
      {"image", "ls", "-q"},
      {"image", "rm", "-f", "x"},
      {"image", "inspect", "-f", "{{.Id}}", "x"},
      {"image", "bootstrap", "debian:bookworm-slim"},
      {"volume", "ls", "-q", "--filter", "name=x"},
      {"volume", "inspect", "x"},
      {"volume", "rm", "-f", "x"},
      {"volume", "create", "-d", "local", "--label", "a=b", "-o", "type=tmpfs", "x"},
      {"volume", "prune", "-f", "-a"},
      {"network", "ls", "-q"},
      {"network", "inspect", "x"},
      {"network", "rm", "x"},
      {"network", "create", "--subnet", "10.9.0.0/24", "--gateway", "10.9.0.1", "--internal", "--label",
       "a=b", "x"},
      {"network", "prune", "-f"},
      {"doctor", "--json"},
      {"engine", "status"},
      {"engine", "stop"},
      {"engine", "logs", "-f", "-n", "5"},
      {"help", "up"},
      {"completion", "bash"},
  };
  for (const auto& words : lines) {
    Line line = read(words);
    ASSERT_NE(line.command, nullptr) << words[0];
    EXPECT_EQ(line.error, "") << words[0];
    EXPECT_GE(line.own.words.size(), line.command->least_words) << words[0];
    EXPECT_LE(line.own.words.size(), line.command->most_words) << words[0];
  }
}

TEST(Commands, ExecDoesNotParseFlagsOfItsCommand) {
  Line line = read({"exec", "-u", "root", "web", "ls", "-l", "--color"});
  EXPECT_EQ(line.own.text("user"), "root");
  EXPECT_EQ(line.own.words, (std::vector<std::string>{"web", "ls", "-l", "--color"}));
}

TEST(Commands, TheProgramsFlagsMayFollowTheCommand) {
  Line line = read({"down", "-p", "shop", "--progress", "plain"});
  EXPECT_EQ(line.outer.text("project-name"), "shop");
  EXPECT_EQ(line.outer.text("progress"), "plain");
  // If the command defines the letter itself, the command's flag wins.
  EXPECT_TRUE(read({"logs", "-f"}).own.is_set("follow"));
}

TEST(Commands, MisspelledCommandsGetASuggestion) {
  std::vector<std::string> one{"strat"};
  EXPECT_EQ(unknown_command_text(one), "unknown command: strat; did you mean `start`?");
  std::vector<std::string> two{"image", "lss"};
  EXPECT_EQ(unknown_command_text(two), "unknown command: image lss; did you mean `image ls`?");
  std::vector<std::string> far{"frobnicate"};
  EXPECT_EQ(unknown_command_text(far), "unknown command: frobnicate");
}

TEST(Commands, PlanReturnsTwoForChanges) {
  EXPECT_EQ(kPlan.usage_exit, 1);
  EXPECT_EQ(kUp.usage_exit, 2);
}

TEST(Help, ShowsExamplesBeforeOptions) {
  std::string text = command_help(kUp, false);
  EXPECT_LT(text.find("stack up -d --build"), text.find("--force-recreate"));
  EXPECT_NE(text.find("Usage:  stack up [OPTIONS] [SERVICE...]"), std::string::npos);
  EXPECT_EQ(text.find("\x1b"), std::string::npos);
}

TEST(Help, ListsEveryVisibleCommandOnce) {
  std::string text = program_help(false);
  for (const Command* command : all_commands()) {
    size_t first = text.find("  " + std::string(command->name) + " ");
    EXPECT_EQ(first == std::string::npos, command->hidden) << command->name;
  }
}

}  // namespace
}  // namespace stack::cli
