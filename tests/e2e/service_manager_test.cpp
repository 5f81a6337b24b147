// Starts the engine like systemd: passes the listening socket, and expects a message once it serves.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "scenario.h"

namespace stack::e2e {
namespace {

Fd bound(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ::unlink(path.c_str());
  Fd out(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
      << std::strerror(errno);
  return out;
}

class ServiceManager : public Scenario {
 protected:
  // Like stack.socket and stack.service.
  void listen() {
    listener_ = bound(stack().socket(), SOCK_STREAM);
    ASSERT_EQ(::listen(listener_.get(), 64), 0);
    notify_ = bound(folder() + "/notify", SOCK_DGRAM);
    timeval limit{10, 0};
    ::setsockopt(notify_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  pid_t start_service() {
    pid_t child = ::fork();
    if (child != 0) return child;
    ::dup2(listener_.get(), 3);
    ::fcntl(3, F_SETFD, 0);
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("NOTIFY_SOCKET", (folder() + "/notify").c_str(), 1);
    std::string program = program_folder() + "/stackd";
    ::execl(program.c_str(), program.c_str(), "--root", stack().root().c_str(), "--run-root",
            stack().run_root().c_str(), nullptr);
    ::_exit(127);
  }
  std::string notification() {
    std::array<char, 256> text{};
    ssize_t size = ::recv(notify_.get(), text.data(), text.size(), 0);
    return size < 0 ? "none" : std::string(text.data(), static_cast<size_t>(size));
  }
  ino_t socket_identity() {
    struct stat info{};
    return ::stat(stack().socket().c_str(), &info) == 0 ? info.st_ino : 0;
  }

  Fd listener_;
  Fd notify_;
};

TEST_F(ServiceManager, EngineReportsReadinessAndReplacesOneStartedWithoutSystemd) {
  project("p",
          "services:\n  web:\n    image: debian:bookworm-slim\n    command: sleep infinity\n    stop_signal: "
          "SIGKILL\n");
  must({"up", "-d"});
  pid_t before = stack().engine_pid();
  RunningContainer web = container("web");
  ASSERT_NO_FATAL_FAILURE(listen());
  ino_t socket = socket_identity();
  pid_t service = start_service();
  EXPECT_EQ(notification(), "READY=1");
  EXPECT_TRUE(eventually(5s, [&] { return stack().engine_pid() == service; }))
      << "the one before: " << before;
  EXPECT_EQ(socket_identity(), socket) << "the one that left took the service manager's socket with it";
  EXPECT_EQ(container("web").pid, web.pid);
  EXPECT_EQ(inside("web", "echo alive"), "alive");

  // After a kill, other starters leave the socket to the service manager.
  ::kill(service, SIGKILL);
  ::waitpid(service, nullptr, 0);
  std::unique_ptr<BackgroundCommand> ps = start({"ps", "-q"});
  ::usleep(1'500'000);
  pid_t again = start_service();
  EXPECT_EQ(notification(), "READY=1");
  EXPECT_EQ(ps->wait(20s), 0) << ps->output();
  EXPECT_EQ(stack().engine_pid(), again);
  must({"down"});
  // The socket stays, so a check through it would start another engine.
  must({"engine", "stop"});
  int status = 0;
  EXPECT_EQ(::waitpid(again, &status, WNOHANG), again);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(socket_identity(), socket);
  ::unlink(stack().socket().c_str());
}

}  // namespace
}  // namespace stack::e2e
