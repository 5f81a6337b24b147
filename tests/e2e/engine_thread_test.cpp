// What the engine's event loop thread does not do itself.
#include "base/files.h"
#include "base/text.h"
#include "command.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class EngineThread : public Scenario {
 protected:
  // Starts an engine whose event loop thread writes these calls to a file. strace without -f sees no other thread.
  std::unique_ptr<BackgroundCommand> traced_engine(const std::string& calls) {
    stack().shut_down();
    auto engine = std::make_unique<BackgroundCommand>(std::vector<std::string>{
        "strace", "-qq", "-o", trace(), "-e", "trace=" + calls, program_folder() + "/stackd", "--root",
        stack().root(), "--run-root", stack().run_root()});
    EXPECT_TRUE(eventually(patiently(10s),
                           [&] { return api_call(stack().socket(), "GET", "/_ping").status == 200; }));
    const std::string status =
        read_file("/proc/" + std::to_string(stack().engine_pid()) + "/status").value_or("");
    EXPECT_NE(status.find("TracerPid:\t" + std::to_string(engine->pid()) + "\n"), std::string::npos)
        << status;
    return engine;
  }
  std::string trace() const { return folder() + "/trace"; }
  // Without the starts of processes.
  std::string calls() const {
    std::string out;
    for (const std::string& line : split(read_file(trace()).value_or("no trace"), '\n'))
      if (!line.starts_with("clone") || line.find("CLONE_THREAD") != std::string::npos) out += line + "\n";
    return out;
  }
};

// Mounts can block: on the kernel's lock, on a slow disk, on a file server. On older kernels, the engine would wait for a
// thread that mounts.
TEST_F(EngineThread, MountsNothing) {
  if (run_command({"sh", "-c", "command -v strace"}).code != 0) GTEST_SKIP() << "strace is not installed";
  project("mounts", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    user: nobody
    logging: {driver: json-file, options: {env: HOME}}
    volumes:
      - {type: image, source: debian:bookworm-slim, target: /img}
      - memory:/memory
  built:
    image: mounts-built
    command: sleep infinity
    stop_signal: SIGKILL
    user: nobody
    build:
      context: .
      dockerfile_inline: |
        FROM debian:bookworm-slim
        USER nobody
        RUN id -u
volumes:
  memory:
    driver_opts: {type: tmpfs, device: tmpfs}
)");
  auto engine = traced_engine("mount,umount2,fsopen,fsmount,move_mount,open_tree,clone,clone3");
  const std::string at_start = calls();
  must({"up", "-d", "--build"});
  EXPECT_EQ(inside("web", "id -un && test -d /img/usr && echo mounted"), "nobody\nmounted");
  must({"restart"});
  must({"down", "-v"});
  EXPECT_EQ(calls(), at_start);
  stack().shut_down();
}

}  // namespace
}  // namespace stack::e2e
