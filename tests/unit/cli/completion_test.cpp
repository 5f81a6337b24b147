#include "cli/flags/completion.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

std::vector<std::string> words_for(std::vector<std::string> typed) {
  CompletionSources sources{
      [](const Arguments& globals) {
        return globals.given("file") ? std::vector<std::string>{"from-file"}
                                     : std::vector<std::string>{"web", "db"};
      },
      [] { return std::vector<std::string>{"shop", "blog"}; },
      [](const Arguments&) { return std::vector<std::string>{"debug", "dev"}; },
      [](std::string_view kind) { return std::vector<std::string>{std::string(kind) + "-a"}; }};
  std::vector<std::string> answers = completions(typed, sources);
  for (std::string& answer : answers) answer = answer.substr(0, answer.find('\t'));
  return answers;
}
using Words = std::vector<std::string>;

TEST(Completion, CommandsFirst) {
  EXPECT_EQ(words_for({"sta"}), (Words{"start", "stats"}));
  EXPECT_EQ(words_for({"image", "r"}), Words{"rm"});
  EXPECT_EQ(words_for({"compose", "dow"}), Words{"down"});
  EXPECT_EQ(words_for({"__co"}), Words{});
}

TEST(Completion, ServicesAfterACommandThatTakesThem) {
  EXPECT_EQ(words_for({"up", "-d", ""}), (Words{"web", "db"}));
  EXPECT_EQ(words_for({"-f", "x.yml", "logs", "f"}), Words{"from-file"});
  EXPECT_EQ(words_for({"exec", "w"}), Words{"web"});
  EXPECT_EQ(words_for({"exec", "web", ""}), Words{});
}

TEST(Completion, NamesOfObjectsProfilesAndSignals) {
  EXPECT_EQ(words_for({"volume", "rm", ""}), Words{"volume-a"});
  EXPECT_EQ(words_for({"image", "inspect", "i"}), Words{"image-a"});
  EXPECT_EQ(words_for({"network", "inspect", ""}), Words{"network-a"});
  EXPECT_EQ(words_for({"volume", "create", ""}), Words{});
  EXPECT_EQ(words_for({"generate", "systemd", "s"}), Words{"shop"});
  EXPECT_EQ(words_for({"--profile", "de"}), (Words{"debug", "dev"}));
  EXPECT_EQ(words_for({"kill", "--signal", "SIGU"}), (Words{"SIGUSR1", "SIGUSR2"}));
}

TEST(Completion, FlagsAndTheirValues) {
  EXPECT_EQ(words_for({"up", "--force"}), Words{"--force-recreate"});
  EXPECT_EQ(words_for({"--progress", "p"}), Words{"plain"});
  EXPECT_EQ(words_for({"down", "--rmi", ""}), (Words{"local", "all"}));
  EXPECT_EQ(words_for({"-p", "s"}), Words{"shop"});
  EXPECT_EQ(words_for({"logs", "--tail", ""}), Words{});
}

}  // namespace
}  // namespace stack::cli
