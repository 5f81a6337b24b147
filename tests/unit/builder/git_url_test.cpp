#include "images/builder/frontend/git_url.h"

#include <gtest/gtest.h>

namespace stack::builder {
namespace {

std::string parsed_url(std::string_view text) {
  Result<std::optional<GitUrl>> url = parse_git_url(text);
  if (!url) return "error";
  if (!*url) return "none";
  return (*url)->remote + " " + (*url)->ref + " " + (*url)->subdir + " " + (*url)->checksum;
}

TEST(GitUrl, TheUsualForms) {
  EXPECT_EQ(parsed_url("https://host/a/b.git"), "https://host/a/b.git   ");
  EXPECT_EQ(parsed_url("https://host/a/b.git#main:sub/dir"), "https://host/a/b.git main sub/dir ");
  EXPECT_EQ(parsed_url("git@host:a/b#v1"), "git@host:a/b v1  ");
  EXPECT_EQ(parsed_url("git://host/a"), "git://host/a   ");
  EXPECT_EQ(parsed_url("ssh://git@host:22/a.git#:x"), "ssh://git@host:22/a.git  x ");
}

TEST(GitUrl, Queries) {
  EXPECT_EQ(parsed_url("https://h/a.git?branch=b&subdir=/s/../t"), "https://h/a.git refs/heads/b t ");
  EXPECT_EQ(parsed_url("https://h/a.git?tag=v1&checksum=abc1"), "https://h/a.git refs/tags/v1  abc1");
  EXPECT_FALSE((*parse_git_url("https://h/a.git?submodules=0"))->submodules);
  EXPECT_EQ(parsed_url("https://h/a.git?nonsense=1"), "error");
  EXPECT_EQ(parsed_url("https://h/a.git?branch=b#c"), "error");
}

TEST(GitUrl, OtherTextsAreNotGitUrls) {
  for (const char* text :
       {"dir", "./dir.git", "/abs/dir", "https://host/file.tar", "http://host/", "a:b", "name:tag"})
    EXPECT_EQ(parsed_url(text), "none") << text;
}

TEST(GitUrl, GitOptionsAreNotReferences) {
  EXPECT_EQ(parsed_url("https://h/a.git#--upload-pack=x"), "error");
  EXPECT_EQ(parsed_url("https://h/a.git#a..b"), "error");
  EXPECT_EQ(parsed_url("https://h/a.git#a b"), "error");
}

TEST(GitUrl, SubdirectoriesStayInside) {
  EXPECT_EQ(parsed_url("https://h/a.git#main:../../etc"), "https://h/a.git main etc ");
}

}  // namespace
}  // namespace stack::builder
