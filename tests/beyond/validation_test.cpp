// Every object of every project is valid for Kubernetes' own decoder and validation.
#include <filesystem>

#include "base/process.h"
#include "cluster.h"

namespace stack::beyond {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().string());
  return out;
}

CapturedRun convert(const std::string& project, const std::string& folder) {
  SpawnRequest request;
  request.program = "env";
  request.args = {"API_TOKEN=t",
                  "GRAFANA_PASSWORD=p",
                  std::string(STACK_BIN_DIR) + "/stack",
                  "--run-root",
                  folder + "/no-engine",
                  "--target",
                  "kubernetes",
                  "convert",
                  "--push-to",
                  "registry.example:5000",
                  "-o",
                  folder};
  request.directory = project;
  auto ran = run_captured(std::move(request));
  return ran ? *ran : CapturedRun{-1, ran.error().text()};
}

TEST(Validation, EveryObjectOfEveryProjectIsValid) {
  if (!validation_program()) GTEST_SKIP() << kNoValidation;
  size_t projects = 0;
  for (const char* base : {"compose-examples", "tests/unit/targets/projects"})
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(STACK_SOURCE_DIR) / base)) {
      if (!entry.is_directory()) continue;
      auto folder = TemporaryDirectory::create("/tmp/stack-validate-");
      CapturedRun converted = convert(entry.path(), folder->path());
      ASSERT_EQ(converted.exit_code, 0) << entry.path() << "\n" << converted.output;
      SpawnRequest request;
      request.program = *validation_program();
      request.args = files_below(folder->path());
      ASSERT_FALSE(request.args.empty()) << entry.path();
      auto checked = run_captured(std::move(request));
      ASSERT_TRUE(checked);
      EXPECT_EQ(checked->exit_code, 0) << entry.path() << "\n" << checked->output;
      ++projects;
    }
  EXPECT_GE(projects, 32U);
}

// The validation itself finds what only a server finds.
TEST(Validation, ErrorsAreFound) {
  if (!validation_program()) GTEST_SKIP() << kNoValidation;
  auto folder = TemporaryDirectory::create("/tmp/stack-validate-");
  std::string file = folder->path() + "/wrong.yaml";
  ASSERT_TRUE(write_file(
      file,
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: "
      "{x: \"1\"}}\n  template: {metadata: {labels: {x: \"2\"}}, spec: {containers: [{name: c, image: "
      "i}]}}\n"));
  SpawnRequest request;
  request.program = *validation_program();
  request.args = {file};
  auto checked = run_captured(std::move(request));
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->exit_code, 1);
  EXPECT_NE(checked->output.find("`selector` does not match template `labels`"), std::string::npos)
      << checked->output;
}

}  // namespace
}  // namespace stack::beyond
