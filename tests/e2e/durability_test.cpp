// What is on the disk when a client gets its answer. tests/vm/power-cuts tries real losses.
#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "command.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class Durability : public Scenario {
 protected:
  void SetUp() override {
    if (run_command({"sh", "-c", "command -v strace"}).code != 0) GTEST_SKIP() << "strace is not installed";
    Scenario::SetUp();
  }
  // Starts an engine that writes its synchronizations to a file. A line is there before the call returns.
  std::unique_ptr<BackgroundCommand> traced_engine() {
    stack().shut_down();
    auto engine = std::make_unique<BackgroundCommand>(std::vector<std::string>{
        "strace", "-f", "-y", "-qq", "-o", trace(), "-e", "trace=fsync", program_folder() + "/stackd",
        "--root", stack().root(), "--run-root", stack().run_root()});
    EXPECT_TRUE(eventually(patiently(10s),
                           [&] { return api_call(stack().socket(), "GET", "/_ping").status == 200; }));
    return engine;
  }
  std::string trace() const { return folder() + "/trace"; }
  // Runs a command; returns the paths, below the root, that were synchronized meanwhile.
  std::set<std::string> synced_by(const std::vector<std::string>& command) {
    size_t before = read_file(trace()).value_or("").size();
    must(command);
    std::set<std::string> paths;
    for (const std::string& line : split(read_file(trace()).value_or("").substr(before), '\n')) {
      size_t at = line.find('<' + stack().root() + '/');
      if (at == std::string::npos || line.find(" = 0") == std::string::npos) continue;
      std::string path = line.substr(at + stack().root().size() + 2);
      paths.insert(path.substr(0, path.find('>')));
    }
    return paths;
  }
};

using Paths = std::set<std::string>;

bool includes(const Paths& all, const Paths& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

TEST_F(Durability, ChangesAreOnTheDiskBeforeTheirAnswer) {
  const char* image = "debian:bookworm-slim";
  auto engine = traced_engine();
  EXPECT_TRUE(includes(synced_by({"docker", "volume", "create", "v"}),
                       {"volumes", "volumes/v", "volumes/v/volume.json"}));
  EXPECT_TRUE(includes(synced_by({"docker", "volume", "rm", "v"}), {"volumes"}));
  EXPECT_TRUE(includes(synced_by({"docker", "network", "create", "n"}), {"state.db-wal", "networks"}));
  EXPECT_TRUE(includes(synced_by({"docker", "network", "rm", "n"}), {"state.db-wal", "networks"}));
  EXPECT_TRUE(includes(synced_by({"docker", "create", "--name", "made", image, "true"}),
                       {"state.db-wal", "containers"}));
  EXPECT_TRUE(includes(synced_by({"docker", "rm", "made"}), {"state.db-wal", "containers"}));
  // The first one makes the default network. Their containers end with the power.
  must({"docker", "run", "--rm", image, "true"});
  EXPECT_EQ(synced_by({"docker", "run", "--rm", image, "true"}), Paths());
  EXPECT_EQ(synced_by({"docker", "ps"}), Paths());
  stack().shut_down();
}

TEST_F(Durability, ProjectIsOnTheDiskWhenUpEnds) {
  project("durable", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  auto engine = traced_engine();
  EXPECT_TRUE(includes(synced_by({"up", "-d"}), {"state.db-wal", "containers", "networks", "projects"}));
  EXPECT_TRUE(includes(synced_by({"down"}), {"state.db-wal", "containers", "networks", "projects"}));
  stack().shut_down();
}

}  // namespace
}  // namespace stack::e2e
