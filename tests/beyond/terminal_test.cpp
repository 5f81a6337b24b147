// `exec` with a terminal, in a pod of a real node.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>

#include "base/process.h"
#include "kube_node.h"

namespace stack::beyond {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class TerminalTest : public NodeTest {
 protected:
  void start(const std::vector<std::string>& command) {
    int ours = -1, theirs = -1;
    winsize size{24, 80, 0, 0};
    ASSERT_EQ(::openpty(&ours, &theirs, nullptr, nullptr, &size), 0);
    terminal = Fd(ours);
    Fd end(theirs);
    ::fcntl(ours, F_SETFD, FD_CLOEXEC);
    SpawnRequest request = command_request({"exec", "web"});
    request.args.insert(request.args.end(), command.begin(), command.end());
    request.fds = {{0, end.get()}, {1, end.get()}, {2, end.get()}};
    auto started = spawn(std::move(request));
    ASSERT_TRUE(started);
    pid = *started;
  }
  void type(const std::string& keys) {
    EXPECT_EQ(::write(terminal.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Reads until the screen shows the text, which is then forgotten with everything before it.
  bool shows(const std::string& text, seconds limit = seconds(20)) {
    auto end = steady_clock::now() + limit;
    while (steady_clock::now() < end) {
      size_t at = screen.find(text);
      if (at != std::string::npos) {
        screen.erase(0, at + text.size());
        return true;
      }
      pollfd waiting{terminal.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 100) <= 0) continue;
      char buffer[4096];
      ssize_t size = ::read(terminal.get(), buffer, sizeof buffer);
      if (size <= 0) return false;
      screen.append(buffer, static_cast<size_t>(size));
    }
    return false;
  }
  int exit_code() {
    auto status = wait_for(pid);
    return status ? exit_code_of(*status) : -1;
  }

  Fd terminal;
  pid_t pid = -1;
  std::string screen;
};

TEST_F(TerminalTest, ItsSizeFollowsAndCtrlCInterruptsWhatPrintsWithoutEnd) {
  ASSERT_TRUE(write_file(folder + "/compose.yaml",
                         "services:\n  web:\n    image: debian:bookworm-slim\n    init: true\n"
                         "    command: sleep infinity\n"));
  CommandResult deployed = must({"deploy"});
  ASSERT_EQ(deployed.exit_code, 0);
  ASSERT_NO_FATAL_FAILURE(start({"bash", "--norc"}));
  type("tty; stty size; echo 'size':first\n");
  EXPECT_TRUE(shows("/dev/pts/")) << screen;
  EXPECT_TRUE(shows("24 80")) << screen;
  EXPECT_TRUE(shows("size:first")) << screen;
  winsize larger{50, 132, 0, 0};
  ::ioctl(terminal.get(), TIOCSWINSZ, &larger);
  type("while [ \"$(stty size)\" != '50 132' ]; do sleep 0.1; done; echo 'size':second\n");
  EXPECT_TRUE(shows("size:second")) << screen;
  type("yes\n");
  EXPECT_TRUE(shows("y\r\ny\r\ny\r\n")) << screen;
  type("\x03");
  type("echo 'still':here\n");
  EXPECT_TRUE(shows("still:here")) << "interrupted?";
  type("exit 5\n");
  EXPECT_TRUE(shows("exit"));
  // The terminal is read until its end, so that the program can write.
  shows("never on the screen", seconds(5));
  EXPECT_EQ(exit_code(), 5);
}

}  // namespace
}  // namespace stack::beyond
