// compose-examples/flask-redis-nginx and flask-pip: the product's main promise.
#include "image_cache.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class Example : public Scenario {
 protected:
  bool on_disk() const override { return true; }
  void built(const std::string& example) {
    std::string log = failed_build_log(example);
    ASSERT_EQ(log, "") << "the example's images could not be built";
  }
  // `up -d` returns when nginx has started, which listens a moment later. Requests a page that does not count.
  static bool answers(const std::string& address = "127.0.0.1") {
    return eventually(20s, [&] { return http_get(address, 8080, "/healthz").status == 200; });
  }
  // The number in "... has been seen N times."; 0 if there is none.
  static int hits(const HttpAnswer& answer) {
    size_t seen = answer.body.find("seen ");
    return answer.status == 200 && seen != std::string::npos ? std::atoi(answer.body.c_str() + seen + 5) : 0;
  }
};

TEST_F(Example, FlaskRedisNginxCountsVisitsThroughNginx) {
  built("flask-redis-nginx");
  example("flask-redis-nginx");
  must({"up", "-d"});
  EXPECT_EQ(containers().size(), 3U);
  ASSERT_TRUE(answers());
  EXPECT_EQ(container("redis").health, "healthy");
  EXPECT_EQ(container("web").health, "healthy");
  EXPECT_EQ(container("nginx").state, "running");
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), 1);
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), 2);
  // Through `resolver 127.0.0.11`, and over IPv6.
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/dynamic/")), 3);
  EXPECT_EQ(hits(http_get("::1", 8080, "/")), 4);
  must({"down", "-v"});
  expect_nothing_left();
  EXPECT_FALSE(tcp_connects("127.0.0.1", 8080));
}

TEST_F(Example, FlaskRedisNginxKeepsItsDataUntilDownWithVolumes) {
  built("flask-redis-nginx");
  example("flask-redis-nginx");
  must({"up", "-d"});
  ASSERT_TRUE(answers());
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), i);
  must({"down"});
  must({"up", "-d"});
  ASSERT_TRUE(answers());
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), 4);
  must({"down", "-v"});
  must({"up", "-d"});
  ASSERT_TRUE(answers());
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), 1);
}

TEST_F(Example, FlaskRedisNginxServicesResolveEachOther) {
  built("flask-redis-nginx");
  example("flask-redis-nginx");
  must({"up", "-d"});
  for (const char* from : {"web", "redis", "nginx"}) {
    for (const char* to : {"web", "redis", "nginx"}) {
      RunningContainer target = container(to);
      ASSERT_EQ(target.addresses.size(), 1U);
      EXPECT_EQ(inside(from, std::string("getent ahostsv4 ") + to + " | awk 'NR==1{print $1}'"),
                target.addresses[0]);
    }
    EXPECT_NE(inside(from, "getent hosts nonexistent.invalid"), "");
  }
}

TEST_F(Example, FlaskRedisNginxKeepsServingWhenTheEngineIsKilled) {
  built("flask-redis-nginx");
  example("flask-redis-nginx");
  must({"up", "-d"});
  std::map<std::string, std::string> before = ids();
  ASSERT_TRUE(answers());
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), 1);
  stack().kill_engine();
  must({"ps"});
  EXPECT_EQ(ids(), before);
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/")), 2);
  EXPECT_EQ(hits(http_get("127.0.0.1", 8080, "/dynamic/")), 3);
  EXPECT_EQ(hits(http_get("::1", 8080, "/")), 4);
}

TEST_F(Example, FlaskPipInstallsItsRequirementsAndServes) {
  built("flask-pip");
  example("flask-pip");
  must({"up", "-d"});
  ASSERT_TRUE(eventually(30s, [&] { return http_get("127.0.0.1", 5000, "/").status == 200; }))
      << must({"logs"}).text();
  int first = hits(http_get("127.0.0.1", 5000, "/"));
  EXPECT_GT(first, 0);
  EXPECT_EQ(hits(http_get("127.0.0.1", 5000, "/")), first + 1);
  // The machine's certificates and proxies, which the build used, are not in the image.
  EXPECT_EQ(inside("web", "env | grep -iE 'proxy|_ca_|ssl_cert|pip_cert' || true"), "");
  // Searches for each additional certificate of the machine by a line of its text.
  std::string lines =
      run_command({"sh", "-c", "sed -s -n 5p /usr/local/share/ca-certificates/*.crt 2>/dev/null || true"})
          .out;
  if (lines.empty()) return;
  CommandResult found = run(
      {"exec", "-T", "web", "grep", "-rlFf", "/dev/stdin", "/etc", "/usr", "/var", "/app", "/root", "/tmp"},
      {}, lines);
  EXPECT_EQ(found.code, 1) << found.text();
  EXPECT_EQ(found.out, "");
}

}  // namespace
}  // namespace stack::e2e
