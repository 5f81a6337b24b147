// Pulls, pushes, and imports when the engine dies between.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/files.h"
#include "cli/commands/docker/daemon.h"
#include "cli/render/progress/classic_build_progress.h"
#include "http/wire/unix_socket.h"

namespace stack::cli {
namespace {

// Answers each connection's request with the next text and closes it; "" closes without an answer.
class ScriptedEngine {
 public:
  ScriptedEngine(const std::string& path, std::vector<std::string> answers)
      : listening_(std::move(*http::listen_unix(path, 0600))), answers_(std::move(answers)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedEngine() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }
  size_t requests() const { return requests_; }

 private:
  void serve() {
    for (const std::string& answer : answers_) {
      Fd connection(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        ssize_t n = ::read(connection.get(), buffer, sizeof buffer);
        if (n <= 0) break;
        request.append(buffer, static_cast<size_t>(n));
      }
      ++requests_;
      static_cast<void>(write_all(connection.get(), answer).has_value());
    }
  }

  Fd listening_;
  std::vector<std::string> answers_;
  std::atomic<size_t> requests_ = 0;
  std::thread thread_;
};

std::string answer_of(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ProgressStreamTest : public testing::Test {
 protected:
  Result<> follow(std::vector<std::string> answers) {
    std::string socket = folder_.path() + "/s";
    ::unlink(socket.c_str());
    ScriptedEngine engine(socket, std::move(answers));
    Globals globals;
    globals.foreign_socket = socket;
    Session session(globals, {}, folder_.path());
    Result<> done =
        docker_cli::follow_progress(session, {.target = "/images/create?fromImage=a", .quiet = true});
    requests_ = engine.requests();
    return done;
  }

  TemporaryDirectory folder_ = std::move(*TemporaryDirectory::create("/tmp/progress-stream-"));
  size_t requests_ = 0;
};

TEST_F(ProgressStreamTest, RepeatsARequestWhoseConnectionBroke) {
  EXPECT_TRUE(follow({"", "", answer_of("{\"status\":\"Pulled\"}\n")}));
  EXPECT_EQ(requests_, 3U);
}

TEST_F(ProgressStreamTest, GivesUpAfterFourAttempts) {
  EXPECT_FALSE(follow({"", "", "", "", answer_of("{\"status\":\"late\"}\n")}));
  EXPECT_EQ(requests_, 4U);
}

TEST_F(ProgressStreamTest, AnErrorInTheStreamIsNotRepeated) {
  Result<> done = follow({answer_of("{\"error\":\"no space left\"}\n")});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text(), "no space left");
  EXPECT_EQ(requests_, 1U);
}

TEST(ClassicBuild, EventsBecomeTheLinesOfTheClassicBuilder) {
  auto text = [](const char* stream, const char* line) {
    return classic_build_text({{"event", "build"}, {"stream", stream}, {"text", line}});
  };
  EXPECT_EQ(text("step", "[2/3] RUN make"), "Step 2/3 : RUN make\n");
  EXPECT_EQ(text("cached", "[2/3] RUN make"), " ---> Using cache\n");
  EXPECT_EQ(text("output", "a line\n"), "a line\n");
  EXPECT_EQ(text("step", "load build context"), "load build context\n");
  EXPECT_EQ(text("done", "[2/3] RUN make"), "");
}

}  // namespace
}  // namespace stack::cli
