// R2, R3: the engine dies at, or gets an error from, its n-th system call of a kind.
#include <signal.h>
#include <unistd.h>

#include "row.h"

namespace stack::reliability {
namespace {

constexpr const char* kProject = R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    ports: ["18082:8000"]
    depends_on: [db]
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data:
)";

// What changes the kernel, the disk, or another process.
constexpr const char* kCalls[] = {"sendmsg", "mkdir",    "rename",    "unlink", "openat",
                                  "write",   "pwrite64", "fdatasync", "clone3"};

class InjectionRow : public Row {
 protected:
  // An engine whose event loop thread gets this injection (strace(1)).
  std::unique_ptr<BackgroundCommand> traced_engine(const std::string& call, const std::string& effect,
                                                   unsigned n) {
    stack().shut_down();
    std::vector<std::string> argv{"strace",
                                  "-qq",
                                  "-o",
                                  "/dev/null",
                                  "-e",
                                  "trace=" + call,
                                  "-e",
                                  "inject=" + call + ":" + effect + ":when=" + std::to_string(n),
                                  e2e::program_folder() + "/stackd",
                                  "--root",
                                  stack().root(),
                                  "--run-root",
                                  stack().run_root()};
    auto engine = std::make_unique<BackgroundCommand>(argv);
    // It may die before it serves.
    eventually(3s, [&] { return stack().engine_pid() != 0; });
    return engine;
  }
  static bool ended(BackgroundCommand& engine) { return engine.wait(1ms) != -1; }

  // n = 1, 2, 3, ...: all with --large, otherwise a growing step, until the engine no longer reaches the n-th call.
  void enumerate(const std::string& call, const std::string& effect,
                 const std::function<bool(unsigned n)>& inject) {
    unsigned most = count(4, 100'000);
    unsigned n = 1;
    for (unsigned i = 0; i < most; ++i) {
      bool reached = false;
      once(call + " " + effect + " at call " + std::to_string(n), [&] { reached = inject(n); });
      if (!reached) return;
      n += most > 1000 ? 1 : 1 + n * 2;
    }
  }
};

TEST_F(InjectionRow, R2_KilledAtTheNthSystemCall) {
  begin("R2", "engine killed at its n-th system call of up and down, by kind");
  if (e2e::run_command({"sh", "-c", "command -v strace"}).code != 0) return skip("strace is not installed");
  project("nth", kProject);
  for (const char* call : kCalls)
    enumerate(call, "signal=KILL", [&](unsigned n) {
      std::unique_ptr<BackgroundCommand> engine = traced_engine(call, "signal=KILL", n);
      must({"up", "-d"});
      EXPECT_EQ(containers().size(), 2U);
      must({"down", "-v"});
      bool reached = ended(*engine);
      expect_nothing_left();
      return reached;
    });
}

TEST_F(InjectionRow, R3_ErrorFromTheNthSystemCall) {
  begin("R3", "error from the engine's n-th system call of up, by kind");
  if (e2e::run_command({"sh", "-c", "command -v strace"}).code != 0) return skip("strace is not installed");
  project("nth", kProject);
  const std::pair<const char*, const char*> kErrors[] = {
      {"sendmsg", "ENOBUFS"}, {"mkdir", "ENOSPC"},    {"rename", "EIO"},    {"openat", "EMFILE"},
      {"write", "ENOSPC"},    {"pwrite64", "ENOSPC"}, {"fdatasync", "EIO"}, {"clone3", "EAGAIN"}};
  for (const auto& [call, error] : kErrors)
    enumerate(call, std::string("error=") + error, [&, call = call, error = error](unsigned n) {
      std::unique_ptr<BackgroundCommand> engine = traced_engine(call, std::string("error=") + error, n);
      CommandResult up = run({"up", "-d"});
      EXPECT_NE(up.code, -1) << "up does not end";
      EXPECT_TRUE(up.code == 0 || !up.err.empty()) << "up fails without a word";
      must({"up", "-d"});
      must({"down", "-v"});
      expect_nothing_left();
      return n < 40;
    });
}

}  // namespace
}  // namespace stack::reliability
