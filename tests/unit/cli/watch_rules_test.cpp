// develop.watch: matching of changes with rules, and the resulting work.
#include "cli/watch/rules.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace stack::cli {
namespace {

class WatchRules : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::create("/tmp/watch-rules-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
    ASSERT_TRUE(ensure_directory(path("src/deep")));
    ASSERT_TRUE(write_file(path("src/app.py"), "x"));
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }

  Json service(Json rules) const {
    return {{"build", {{"context", folder_->path()}}}, {"develop", {{"watch", std::move(rules)}}}};
  }
  std::vector<WatchRule> rules(const Json& one) {
    auto rules = watch_rules({{"services", {{"web", one}}}}, {}, warnings_);
    EXPECT_TRUE(rules) << (rules ? "" : rules.error().text());
    return rules ? *rules : std::vector<WatchRule>{};
  }
  Json sync() const { return {{"path", path("src")}, {"action", "sync"}, {"target", "/app"}}; }

  std::vector<std::string> warnings_;
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(WatchRules, FileBelowThePathIsCopiedBelowTheTarget) {
  WatchRule rule = rules(service({sync()})).at(0);
  EXPECT_TRUE(rule.concerns(path("src/deep/x.py")));
  EXPECT_FALSE(rule.concerns(path("other/x.py")));
  EXPECT_FALSE(rule.concerns(path("srcx")));
  EXPECT_EQ(rule.target_of(path("src/deep/x.py")), "/app/deep/x.py");
  EXPECT_EQ(rule.target_of(path("src")), "/app");
}

TEST_F(WatchRules, IgnoreIncludeAndDockerignoreExcludeFiles) {
  ASSERT_TRUE(write_file(path(".dockerignore"), "src/cache\n*.log\n**/*.pyc\n"));
  Json ignoring = sync();
  ignoring["ignore"] = {"node_modules/", "deep/secret"};
  Json including = sync();
  including["include"] = {"**/*.html"};
  auto list = rules(service({ignoring, including}));
  EXPECT_FALSE(list[0].concerns(path("src/node_modules/a/b.js")));
  EXPECT_TRUE(list[0].skips_directory(path("src/node_modules")));
  EXPECT_FALSE(list[0].concerns(path("src/deep/secret")));
  EXPECT_FALSE(list[0].concerns(path("src/cache/x")));
  EXPECT_FALSE(list[0].concerns(path("src/deep/x.pyc")));
  EXPECT_TRUE(list[0].concerns(path("src/x.py")));
  EXPECT_TRUE(list[1].concerns(path("src/deep/x.html")));
  EXPECT_FALSE(list[1].concerns(path("src/deep/x.py")));
}

TEST_F(WatchRules, EditorFilesAndGitAreIgnored) {
  WatchRule rule = rules(service({sync()})).at(0);
  for (const char* name :
       {".app.py.swp", "app.py~", "4913", ".#app.py", "#app.py#", ".git/index", "app.py___jb_tmp___"})
    EXPECT_FALSE(rule.concerns(path("src/" + std::string(name)))) << name;
  EXPECT_TRUE(rule.concerns(path("src/#1")));
  EXPECT_TRUE(rule.concerns(path("src/.gitignore")));
}

TEST_F(WatchRules, BatchBecomesOneUnitOfWorkPerService) {
  Json restarting = sync();
  restarting["action"] = "sync+restart";
  auto list = rules(service({restarting}));
  auto work = work_for(list, {path("src/app.py"), path("src/gone.py")},
                       [&](const std::string& file) { return file != path("src/gone.py"); });
  ASSERT_EQ(work.size(), 1U);
  const WatchWork& web = work.at("web");
  EXPECT_TRUE(web.restart);
  ASSERT_EQ(web.copies.size(), 1U);
  EXPECT_EQ(web.copies[0].second, "/app/app.py");
  EXPECT_EQ(web.removals, std::vector<std::string>{"/app/gone.py"});
}

TEST_F(WatchRules, RebuildReplacesOtherWork) {
  Json rebuilding{{"path", path("src/app.py")}, {"action", "rebuild"}};
  auto work = work_for(rules(service({sync(), rebuilding})), {path("src/app.py")},
                       [](const std::string&) { return true; });
  EXPECT_TRUE(work.at("web").rebuild);
  EXPECT_TRUE(work.at("web").copies.empty());
}

TEST_F(WatchRules, BindMountedFilesAreNotWatched) {
  Json web = service({sync()});
  web["volumes"] = {{{"type", "bind"}, {"source", folder_->path()}, {"target", "/src"}}};
  EXPECT_TRUE(rules(web).empty());
  ASSERT_EQ(warnings_.size(), 1U);
}

TEST_F(WatchRules, InvalidRulesAreErrorsThatNameTheService) {
  auto error_of = [&](const Json& web) {
    std::vector<std::string> warnings;
    auto rules = watch_rules({{"services", {{"web", web}}}}, {}, warnings);
    return rules ? "" : rules.error().text();
  };
  Json missing = sync();
  missing["path"] = path("nothing");
  EXPECT_EQ(error_of(service({missing})), "service web: watch path " + path("nothing") + " does not exist");
  Json rebuilding = {{"develop", {{"watch", {{{"path", path("src")}, {"action", "rebuild"}}}}}}};
  EXPECT_NE(error_of(rebuilding).find("requires a build section"), std::string::npos);
}

}  // namespace
}  // namespace stack::cli
