#include "cli/flags/globals.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

Result<Globals> globals(std::vector<std::string> words, Environment environment = {}) {
  Arguments given;
  Arguments unused;
  TRY(parse_flags({global_flags(), {}, true}, words, given, unused));
  return read_globals(given, environment, "/home/me");
}

TEST(Globals, FlagsOverrideVariables) {
  Globals g = globals({"--progress", "plain", "--root", "/a"},
                      {{"COMPOSE_PROGRESS", "json"}, {"STACK_ROOT", "/b"}, {"STACK_RUN_ROOT", "/c"}})
                  .value();
  EXPECT_EQ(g.progress, ProgressMode::Plain);
  EXPECT_EQ(g.root, "/a");
  EXPECT_EQ(g.run_root, "/c");
  EXPECT_EQ(g.socket(), "/c/stack.sock");
}

TEST(Globals, RelativeRootsStartInTheCurrentFolder) {
  EXPECT_EQ(globals({"--root", "../state"}).value().root, "/home/state");
}

TEST(Globals, DefaultRootsAreTheMachines) {
  Globals g = globals({}).value();
  EXPECT_EQ(g.root, "/var/lib/stack");
  EXPECT_EQ(g.run_root, "/run/stack");
  EXPECT_FALSE(g.project_name);
}

TEST(Globals, ProfilesMayBeRepeatedOrListed) {
  EXPECT_EQ(globals({"--profile", "a,b", "--profile", "c"}).value().profiles,
            (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Globals, UnknownChoicesAreErrors) {
  EXPECT_FALSE(globals({"--ansi", "sometimes"}));
  EXPECT_FALSE(globals({"--progress", "fancy"}));
  EXPECT_FALSE(globals({"--parallel", "many"}));
  EXPECT_TRUE(globals({"--parallel", "-1"}));
}

TEST(Terminal, ColorRequiresACapableTerminalAndNoOptOut) {
  EXPECT_TRUE(decide_terminal(true, Ansi::Auto, {}).color);
  EXPECT_FALSE(decide_terminal(false, Ansi::Auto, {}).color);
  EXPECT_FALSE(decide_terminal(true, Ansi::Auto, {{"NO_COLOR", "1"}}).color);
  EXPECT_TRUE(decide_terminal(true, Ansi::Auto, {{"NO_COLOR", ""}}).color);
  EXPECT_FALSE(decide_terminal(true, Ansi::Auto, {{"TERM", "dumb"}}).color);
  EXPECT_FALSE(decide_terminal(true, Ansi::Never, {}).color);
  EXPECT_TRUE(decide_terminal(false, Ansi::Always, {{"NO_COLOR", "1"}}).color);
}

}  // namespace
}  // namespace stack::cli
