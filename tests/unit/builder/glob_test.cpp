#include "base/glob.h"

#include <gtest/gtest.h>

#include "images/builder/frontend/flags.h"
#include "images/builder/worker/copy.h"

namespace stack::builder {
namespace {

bool excluded(std::string_view rules, std::string_view path) {
  Result<IgnoreRules> parsed = IgnoreRules::parse(rules);
  EXPECT_TRUE(parsed) << parsed.error().text();
  return parsed && parsed->excluded(path);
}

TEST(Glob, StarsStayInsideOneName) {
  EXPECT_TRUE(glob_matches("*.txt", "a.txt"));
  EXPECT_TRUE(glob_matches("*", ".hidden"));
  EXPECT_FALSE(glob_matches("*.txt", "d/a.txt"));
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_FALSE(glob_matches("a?c", "a/c"));
  EXPECT_TRUE(glob_matches("[a-c]x", "bx"));
  EXPECT_FALSE(glob_matches("[^a-c]x", "bx"));
  EXPECT_TRUE(glob_matches("\\*", "*"));
  EXPECT_FALSE(glob_matches("\\*", "a"));
  EXPECT_TRUE(glob_matches("a*b*c", "aXXbYYc"));
}

TEST(Glob, MalformedPatternsAreRefused) {
  for (std::string_view bad : {"[", "[a", "[]a]", "[-]", "a\\", "[a-"}) EXPECT_FALSE(check_glob(bad)) << bad;
  for (std::string_view good : {"[a-z]*", "a\\[b", "**/x"}) EXPECT_TRUE(check_glob(good)) << good;
}

TEST(Glob, MaliciousPatternTerminates) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(200, 'a')));
}

TEST(Dockerignore, LastMatchWins) {
  EXPECT_TRUE(excluded("*.md\n!README.md\n", "notes.md"));
  EXPECT_FALSE(excluded("*.md\n!README.md\n", "README.md"));
  EXPECT_TRUE(excluded("!README.md\n*.md\n", "README.md"));
}

TEST(Dockerignore, MatchedDirectoryIncludesItsContents) {
  EXPECT_TRUE(excluded("node_modules\n", "node_modules/a/b.js"));
  EXPECT_FALSE(excluded("node_modules\n", "sub/node_modules/a.js"));
  EXPECT_FALSE(excluded("dir\n!dir/keep\n", "dir/keep")) << "unlike git, what is below can come back";
  EXPECT_TRUE(excluded("dir\n!dir/keep\n", "dir/other"));
}

TEST(Dockerignore, DoubleStarIsAnyNumberOfDirectories) {
  EXPECT_TRUE(excluded("**/*.log\n", "a.log"));
  EXPECT_TRUE(excluded("**/*.log\n", "x/y/a.log"));
  EXPECT_TRUE(excluded("docs/**\n", "docs/a/b"));
  EXPECT_TRUE(excluded("**/temp*\n", "a/b/temporary/file"));
  EXPECT_TRUE(excluded("a/**/b\n", "a/b"));
  EXPECT_TRUE(excluded("a/**/b\n", "a/x/y/b"));
  EXPECT_FALSE(excluded("a/**/b\n", "a/x/c"));
  EXPECT_TRUE(excluded("**\n", "anything/at/all"));
}

TEST(Dockerignore, LinesAreTrimmedCleanedAndCommented) {
  EXPECT_TRUE(excluded("  /a/./b/../c  \n", "a/c"));
  EXPECT_FALSE(excluded("#a\n", "#a"));
  EXPECT_TRUE(excluded(" #a\n", "#a")) << "a comment begins in the first column";
  EXPECT_TRUE(
      excluded("\xEF\xBB\xBF"
               "a\n",
               "a"));
  EXPECT_TRUE(excluded("a\r\n", "a"));
  EXPECT_TRUE(excluded("*/temp*\n", "x/tempest"));
  EXPECT_FALSE(excluded("*/temp*\n", "x/y/tempest"));
}

TEST(Dockerignore, BadPatternNamesItsLine) {
  Result<IgnoreRules> rules = IgnoreRules::parse("a\n[\n");
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().text(), "2: syntax error in pattern [");
  EXPECT_FALSE(IgnoreRules::parse("!\n"));
}

TEST(Dockerignore, ExcludingLineIsTheDecisiveOne) {
  EXPECT_EQ(IgnoreRules::parse("a\n!a/b\na/b/c\n")->excluding_line("a/b/c"), 3);
  EXPECT_EQ(IgnoreRules::parse("a\n!a/b\n")->excluding_line("a/b"), 0);
}

mode_t changed(std::string_view change, mode_t mode, bool directory = false) {
  Result<mode_t> result = changed_mode(change, mode, directory);
  return result ? *result : 010000;
}

TEST(ChangedMode, OctalAndSymbolic) {
  EXPECT_EQ(changed("755", 0), 0755u);
  EXPECT_EQ(changed("07777", 0), 07777u);
  EXPECT_EQ(changed("u=rwX,go=rX", 0600), 0644u);
  EXPECT_EQ(changed("u=rwX,go=rX", 0600, true), 0755u);
  EXPECT_EQ(changed("u=rwX,go=rX", 0711), 0755u);
  EXPECT_EQ(changed("+x", 0644), 0755u);
  EXPECT_EQ(changed("a-w", 0666), 0444u);
  EXPECT_EQ(changed("g=u", 0640), 0660u);
  EXPECT_EQ(changed("u+s,o+t", 0755), 05755u);
  EXPECT_EQ(changed("u=rw-w", 0), 0400u);
}

TEST(ChangedMode, InvalidModesAreRejected) {
  for (std::string_view bad : {"", "8", "77777", "u", "u=q", "x+u", "u=rw,", "999999999999"})
    EXPECT_FALSE(changed_mode(bad, 0, false)) << bad;
}

TEST(Mount, OptionsAndDefaults) {
  MountOptions cache = *parse_mount("type=cache,target=/c,sharing=locked,mode=0700,uid=5");
  EXPECT_EQ(cache.type, MountType::Cache);
  EXPECT_FALSE(cache.read_only);
  EXPECT_EQ(cache.sharing, "locked");
  EXPECT_EQ(cache.mode, 0700u);
  MountOptions bind = *parse_mount("target=/b,source=x,\"from=a,b\"");
  EXPECT_EQ(bind.type, MountType::Bind);
  EXPECT_TRUE(bind.read_only);
  EXPECT_EQ(bind.from, "a,b");
  EXPECT_FALSE(parse_mount("target=/b,rw")->read_only);
  EXPECT_EQ(parse_mount("type=tmpfs,target=/t,size=1m")->size, 1 << 20);
}

TEST(Mount, ErrorsNameTheMistake) {
  EXPECT_NE(parse_mount("type=cach,target=/c").error().text().find("did you mean cache?"), std::string::npos);
  EXPECT_NE(parse_mount("taget=/c").error().text().find("did you mean target?"), std::string::npos);
  EXPECT_FALSE(parse_mount("type=bind"));
  EXPECT_FALSE(parse_mount("type=cache,target=/c,sharing=maybe"));
  EXPECT_FALSE(parse_mount("type=cache,target=/c,mode=9"));
}

}  // namespace
}  // namespace stack::builder
