// `stack convert` needs neither a cluster nor an engine.
#include <filesystem>

#include "base/json.h"
#include "base/text.h"
#include "cluster.h"

namespace stack::beyond {
namespace {

namespace fs = std::filesystem;

// "path contents" of every file below the folder.
std::map<std::string, std::string> files_in(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[entry.path().string().substr(folder.size())] = read_file(entry.path()).value_or("");
  return out;
}

class ConvertTest : public testing::TestWithParam<std::string> {
 protected:
  ConvertTest() : directory_(std::move(*TemporaryDirectory::create("/tmp/stack-convert-"))) {}

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  CommandResult convert(const std::string& project, std::vector<std::string> more) {
    more.insert(more.begin(), {"--run-root", path("no-engine"), "--target", GetParam(), "convert"});
    return run_program(std::string(STACK_BIN_DIR) + "/stack", more,
                       {{"API_TOKEN", "t"}, {"GRAFANA_PASSWORD", "p"}}, project);
  }

 private:
  TemporaryDirectory directory_;
};

TEST_P(ConvertTest, TwoConversionsAreTheSameBytesAndEveryKeyIsCounted) {
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(STACK_SOURCE_DIR) / "compose-examples")) {
    if (!entry.is_directory()) continue;
    std::string name = entry.path().filename();
    for (const char* round : {"/first", "/second"}) {
      CommandResult done = convert(entry.path(), {"-o", path(name) + round});
      ASSERT_EQ(done.exit_code, 0) << name << ": " << done.out;
    }
    EXPECT_FALSE(files_in(path(name) + "/first").empty()) << name;
    EXPECT_EQ(files_in(path(name) + "/first"), files_in(path(name) + "/second")) << name;
    auto report = parse_json(convert(entry.path(), {"--report", "json"}).out);
    ASSERT_TRUE(report) << name;
    EXPECT_EQ((*report)["keys"].size(), (*report)["exact"].get<size_t>() +
                                            (*report)["adapted"].get<size_t>() +
                                            (*report)["lost"].get<size_t>())
        << name;
  }
}

TEST_P(ConvertTest, StrictRefusesWhatIsLostAndNamesItsPlace) {
  ASSERT_TRUE(write_file(path("compose.yaml"),
                         "services:\n  web:\n    image: docker.io/example/web\n    mem_swappiness: 5\n"));
  CommandResult told = convert(path(""), {});
  EXPECT_EQ(told.exit_code, 0) << told.out;
  EXPECT_NE(told.out.find("compose.yaml:4:"), std::string::npos) << told.out;
  CommandResult refused = convert(path(""), {"--strict"});
  EXPECT_EQ(refused.exit_code, 1) << refused.out;
  EXPECT_NE(refused.out.find("1 key is lost"), std::string::npos) << refused.out;
  EXPECT_NE(convert(path(""), {"--report", "table"}).out.find("lost     services.web.mem_swappiness"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Targets, ConvertTest, testing::Values("kubernetes", "swarm"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace stack::beyond
