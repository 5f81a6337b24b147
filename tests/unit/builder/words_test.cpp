#include "images/builder/frontend/words.h"

#include <gtest/gtest.h>

#include <map>

#include "base/files.h"
#include "base/text.h"

namespace stack::builder {
namespace {

const std::string kRows = std::string(STACK_TEST_DATA) + "/dockerfile/";

using Values = std::map<std::string, std::string, std::less<>>;

Expander expander(const Values& values) {
  Expander out;
  out.variables = [&values](std::string_view name) -> std::optional<std::string> {
    auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
  return out;
}

std::string word(std::string_view text, const Values& values) {
  Result<std::string> out = expander(values).word(text);
  return out ? *out : "error";
}

TEST(Words, ReferenceRowsOfSingleWords) {
  ASSERT_TRUE(path_exists(kRows + "envVarTest"));
  Values values{{"PWD", "/home"}, {"SHELL", "bash"}, {"KOREAN", "한국어"}, {"NULL", ""}};
  int rows = 0;
  for (const std::string& line : split(*read_file(kRows + "envVarTest"), '\n')) {
    if (line.empty() || line[0] == '#' || line[0] == 'W') continue;
    std::vector<std::string> parts = split(line, '|');
    ASSERT_EQ(parts.size(), 3u) << line;
    EXPECT_EQ(word(trim(parts[1]), values), trim(parts[2])) << line;
    ++rows;
  }
  EXPECT_GE(rows, 225);
}

TEST(Words, ReferenceRowsOfWordLists) {
  ASSERT_TRUE(path_exists(kRows + "wordsTest"));
  Values values;
  int rows = 0;
  for (const std::string& line : split(*read_file(kRows + "wordsTest"), '\n')) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("ENV ")) {
      size_t equals = line.find('=');
      values = {{line.substr(4, equals - 4), line.substr(equals + 1)}};
      continue;
    }
    size_t bar = line.find(" | ");
    ASSERT_NE(bar, std::string::npos) << line;
    std::string input = line.substr(0, bar);
    Result<std::vector<std::string>> out = expander(values).words(input);
    std::string got = out ? join(*out, ",") : "error";
    EXPECT_EQ(got, line.substr(bar + 3)) << line;
    ++rows;
  }
  EXPECT_GE(rows, 20);
}

TEST(Words, PrefixesAndSuffixesAreCutByPattern) {
  Values values{{"f", "a.tar.gz"}, {"p", "/usr/local/bin"}};
  EXPECT_EQ(word("${f%.*}", values), "a.tar");
  EXPECT_EQ(word("${f%%.*}", values), "a");
  EXPECT_EQ(word("${p#*/}", values), "usr/local/bin");
  EXPECT_EQ(word("${p##*/}", values), "bin");
  EXPECT_EQ(word("${f#\\*}", values), "a.tar.gz");
  EXPECT_EQ(word("${f%g?}", values), "a.tar.");
}

TEST(Words, ReplacementOfTheFirstOrOfAllMatches) {
  Values values{{"v", "a-b-c"}, {"d", "-"}};
  EXPECT_EQ(word("${v/-/_}", values), "a_b-c");
  EXPECT_EQ(word("${v//-/_}", values), "a_b_c");
  EXPECT_EQ(word("${v//$d/}", values), "abc");
  EXPECT_EQ(word("${v/?-*/x}", values), "x");
}

TEST(Words, UnknownModifiersAreErrors) {
  Values values{{"v", "x"}};
  EXPECT_EQ(word("${v:#x}", values), "error");
  EXPECT_EQ(word("${v:%x}", values), "error");
  EXPECT_EQ(word("${v=x}", values), "error");
}

TEST(Words, RequiredVariableErrorHasTheUsersMessage) {
  Values none;
  Result<std::string> out = expander(none).word("${VERSION:?set VERSION with --build-arg}");
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().text().find("VERSION: set VERSION with --build-arg"), std::string::npos)
      << out.error().text();
}

TEST(Words, UnsetVariablesAreReported) {
  Values none;
  Expander e = expander(none);
  std::set<std::string> unset;
  e.unset = &unset;
  ASSERT_TRUE(e.word("$A ${B} ${C:-x}"));
  EXPECT_EQ(unset, (std::set<std::string>{"A", "B"}));
}

TEST(Words, HeredocsKeepQuotesAndExpandVariables) {
  Values values{{"v", "x y"}};
  EXPECT_EQ(*expander(values).heredoc("a '$v' \"$v\" \\$v \\n\n"), "a 'x y' \"x y\" $v \\n\n");
}

}  // namespace
}  // namespace stack::builder
