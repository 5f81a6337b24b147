// Every example of compose-examples on a real node whose containers run with stack-runtime, as with `stack up`.
#include <algorithm>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "kube_node.h"

namespace stack::beyond {
namespace {

namespace kube = targets::kubernetes;
using std::chrono::seconds;
using std::chrono::steady_clock;

class NodeExamples : public NodeTest {
 protected:
  // Deploys a copy of the example.
  CommandResult deploy(const std::string& example, std::map<std::string, std::string> env = {},
                       std::vector<std::string> more = {}) {
    folder = directory_name(folder) + "/" + example;
    CommandResult copied =
        run_program("cp", {"-a", std::string(STACK_SOURCE_DIR) + "/compose-examples/" + example, folder});
    EXPECT_EQ(copied.exit_code, 0) << copied.out;
    std::vector<std::string> words{"deploy", "--push-to", node().registry()};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, std::move(env));
  }
  std::string log_of(const std::string& service) { return run({"logs", "--no-log-prefix", service}).out; }

  // When the service's container began.
  std::string start_of(const std::string& service) {
    for (const Json& pod : pods(service))
      for (const Json& container : pod["status"]["containerStatuses"])
        if (container["state"].contains("running"))
          return string_or(container["state"]["running"], "startedAt");
    return "not running: " + service;
  }
  int restarts(const std::string& service) {
    int out = 0;
    for (const Json& pod : pods(service))
      for (const Json& container : pod["status"]["containerStatuses"])
        out += container["restartCount"].get<int>();
    return out;
  }
  bool is_ready(const std::string& service) {
    std::vector<Json> found = pods(service);
    if (found.empty()) return false;
    return std::all_of(found.begin(), found.end(), [](const Json& pod) {
      if (pod["metadata"].contains("deletionTimestamp") || !pod["status"].contains("containerStatuses"))
        return false;
      return pod["status"]["containerStatuses"][0].value("ready", false);
    });
  }
  void wait_ready(const std::vector<std::string>& services, seconds limit) {
    auto end = steady_clock::now() + limit;
    for (const std::string& service : services) {
      while (!is_ready(service) && steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
      EXPECT_TRUE(is_ready(service)) << run({"ps", "-a"}).out;
    }
  }
  // As after the loss of a node: every pod of the namespace is deleted.
  void delete_all_pods() {
    Json list = node().cluster().get(*kube::resource_path("Pod", space));
    for (const Json& pod : list["items"])
      node().cluster().remove(*kube::resource_path("Pod", space, string_or(pod["metadata"], "name")));
    auto end = steady_clock::now() + seconds(60);
    for (const Json& pod : list["items"])
      while (node().cluster().status_of(
                 *kube::resource_path("Pod", space, string_or(pod["metadata"], "name"))) == 200 &&
             steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  // The body behind a published port of the service, from this machine.
  std::string page(const std::string& service) {
    Json published = node().cluster().get(*kube::resource_path("Service", space, service + "-published"));
    if (!published.is_object()) return "no service " + service + "-published";
    std::string port = std::to_string(published["spec"]["ports"][0]["nodePort"].get<int>());
    return run_program("curl", {"-s", "--max-time", "20", "--retry", "20", "--retry-all-errors",
                                "--retry-delay", "1", "http://" + node().address() + ":" + port + "/"})
        .out;
  }
};

TEST_F(NodeExamples, ConfigsSecrets) {
  CommandResult done = deploy("configs-secrets", {{"API_TOKEN", "token-1"}});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(in("app", "cat /banner").find("Welcome to configs-secrets"), std::string::npos);
  EXPECT_EQ(in("app", "stat -Lc %a /etc/app/settings.ini"), "440\n");
  EXPECT_EQ(in("app", "cat /run/secrets/api-token; stat -Lc ' %u:%g %a' /run/secrets/api-token"),
            "token-1 1000:1000 400\n");
}

TEST_F(NodeExamples, HealthyOrderHoldsAfterAllPodsAreDeleted) {
  CommandResult done = deploy("healthy-order");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  for (int round = 0; round < 2; ++round) {
    EXPECT_LT(start_of("db"), start_of("app"));
    EXPECT_LE(start_of("app"), start_of("front"));
    EXPECT_EQ(restarts("db") + restarts("app") + restarts("front"), 0);
    if (round > 0) break;
    delete_all_pods();
    wait_ready({"db", "app", "front"}, seconds(90));
  }
}

TEST_F(NodeExamples, MigrateOnceRunsOnce) {
  auto begin = steady_clock::now();
  CommandResult failed = deploy("migrate-once", {{"FAIL", "1"}});
  EXPECT_EQ(failed.exit_code, 4) << failed.out;
  EXPECT_LT(steady_clock::now() - begin, seconds(60));
  EXPECT_NE(failed.out.find("service migrate: exited with code 4"), std::string::npos) << failed.out;
  EXPECT_FALSE(is_ready("app"));
  must({"deploy"});
  EXPECT_EQ(log_of("app"), "schema 42\n");
  EXPECT_EQ(log_of("migrate"), "migrating\n");
  auto run_of = [&] { return string_or(pods("migrate").at(0)["metadata"], "uid"); };
  std::string first = run_of();
  ASSERT_EQ(pods("migrate").size(), 1U);
  // Neither another deployment nor a new pod of the dependent runs it again.
  must({"deploy"});
  std::string app = string_or(pods("app").at(0)["metadata"], "name");
  node().cluster().remove(*kube::resource_path("Pod", space, app));
  auto end = steady_clock::now() + seconds(90);
  auto is_new = [&] {
    std::vector<Json> now = pods("app");
    return now.size() == 1 && string_or(now[0]["metadata"], "name") != app;
  };
  while (!is_new() && steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  wait_ready({"app"}, seconds(60));
  EXPECT_EQ(log_of("app"), "schema 42\n");
  EXPECT_EQ(pods("migrate").size(), 1U);
  EXPECT_EQ(run_of(), first);
}

TEST_F(NodeExamples, MultiStageBuild) {
  CommandResult done = deploy("multi-stage-build");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(log_of("greet").find("good day"), std::string::npos);
}

TEST_F(NodeExamples, Profiles) {
  CommandResult done = deploy("profiles");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(run({"ps", "--services"}).out, "app\n");
}

TEST_F(NodeExamples, RestartPolicy) {
  // As with `stack up`, one service ends with code 1, and another one runs at its third attempt.
  CommandResult done = deploy("restart-policy");
  EXPECT_EQ(done.exit_code, 1) << done.out;
  EXPECT_NE(done.out.find("service never: exited with code 1"), std::string::npos) << done.out;
  EXPECT_TRUE(is_ready("always"));
  auto end = steady_clock::now() + seconds(90);
  while ((restarts("on-failure") < 2 || !is_ready("on-failure")) && steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(restarts("on-failure"), 2);
  EXPECT_TRUE(is_ready("on-failure"));
  EXPECT_EQ(restarts("never"), 0);
}

TEST_F(NodeExamples, Scale) {
  CommandResult done = deploy("scale");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(pods("web").size(), 3U);
  EXPECT_EQ(std::string(trim(in("client", "getent ahostsv4 web | cut -d' ' -f1 | sort -u | wc -l"))), "3");
}

// The bridge of the node enforces no network policies: here are names and addresses; the policies are checked as objects.
TEST_F(NodeExamples, TwoNetworks) {
  CommandResult done = deploy("two-networks");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_NE(in("proxy", "getent hosts app"), "");
  EXPECT_NE(in("app", "getent hosts db"), "");
  EXPECT_NE(in("db", "getent hosts backend.example"), "");
  Json policies = node().cluster().get(*kube::resource_path("NetworkPolicy", space));
  ASSERT_TRUE(policies.is_object() && policies.contains("items"));
  EXPECT_GE(policies["items"].size(), 2U) << policies.dump();
}

TEST_F(NodeExamples, UdpPort) {
  CommandResult done = deploy("udp-port", {{"UDP_PORT", "19999"}});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  Json published = node().cluster().get(*kube::resource_path("Service", space, "echo-published"));
  ASSERT_TRUE(published.is_object());
  std::string port = std::to_string(published["spec"]["ports"][0]["nodePort"].get<int>());
  // Datagrams may be lost until the program listens.
  std::string script = "for (1..20) { $s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '" +
                       node().address() + ":" + port +
                       "'); $s->send('ping'); eval { local $SIG{ALRM} = sub { die }; alarm 1; "
                       "$s->recv($a, 100); alarm 0; }; last if $a } print $a";
  CommandResult answer = run_program("perl", {"-MIO::Socket::INET", "-e", script});
  EXPECT_NE(answer.out.find("ping"), std::string::npos) << answer.out;
}

TEST_F(NodeExamples, Volumes) {
  CommandResult done = deploy("volumes");
  ASSERT_EQ(done.exit_code, 0) << done.out;
  EXPECT_EQ(in("app", "cat /named/seed; stat -c '%u %a' /named"), "from the image\n1000 750\n");
  EXPECT_NE(in("app", "cat /readme.txt"), "");
  EXPECT_EQ(in("app", "stat -f -c %T /scratch; touch /x 2>/dev/null || echo read-only"),
            "tmpfs\nread-only\n");
  // Claims stay when the project is removed, with what was written to them.
  in("app", "echo kept > /named/mine");
  must({"down"});
  must({"deploy", "--push-to", node().registry()});
  EXPECT_EQ(in("app", "cat /named/mine"), "kept\n");
}

TEST_F(NodeExamples, FlaskPip) {
  CommandResult done = deploy("flask-pip", {{"HTTP_PORT", "15000"}}, {"--no-build"});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  std::string answer = page("web");
  EXPECT_NE(answer.find("Hello World! I have been seen 1 times."), std::string::npos) << answer;
}

TEST_F(NodeExamples, FlaskRedisNginxServesItsPageAndKeepsItsCounter) {
  auto begin = steady_clock::now();
  CommandResult done = deploy("flask-redis-nginx", {{"HTTP_PORT", "18080"}}, {"--no-build"});
  ASSERT_EQ(done.exit_code, 0) << done.out;
  std::string first = page("nginx");
  auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
  RecordProperty("milliseconds", static_cast<int>(taken.count()));
  EXPECT_NE(first.find("Hello from flask"), std::string::npos) << first;
  const char* slowness = std::getenv("STACK_TEST_SLOWNESS");
  EXPECT_LE(taken, seconds(15) * (slowness == nullptr ? 1 : std::max(1, std::atoi(slowness))));
  auto count_in = [](const std::string& text) {
    size_t at = text.find_last_of("0123456789");
    size_t start = at;
    while (start != std::string::npos && start > 0 &&
           std::isdigit(static_cast<unsigned char>(text[start - 1])))
      --start;
    return at == std::string::npos ? -1 : std::atoi(text.c_str() + start);
  };
  int before = count_in(page("nginx"));
  EXPECT_GT(before, count_in(first));
  delete_all_pods();
  wait_ready({"redis", "web", "nginx"}, seconds(120));
  EXPECT_LE(start_of("redis"), start_of("web"));
  EXPECT_LE(start_of("web"), start_of("nginx"));
  std::string after = page("nginx");
  EXPECT_GT(count_in(after), before) << after;
}

TEST_F(NodeTest, ImagesOfAPrivateRegistryArePulledWithTheCallersCredentials) {
  ASSERT_TRUE(write_file(folder + "/compose.yaml",
                         "services:\n  web:\n    image: " + node().private_registry().image() +
                             "\n    init: true\n    command: sleep infinity\n"));
  CommandResult refused = run({"deploy", "--wait-timeout", "60"});
  EXPECT_EQ(refused.exit_code, 1) << refused.out;
  EXPECT_NE(refused.out.find("service web: "), std::string::npos) << refused.out;
  must({"deploy", "--with-registry-auth"}, node().private_registry().login());
  EXPECT_NE(run({"ps"}).out.find("Up "), std::string::npos);
}

}  // namespace
}  // namespace stack::beyond
