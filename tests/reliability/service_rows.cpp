// R11, R12, R16, R18, R20, S1: names, concurrent commands, logs, other programs, clients that vanish, many services.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sstream>

#include "base/text.h"
#include "row.h"

namespace stack::reliability {
namespace {

class ServiceRow : public Row {};

TEST_F(ServiceRow, R11_NamesWhileTheEngineIsKilled) {
  begin("R11", "engine killed while containers resolve names: queries without an answer");
  project("names", R"(
services:
  client:
    image: debian:bookworm-slim
    command: perl /ask.pl 4
    volumes: ["./ask.pl:/ask.pl:ro"]
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  // One socket, queries one after the other, each sent once: a lost one shows.
  write("ask.pl", R"(use strict; use IO::Socket::INET; use IO::Select;
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.11', PeerPort => 53, Proto => 'udp') or die;
my $select = IO::Select->new($s); my ($asked, $lost, $id) = (0, 0, 0); my $end = time + $ARGV[0];
while (time < $end) {
  $id = ($id + 1) & 0xffff;
  $s->send(pack('nnnnnn', $id, 0x100, 1, 0, 0, 0) . "\x02db\x00" . pack('nn', 1, 1)); ++$asked;
  my $answers = 0;
  while ($select->can_read(5)) { my $r; $s->recv($r, 512); next unless unpack('n', $r) == $id; $answers = (unpack('nnnn', $r))[3]; last }
  ++$lost unless $answers;
}
print "$asked $lost\n";
)");
  must({"up", "-d", "--no-start"});
  must({"start", "db"});
  long queries = 0;
  for (unsigned i = count(3, 30); i > 0; --i)
    once("kill", [&] {
      must({"start", "client"});
      for (int kill = 0; kill < 3; ++kill) {
        ::usleep(300'000 + up_to(600) * 1000);
        stack().kill_engine();
        must({"ps"});
      }
      EXPECT_TRUE(eventually(30s, [&] { return container("client").state == "exited"; }));
      std::istringstream numbers(must({"logs", "--no-log-prefix", "--tail", "1", "client"}).out);
      long asked = 0;
      long lost = -1;
      numbers >> asked >> lost;
      EXPECT_EQ(lost, 0) << "of " << asked;
      EXPECT_GT(asked, 100);
      queries += asked;
      expect_no_leaks();
    });
  note(std::to_string(queries) + " queries, three kills per run");
}

TEST_F(ServiceRow, R12_ConcurrentCommands) {
  begin("R12", "eight shells with up, down, restart, scale of one project at once");
  project("many", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  const std::vector<std::vector<std::string>> commands{
      {"up", "-d"}, {"down"}, {"restart", "-t", "0"}, {"up", "-d", "--scale", "web=2"}};
  for (unsigned i = count(3, 100); i > 0; --i)
    once("round", [&] {
      std::vector<std::unique_ptr<BackgroundCommand>> shells;
      for (int shell = 0; shell < 8; ++shell) shells.push_back(start(commands[up_to(3)]));
      for (auto& shell : shells) EXPECT_NE(shell->wait(60s), -1) << "does not end: " << shell->output();
      must({"up", "-d"});
      EXPECT_EQ(containers("web").size(), 1U);
      EXPECT_EQ(containers("db").size(), 1U);
      expect_no_leaks();
      must({"down"});
      expect_nothing_left();
    });
}

TEST_F(ServiceRow, R16_LogsWhileTheEngineIsKilled) {
  begin("R16", "engine killed while a container writes 20,000 numbered lines: lines lost or out of order");
  project("lines", R"(
services:
  writer:
    image: debian:bookworm-slim
    command: perl -e '$$| = 1; for (1 .. 20000) { print "line $$_\n"; select undef, undef, undef, 0.002 unless $$_ % 20 }'
)");
  for (unsigned i = count(2, 20); i > 0; --i)
    once("writer", [&] {
      must({"up", "-d"});
      for (int kill = 0; kill < 3; ++kill) {
        ::usleep(up_to(500) * 1000);
        stack().kill_engine();
        must({"ps"});
      }
      EXPECT_TRUE(eventually(30s, [&] { return container("writer").state == "exited"; }));
      std::istringstream lines(must({"logs", "--no-log-prefix", "writer"}).out);
      long expected = 1;
      for (std::string line; std::getline(lines, line) && line == "line " + std::to_string(expected);)
        ++expected;
      EXPECT_EQ(expected, 20'001);
      must({"down"});
    });
}

TEST_F(ServiceRow, R18_ForeignInterference) {
  begin("R18", "bridge, interface, address, route, sysctl, or firewall changed by another program", "repair");
  project("broken", R"(
services:
  web:
    image: debian:bookworm-slim
    command: perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalPort => 8000, Listen => 9, ReuseAddr => 1); while ($$c = $$s->accept) { print $$c "HTTP/1.0 200 OK\r\n\r\nhello"; close $$c }'
    stop_signal: SIGKILL
    ports: ["18100:8000"]
)");
  e2e::run_command({"ip", "address", "add", "192.0.2.1/32", "dev", "lo"});
  must({"up", "-d"});
  auto serves = [&] { return e2e::http_get("192.0.2.1", 18100, "/", 500ms).status == 200; };
  ASSERT_TRUE(eventually(5s, serves));
  Json inspect = stack().api("GET", "/containers/" + container("web").id + "/json").body;
  Json network = inspect["NetworkSettings"]["Networks"]["broken_default"];
  std::string bridge = "br-" + string_or(network, "NetworkID").substr(0, 12);
  std::string veth = "v" + string_or(network, "EndpointID").substr(0, 12);
  std::string table =
      e2e::run_command({"sh", "-c", "nft list tables inet | sed -n 's/^table //p' | grep stack"}).out;
  table = std::string(trim(table));
  // Ports are also served by stack-proxy, so the rules count as well.
  auto rules = [&] { return e2e::run_command({"sh", "-c", "nft list table " + table + " | sort"}).out; };
  const std::string before = rules();
  auto whole = [&] { return rules() == before && serves(); };
  const std::vector<std::string> damages{"ip link set " + bridge + " down",
                                         "ip address flush dev " + bridge,
                                         "ip link del " + bridge,
                                         "ip route flush dev " + bridge,
                                         "ip link set " + veth + " down",
                                         "ip link set " + veth + " nomaster",
                                         "ip link del " + veth,
                                         "sysctl -qw net.ipv4.ip_forward=0",
                                         "nft flush ruleset",
                                         "nft flush table " + table,
                                         "nft flush chain " + table + " published",
                                         "nft flush set " + table + " bridges",
                                         "nft add table inet other; nft add chain inet other f '{ type "
                                         "filter hook forward priority 0; policy drop; }'"};
  for (unsigned i = count(1, 10); i > 0; --i)
    for (const std::string& damage : damages)
      once(damage, [&] {
        EXPECT_EQ(e2e::run_command({"sh", "-c", damage}).code, 0);
        timed(measure([&] { EXPECT_TRUE(eventually(5s, whole)) << damage; }));
        e2e::run_command({"sh", "-c", "nft delete table inet other 2>/dev/null; true"});
      });
  must({"down"});
  e2e::run_command({"ip", "address", "del", "192.0.2.1/32", "dev", "lo"});
}

TEST_F(ServiceRow, R20_ClientsThatVanish) {
  begin("R20", "client killed during up, logs -f, exec, build, run, cp, events");
  project("gone", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'while :; do echo tick; sleep 0.05; done'
    stop_signal: SIGKILL
  built:
    image: gone-built
    profiles: [build]
    build:
      context: .
      dockerfile_inline: |
        FROM debian:bookworm-slim
        RUN sleep 1 && echo one > /one
)");
  write("payload", std::string(20'000'000, 'p'));
  const std::vector<std::vector<std::string>> commands{{"up"},
                                                       {"logs", "-f"},
                                                       {"exec", "-T", "web", "sleep", "5"},
                                                       {"--profile", "build", "build", "--no-cache"},
                                                       {"run", "--rm", "-T", "web", "sleep", "1"},
                                                       {"cp", "payload", "web:/tmp/payload"},
                                                       {"events"},
                                                       {"stats"}};
  must({"up", "-d"});
  for (unsigned i = count(16, 200); i > 0; --i) {
    const std::vector<std::string>& command = commands[i % commands.size()];
    once(command.back(), [&] {
      std::unique_ptr<BackgroundCommand> client = start(command);
      ::usleep(up_to(400) * 1000);
      client->signal(SIGKILL);
      client->wait(5s);
      must({"ps"});
    });
  }
  must({"up", "-d"});
  // The runs and build steps that went on have ended by themselves.
  ::usleep(3'000'000);
  expect_no_leaks();
}

TEST_F(ServiceRow, S1_ManyServicesWithFewDescriptors) {
  begin("S1", "soft limit of 1,024 open files: services up at once, then followers of logs", "`up -d`");
  unsigned services = count(40, 500);
  std::string yaml = "services:\n";
  for (unsigned i = 0; i < services; ++i)
    yaml += "  s" + std::to_string(i) +
            ": {image: debian:bookworm-slim, command: sh -c 'echo hello; exec sleep infinity', stop_signal: "
            "SIGKILL}\n";
  project("many", yaml);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  rlimit low = limit;
  low.rlim_cur = 1024;
  stack().shut_down();
  ::setrlimit(RLIMIT_NOFILE, &low);
  CommandOptions options;
  options.directory = path("");
  options.timeout = std::chrono::minutes(10);
  once("up", [&] {
    timed(measure([&] {
      CommandResult up = stack().run({"up", "-d"}, options);
      EXPECT_EQ(up.code, 0) << up.text();
    }));
  });
  EXPECT_EQ(containers().size(), services);
  once("followers", [&] {
    std::vector<std::unique_ptr<BackgroundCommand>> followers;
    for (unsigned i = 0; i < services * 2; ++i)
      followers.push_back(start({"logs", "-f", "--no-log-prefix", "s" + std::to_string(i % services)}));
    unsigned heard = 0;
    for (auto& follower : followers) heard += follower->says("hello", 60s) ? 1 : 0;
    EXPECT_EQ(heard, services * 2);
    note(std::to_string(services) + " services, " + std::to_string(heard) + " followers");
  });
  once("down", [&] {
    CommandResult down = stack().run({"down", "-t", "0"}, options);
    EXPECT_EQ(down.code, 0) << down.text();
  });
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace stack::reliability
