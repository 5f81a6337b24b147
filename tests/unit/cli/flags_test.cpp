#include "cli/flags/flags.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

constexpr Flag kOwn[] = {
    {'d', "detach", FlagArity::Nothing, "", "x"}, {'i', "interactive", FlagArity::Nothing, "", "x"},
    {'n', "tail", FlagArity::Value, "N", "x"},    {'e', "env", FlagArity::Values, "K=V", "x"},
    {0, "build", FlagArity::Nothing, "", "x"},
};
constexpr Flag kOuter[] = {
    {'f', "file", FlagArity::Values, "FILE", "x"},
    {'d', "directory", FlagArity::Value, "DIR", "x"},
};

struct Parsed {
  Arguments own;
  Arguments outer;
  std::string error;
};

Parsed parse(std::vector<std::string> words, bool stop = false) {
  Parsed parsed;
  auto result = parse_flags({kOwn, kOuter, stop}, words, parsed.own, parsed.outer);
  if (!result) parsed.error = result.error().text();
  return parsed;
}

TEST(Flags, SwitchesValuesAndWordsMayBeMixed) {
  Parsed p = parse({"web", "-d", "--tail", "5", "db", "--env=A=1", "-eB=2"});
  EXPECT_EQ(p.error, "");
  EXPECT_TRUE(p.own.is_set("detach"));
  EXPECT_EQ(p.own.text("tail"), "5");
  EXPECT_EQ(p.own.all("env"), (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(p.own.words, (std::vector<std::string>{"web", "db"}));
}

TEST(Flags, ShortFlagsMayBeBundledWithAValueAtTheEnd) {
  EXPECT_EQ(parse({"-din", "7"}).own.text("tail"), "7");
  EXPECT_EQ(parse({"-din7"}).own.text("tail"), "7");
  EXPECT_EQ(parse({"-n=7"}).own.text("tail"), "7");
  EXPECT_TRUE(parse({"-din7"}).own.is_set("interactive"));
}

TEST(Flags, AValueMayBeginWithADash) { EXPECT_EQ(parse({"--tail", "-1"}).own.text("tail"), "-1"); }

TEST(Flags, SwitchesAcceptAnExplicitValue) {
  EXPECT_FALSE(parse({"-d", "--detach=false"}).own.is_set("detach"));
  EXPECT_TRUE(parse({"--detach=1"}).own.is_set("detach"));
  EXPECT_TRUE(parse({"--detach=false"}).own.given("detach"));
  EXPECT_EQ(parse({"--detach=maybe"}).error,
            "invalid argument \"maybe\" for --detach: must be true or false");
}

TEST(Flags, LastValueWins) { EXPECT_EQ(parse({"-n1", "-n2"}).own.text("tail"), "2"); }

TEST(Flags, OuterFlagsAreAcceptedIfTheCommandHasNoSuchFlag) {
  Parsed p = parse({"-f", "a.yml", "-d"});
  EXPECT_EQ(p.outer.all("file"), std::vector<std::string>{"a.yml"});
  EXPECT_TRUE(p.own.is_set("detach"));
  EXPECT_FALSE(p.outer.given("directory"));
}

TEST(Flags, TwoDashesEndTheFlags) {
  Parsed p = parse({"-d", "--", "-n", "--build"});
  EXPECT_EQ(p.own.words, (std::vector<std::string>{"-n", "--build"}));
}

TEST(Flags, NestedCommandLineIsNotParsed) {
  Parsed p = parse({"-d", "web", "ls", "-l", "--", "--unknown"}, true);
  EXPECT_EQ(p.error, "");
  EXPECT_TRUE(p.own.is_set("detach"));
  EXPECT_EQ(p.own.words, (std::vector<std::string>{"web", "ls", "-l", "--", "--unknown"}));
}

TEST(Flags, UnknownFlagErrorsSuggestTheNearest) {
  EXPECT_EQ(parse({"--buidl"}).error, "unknown flag: --buidl; did you mean --build?");
  EXPECT_EQ(parse({"--fiel", "x"}).error, "unknown flag: --fiel; did you mean --file?");
  EXPECT_EQ(parse({"--xyzzy"}).error, "unknown flag: --xyzzy");
  EXPECT_EQ(parse({"-dz"}).error, "unknown shorthand flag: 'z' in -dz");
}

TEST(Flags, AMissingValueIsAnError) {
  EXPECT_EQ(parse({"--tail"}).error, "flag needs an argument: --tail");
  EXPECT_EQ(parse({"-dn"}).error, "flag needs an argument: -n");
}

TEST(Flags, NumbersAreChecked) {
  EXPECT_EQ(parse({"-n12"}).own.number("tail").value(), 12);
  EXPECT_EQ(parse({}).own.number("tail").value(), std::nullopt);
  EXPECT_EQ(parse({"-n=-1"}).own.number("tail", -1).value(), -1);
  EXPECT_FALSE(parse({"-n=-1"}).own.number("tail"));
  EXPECT_FALSE(parse({"-n", "1s"}).own.number("tail"));
  EXPECT_FALSE(parse({"-n", ""}).own.number("tail"));
  EXPECT_FALSE(parse({"-n", "99999999999999999999"}).own.number("tail"));
}

TEST(Flags, ASingleDashIsAWord) { EXPECT_EQ(parse({"-"}).own.words, std::vector<std::string>{"-"}); }

}  // namespace
}  // namespace stack::cli
