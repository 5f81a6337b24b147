// Every example of compose-examples runs on a swarm as with `stack up`. Ports are published on the nodes, because the
// routing mesh needs IPVS.
#include <chrono>
#include <thread>

#include "base/process.h"
#include "base/text.h"
#include "swarm_nodes.h"

namespace stack::beyond {
namespace {

class SwarmExamples : public SwarmTest {
 protected:
  // Deploys a copy of the example; its name is that of the folder.
  CommandResult deploy(const std::string& example, std::vector<std::string> more = {},
                       std::map<std::string, std::string> env = {}) {
    name = example;
    folder = directory_name(folder) + "/" + example;
    auto copied =
        run_captured({.program = "cp",
                      .args = {"-a", std::string(STACK_SOURCE_DIR) + "/compose-examples/" + example, folder},
                      .env = {},
                      .directory = "",
                      .fds = {}});
    EXPECT_TRUE(copied && copied->exit_code == 0);
    std::vector<std::string> words{"deploy", "--push-to", nodes().registry()};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, std::move(env));
  }

  std::string in(const std::string& service, const std::string& command) {
    return inside(name, service, {"sh", "-c", command});
  }
  std::string log_of(const std::string& service) { return run({"logs", "--no-log-prefix", service}).out; }
  // The output of a command in the other service, once it is not empty.
  std::string eventually(const std::string& service, const std::string& command) {
    std::string out;
    for (int i = 0; i < 40 && out.empty(); ++i) {
      out = in(service, command);
      if (out.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(250));
    }
    return out;
  }

  std::string name;
};

// With perl, which the base image has: the answer of an HTTP server.
std::string request(const std::string& host, const std::string& port) {
  return "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"" + host + ":" + port +
         "\") or exit 1; print $s \"GET / HTTP/1.0\\r\\n\\r\\n\"; print <$s>'";
}

TEST_F(SwarmExamples, ConfigsSecrets) {
  CommandResult done = deploy("configs-secrets", {}, {{"API_TOKEN", "token-1"}});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(in("app", "cat /banner").find("Welcome to configs-secrets"), std::string::npos);
  EXPECT_EQ(in("app", "stat -c %a /etc/app/settings.ini"), "440\n");
  EXPECT_EQ(in("app", "cat /run/secrets/api-token; stat -c ' %u:%g %a' /run/secrets/api-token"),
            "token-1 1000:1000 400\n");
}

TEST_F(SwarmExamples, HealthyOrder) {
  CommandResult done = deploy("healthy-order");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  std::vector<Json> db = running("db"), app = running("app"), front = running("front");
  ASSERT_TRUE(db.size() == 1 && app.size() == 1 && front.size() == 1);
  EXPECT_LT(string_or(db[0], "CreatedAt"), string_or(app[0], "CreatedAt"));
  EXPECT_LT(string_or(app[0], "CreatedAt"), string_or(front[0], "CreatedAt"));
  EXPECT_EQ(string_or(db[0], "Health"), "healthy");
}

TEST_F(SwarmExamples, MigrateOnce) {
  CommandResult failed = deploy("migrate-once", {}, {{"FAIL", "1"}});
  EXPECT_EQ(failed.exit_code, 4) << failed.out;
  EXPECT_TRUE(running("app").empty());
  must({"deploy"});
  EXPECT_EQ(log_of("app"), "schema 42\n");
}

TEST_F(SwarmExamples, MultiStageBuild) {
  CommandResult done = deploy("multi-stage-build");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(log_of("greet").find("good day"), std::string::npos);
}

TEST_F(SwarmExamples, Profiles) {
  CommandResult done = deploy("profiles");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(run({"ps", "--services"}).out, "app\n");
}

TEST_F(SwarmExamples, RestartPolicy) {
  // As with `stack up`, one service ends with code 1, and another one runs at its third attempt.
  CommandResult done = deploy("restart-policy");
  EXPECT_EQ(done.exit_code, 1) << done.out;
  EXPECT_NE(done.out.find("service never: exited with code 1"), std::string::npos) << done.out;
  EXPECT_EQ(running("always").size(), 1u);
}

TEST_F(SwarmExamples, Scale) {
  CommandResult done = deploy("scale");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(running("web").size(), 3u);
  std::string addresses = in("client", "getent ahostsv4 web | cut -d' ' -f1 | sort -u | wc -l");
  EXPECT_EQ(trim(addresses), "3");
}

TEST_F(SwarmExamples, TwoNetworks) {
  CommandResult done = deploy("two-networks");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(in("proxy", "getent hosts app"), "");
  EXPECT_EQ(in("proxy", "getent hosts db"), "");
  EXPECT_NE(in("db", "getent hosts backend.example"), "");
}

TEST_F(SwarmExamples, UdpPort) {
  ASSERT_TRUE(write_file(directory_name(folder) + "/host.yaml",
                         "services: {echo: {x-stack-swarm: {publish: host}}}\n"));
  CommandResult done =
      deploy("udp-port", {}, {{"COMPOSE_FILE", "docker-compose.yml:../host.yaml"}, {"UDP_PORT", "19999"}});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  std::vector<Json> echo = running("echo");
  ASSERT_EQ(echo.size(), 1u);
  std::string address = nodes().address(string_or(echo[0], "Node") == "node1" ? 1 : 2);
  auto answer =
      run_captured({.program = "perl",
                    .args = {"-MIO::Socket::INET", "-e",
                             "$s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '" + address +
                                 ":19999'); alarm 5; $s->send('ping'); $s->recv($a, 100); print $a"},
                    .env = {},
                    .directory = "",
                    .fds = {}});
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->output.find("ping"), std::string::npos) << answer->output;
}

TEST_F(SwarmExamples, Volumes) {
  CommandResult done = deploy("volumes");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(in("app", "cat /named/seed; stat -c '%u %a' /named"), "from the image\n1000 750\n");
  EXPECT_NE(in("app", "cat /readme.txt"), "");
  EXPECT_EQ(in("app", "stat -f -c %T /scratch; touch /x 2>/dev/null || echo read-only"),
            "tmpfs\nread-only\n");
}

TEST_F(SwarmExamples, FlaskPip) {
  ASSERT_TRUE(write_file(directory_name(folder) + "/host.yaml",
                         "services: {web: {x-stack-swarm: {publish: host}}}\n"));
  CommandResult done = deploy("flask-pip", {"--no-build"},
                              {{"COMPOSE_FILE", "docker-compose.yml:../host.yaml"}, {"HTTP_PORT", "15000"}});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(eventually("redis", request("web", "5000")).find("200 OK"), std::string::npos);
}

TEST_F(SwarmExamples, FlaskRedisNginx) {
  ASSERT_TRUE(write_file(directory_name(folder) + "/host.yaml",
                         "services: {nginx: {x-stack-swarm: {publish: host}}}\n"));
  CommandResult done = deploy("flask-redis-nginx", {"--no-build"},
                              {{"COMPOSE_FILE", "docker-compose.yml:../host.yaml"}, {"HTTP_PORT", "18080"}});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  std::vector<Json> nginx = running("nginx");
  ASSERT_EQ(nginx.size(), 1u);
  std::string address = nodes().address(string_or(nginx[0], "Node") == "node1" ? 1 : 2);
  auto page =
      run_captured({.program = "curl",
                    .args = {"-sS", "--retry", "10", "--retry-all-errors", "http://" + address + ":18080/"},
                    .env = {},
                    .directory = "",
                    .fds = {}});
  ASSERT_TRUE(page);
  EXPECT_NE(page->output.find("Hello from flask"), std::string::npos) << page->output;
}

}  // namespace
}  // namespace stack::beyond
