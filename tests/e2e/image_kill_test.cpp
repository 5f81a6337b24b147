// The engine is killed with SIGKILL at random moments of pulls, pushes, builds and prunes. After each kill the same command
// succeeds, images have the right contents, and nothing is left over.
//
// STACK_TEST_KILLS: how many (default 12). STACK_TEST_SEED: repeats a run.
#include <unistd.h>

#include <random>

#include "scenario.h"

namespace stack::e2e {
namespace {

constexpr const char* kImage = "127.0.0.1:5056/team/app:1";
constexpr const char* kDockerfile =
    "FROM debian:bookworm-slim\n"
    "RUN head -c 3000000 /dev/urandom > /one && sleep 0.1\n"
    "RUN seq 1 300000 > /two && sleep 0.1\n"
    "RUN sha256sum /one /two > /sums\n";

class ImageKill : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    unsigned seed = number_from("STACK_TEST_SEED", std::random_device{}());
    std::printf("STACK_TEST_SEED=%u\n", seed);
    random_.seed(seed);
    project("kill", "services: {web: {image: debian:bookworm-slim}}\n");
    write("context/Dockerfile", kDockerfile);
    std::string config = "version: 0.1\nlog: { level: error }\nstorage:\n  filesystem: { rootdirectory: " + folder() +
                         "/registry }\n  delete: { enabled: true }\nhttp:\n  addr: 127.0.0.1:5056\n";
    ASSERT_TRUE(write_file(folder() + "/registry.yml", config));
    server_ = std::make_unique<BackgroundCommand>(
        std::vector<std::string>{"docker-registry", "serve", folder() + "/registry.yml"});
    ASSERT_TRUE(eventually(10s, [] { return run_command({"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5056"}).code == 0; }));
    // Prunes keep the base image of a container.
    must_docker({"create", "--name", "holder", "debian:bookworm-slim"});
    must_docker({"build", "-q", "-t", kImage, path("context")});
    must_docker({"push", "-q", kImage});
  }
  void TearDown() override {
    server_.reset();
    Scenario::TearDown();
  }
  static unsigned number_from(const char* name, unsigned fallback) {
    const char* given = std::getenv(name);
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : fallback;
  }

  // Starts the command, kills the engine in the middle, and repeats the command.
  void kill_during(const std::vector<std::string>& args, int most_ms) {
    std::vector<std::string> words{"docker"};
    words.insert(words.end(), args.begin(), args.end());
    auto moment = std::uniform_int_distribution<int>(0, most_ms)(random_);
    SCOPED_TRACE(args[0] + " killed after " + std::to_string(moment) + " ms");
    std::unique_ptr<BackgroundCommand> command = start(words);
    ::usleep(static_cast<useconds_t>(moment) * 1000);
    stack().kill_engine();
    EXPECT_NE(command->wait(60s), -1) << "the client hangs";
    must({"image", "ls"});  // starts the next engine
    must_docker(args);
  }
  // What doctor says of images and leftovers; "" if all is well.
  std::string doctor_complaints() {
    std::string out;
    Json doctor = stack().api("GET", "/stack/v1/doctor").body;
    for (const Json& check : doctor.value("checks", Json::array())) {
      std::string name = string_or(check, "name");
      bool ours = name.find("image") != std::string::npos || name.find("leftover") != std::string::npos;
      if (ours && string_or(check, "state") != "ok") out += check.dump() + "\n";
    }
    return out;
  }
  void expect_image() {
    CommandResult sums = docker({"run", "--rm", kImage, "sha256sum", "--status", "-c", "/sums"});
    EXPECT_EQ(sums.code, 0) << sums.text();
    // The kernel removes interfaces of a namespace that has ended some time later.
    std::string wrong;
    EXPECT_TRUE(eventually(10s, [&] { return (wrong = doctor_complaints()).empty(); })) << wrong;
  }

  std::mt19937 random_;
  std::unique_ptr<BackgroundCommand> server_;
};

TEST_F(ImageKill, NothingIsWrongOrLost) {
  unsigned kills = number_from("STACK_TEST_KILLS", 12);
  for (unsigned i = 0; i < kills && !HasFailure(); ++i) {
    switch (i % 4) {
      case 0:
        must_docker({"rmi", "-f", kImage});
        kill_during({"pull", kImage}, 400);
        break;
      case 1:
        kill_during({"push", kImage}, 300);
        must_docker({"rmi", "-f", kImage});
        must_docker({"pull", kImage});
        break;
      case 2:
        kill_during({"build", "--no-cache", "-t", kImage, path("context")}, 1500);
        break;
      default:
        kill_during({"image", "prune", "-af"}, 200);
        must_docker({"pull", kImage});
        break;
    }
    expect_image();
    // Rebuilt ones have other contents than what is in the registry.
    must_docker({"push", "-q", kImage});
  }
  must_docker({"rm", "holder"});
  must_docker({"builder", "prune", "-af"});
}

}  // namespace
}  // namespace stack::e2e
