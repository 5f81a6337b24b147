#include "runtime/oci/flags.h"

#include <gtest/gtest.h>

namespace stack::runtime::oci {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", 'b', FlagKind::Text, "DIR", "the bundle"},
    {"detach", 'd', FlagKind::Switch, "", "return at once"},
    {"env", 'e', FlagKind::List, "KEY=VALUE", "a variable"},
    {"preserve-fds", 0, FlagKind::Text, "N", "descriptors"},
};

Result<Arguments> parse(std::vector<std::string> words, FlagOrder order = FlagOrder::Anywhere) {
  return parse_arguments(kFlags, words, order);
}

std::string error_of(std::vector<std::string> words) {
  Result<Arguments> parsed = parse(std::move(words));
  return parsed ? "(no error)" : parsed.error().text();
}

TEST(Flags, AcceptsAllNotationsOfAValue) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--bundle", "/b", "id"},
                                             {"--bundle=/b", "id"},
                                             {"-b", "/b", "id"},
                                             {"-b/b", "id"},
                                             {"-bundle", "/b", "id"}}) {
    Result<Arguments> parsed = parse(words);
    ASSERT_TRUE(parsed) << words[0] << ": " << parsed.error().text();
    EXPECT_EQ(parsed->text("bundle"), "/b") << words[0];
    EXPECT_EQ(parsed->words(), std::vector<std::string>{"id"}) << words[0];
  }
}

TEST(Flags, LastValueWinsAndListsKeepAll) {
  Result<Arguments> parsed = parse({"-b", "1", "--env", "A=1", "-b", "2", "-e", "B=2=3"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->text("bundle"), "2");
  EXPECT_EQ(parsed->list("env"), (std::vector<std::string>{"A=1", "B=2=3"}));
}

TEST(Flags, SwitchesCanBeDisabled) {
  EXPECT_TRUE(parse({"--detach"})->is_set("detach"));
  EXPECT_FALSE(parse({"--detach=false"})->is_set("detach"));
  EXPECT_FALSE(parse({})->is_set("detach"));
  EXPECT_EQ(error_of({"--detach=maybe"}), "--detach must be true or false, not \"maybe\"");
}

TEST(Flags, ContainerCommandIsNotParsedAsFlags) {
  Result<Arguments> parsed = parse({"-d", "id", "ls", "-b", "--env"}, FlagOrder::First);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->words(), (std::vector<std::string>{"id", "ls", "-b", "--env"}));
  EXPECT_FALSE(parsed->has("bundle"));
}

TEST(Flags, TwoDashesEndThem) {
  EXPECT_EQ(parse({"--", "-d"})->words(), std::vector<std::string>{"-d"});
  EXPECT_EQ(parse({"-"})->words(), std::vector<std::string>{"-"});
}

TEST(Flags, ErrorsNameTheFlagAndSuggestOne) {
  EXPECT_EQ(error_of({"--bundel", "/b"}), "unknown flag --bundel (did you mean --bundle?)");
  EXPECT_EQ(error_of({"--bundle"}), "--bundle requires a value");
  EXPECT_EQ(error_of({"-x"}).substr(0, 15), "unknown flag -x");
}

TEST(Flags, NumbersMustBeIntegers) {
  EXPECT_EQ(parse({"--preserve-fds", "3"})->number("preserve-fds", 0).value(), 3);
  EXPECT_EQ(parse({})->number("preserve-fds", 7).value(), 7);
  for (const char* wrong : {"", "3x", "0x3", " 3", "99999999999999999999"})
    EXPECT_FALSE(parse({"--preserve-fds", wrong})->number("preserve-fds", 0)) << wrong;
}

}  // namespace
}  // namespace stack::runtime::oci
