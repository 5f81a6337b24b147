// Names, addresses, isolation, and published ports.
#include <unistd.h>

#include <set>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Networks : public Scenario {
 protected:
  // Whether a TCP connection from one service to `host`:8000 works.
  bool reaches(const std::string& from, const std::string& host) {
    return run({"exec", "-T", from, "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/" + host + "/8000"})
               .code == 0;
  }
  bool serving(const std::string& service) {
    return eventually(10s, [&] { return run({"logs", service}).out.find("listening") != std::string::npos; });
  }
  // Another machine on 192.0.2.0/24: the network namespace "outside" has .2, this machine .1.
  void add_neighbor() {
    CommandResult added = run_command({"sh", "-ec", R"(
mkdir -p /run/netns && mount -t tmpfs none /run/netns
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip addr add 192.0.2.1/24 dev uplink && ip link set uplink up
ip -n outside addr add 192.0.2.2/24 dev eth0 && ip -n outside link set eth0 up
)"});
    ASSERT_EQ(added.code, 0) << added.text();
  }
  void remove_neighbor() {
    run_command({"sh", "-c", "ip link del uplink; ip netns del outside; umount /run/netns"});
  }
  // The first line of the answer to an HTTP request from the neighbor to "ADDRESS/PORT".
  std::string from_outside(const std::string& address) {
    return run_command({"ip", "netns", "exec", "outside", "timeout", "2", "bash", "-c",
                        "exec 3<>/dev/tcp/" + address + "; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n1 <&3"})
        .out;
  }
};

TEST_F(Networks, TwoNetworksAreIsolatedFromEachOther) {
  example("two-networks");
  must({"up", "-d"});
  for (const char* service : {"proxy", "app", "db"}) ASSERT_TRUE(serving(service)) << service;
  EXPECT_EQ(container("app").addresses.size(), 2U);
  EXPECT_TRUE(reaches("proxy", "app"));
  EXPECT_TRUE(reaches("app", "proxy"));
  EXPECT_TRUE(reaches("app", "db"));
  EXPECT_TRUE(reaches("db", "app"));
  EXPECT_TRUE(reaches("db", "backend.example"));
  // Neither by name nor by address.
  EXPECT_NE(run({"exec", "-T", "proxy", "getent", "hosts", "db"}).code, 0);
  EXPECT_FALSE(reaches("proxy", address("db")));
  EXPECT_FALSE(reaches("db", address("proxy")));
  // The alias belongs to one network only.
  EXPECT_NE(run({"exec", "-T", "proxy", "getent", "hosts", "backend.example"}).code, 0);
}

TEST_F(Networks, InternalNetworkCannotReachTheOutside) {
  example("two-networks");
  must({"up", "-d"});
  EXPECT_EQ(inside("db", "cut -f2 /proc/net/route | grep -c '^00000000$' || true"), "0");
  EXPECT_EQ(inside("proxy", "cut -f2 /proc/net/route | grep -c '^00000000$' || true"), "1");
}

TEST_F(Networks, ScaleThreeGivesThreeAddressesBehindOneName) {
  example("scale");
  must({"up", "-d"});
  std::vector<RunningContainer> web = containers("web");
  ASSERT_EQ(web.size(), 3U);
  std::set<std::string> addresses;
  for (const RunningContainer& one : web) addresses.insert(one.addresses.begin(), one.addresses.end());
  EXPECT_EQ(addresses.size(), 3U);
  std::string text = inside("client", "getent ahostsv4 web | awk '{print $1}' | sort -u");
  std::set<std::string> resolved;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    resolved.insert(text.substr(begin, end - begin));
    begin = end + 1;
  }
  EXPECT_EQ(resolved, addresses);
  EXPECT_EQ(web[0].name, "scale-web-1");
  EXPECT_EQ(web[2].name, "scale-web-3");

  std::map<std::string, std::string> before = ids();
  must({"up", "-d", "--scale", "web=1"});
  ASSERT_EQ(containers("web").size(), 1U);
  EXPECT_EQ(container("web").id, before["scale-web-1"]);
  EXPECT_EQ(inside("client", "getent ahostsv4 web | awk '{print $1}' | sort -u"), address("web"));
  must({"up", "-d", "--scale", "web=2"});
  EXPECT_EQ(containers("web").size(), 2U);
  EXPECT_EQ(containers("client")[0].id, before["scale-client-1"]);
}

TEST_F(Networks, UdpPortResponds) {
  example("udp-port");
  must({"up", "-d"});
  ASSERT_TRUE(eventually(10s, [&] { return must({"logs"}).out.find("ready") != std::string::npos; }));
  EXPECT_EQ(udp_ask("127.0.0.1", 9999, "hello").value_or("no answer"), "echo: hello");
  must({"down"});
  EXPECT_EQ(udp_ask("127.0.0.1", 9999, "hello", 300ms).value_or("no answer"), "no answer");
}

// A separate network namespace acts as another machine.
TEST_F(Networks, RoutedNetworkIsReachedAtTheContainersAddress) {
  std::string serve = read_file(std::string(STACK_SOURCE_DIR) + "/compose-examples/scale/serve.pl").value();
  project("routed", R"(
services:
  web:
    image: debian:bookworm-slim
    command: perl /srv/serve.pl
    volumes: ["./serve.pl:/srv/serve.pl:ro"]
    ports: ["18000:8000"]
    networks: {open: {ipv4_address: 10.77.0.10}}
  twin:
    image: debian:bookworm-slim
    command: perl /srv/serve.pl
    volumes: ["./serve.pl:/srv/serve.pl:ro"]
    ports: ["18000:8000"]
    networks: {open: {ipv4_address: 10.77.0.11}}
networks:
  open:
    driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: routed}
    ipam: {config: [{subnet: 10.77.0.0/24}]}
)");
  write("serve.pl", serve);
  ASSERT_NO_FATAL_FAILURE(add_neighbor());
  ASSERT_EQ(run_command({"ip", "-n", "outside", "route", "add", "10.77.0.0/24", "via", "192.0.2.1"}).code, 0);
  must({"up", "-d"});
  for (const std::string address : {"10.77.0.10/8000", "10.77.0.11/8000"})
    EXPECT_TRUE(eventually(10s, [&] { return from_outside(address).find("200 OK") != std::string::npos; })) << address;
  EXPECT_FALSE(tcp_connects("127.0.0.1", 18000)) << "no port of the host is used";
  stack().kill_engine();
  must({"ps"});
  EXPECT_NE(from_outside("10.77.0.10/8000").find("200 OK"), std::string::npos);
  must({"down"});
  remove_neighbor();
}

// A separate network namespace acts as another machine.
TEST_F(Networks, PublishedPortIsReachableFromOutsideFromHereAndFromOtherContainers) {
  std::string serve = read_file(std::string(STACK_SOURCE_DIR) + "/compose-examples/scale/serve.pl").value();
  project("ports", R"(
services:
  web:
    image: debian:bookworm-slim
    command: perl /srv/serve.pl
    volumes: ["./serve.pl:/srv/serve.pl:ro"]
    ports: ["18000:8000", "127.0.0.1:18001:8000"]
  other:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    networks: [elsewhere]
networks:
  elsewhere:
)");
  write("serve.pl", serve);
  ASSERT_NO_FATAL_FAILURE(add_neighbor());
  must({"up", "-d"});
  ASSERT_TRUE(eventually(10s, [&] { return http_get("127.0.0.1", 18000, "/").status == 200; }));
  EXPECT_EQ(http_get("::1", 18000, "/").status, 200);
  EXPECT_EQ(http_get("192.0.2.1", 18000, "/").status, 200);
  EXPECT_EQ(http_get("127.0.0.1", 18001, "/").status, 200);
  EXPECT_NE(from_outside("192.0.2.1/18000").find("200 OK"), std::string::npos);
  EXPECT_EQ(from_outside("192.0.2.1/18001"), "") << "a port published on 127.0.0.1 is for this machine only";
  // From a container on another network, through the machine's address.
  EXPECT_EQ(
      run({"exec", "-T", "other", "timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/192.0.2.1/18000"}).code, 0);
  CommandResult port = must({"port", "web", "8000"});
  EXPECT_NE(port.out.find(":18000"), std::string::npos) << port.text();
  must({"down"});
  EXPECT_FALSE(tcp_connects("192.0.2.1", 18000));
  remove_neighbor();
}

TEST_F(Networks, ReverseNamesAliasesAndContainerNamesResolve) {
  project("names", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    hostname: webhost
    networks:
      default:
        aliases: [www, www.example.org]
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    container_name: my-database
    extra_hosts: ["legacy:192.0.2.7"]
)");
  must({"up", "-d"});
  const std::string web = address("web");
  for (const char* name : {"web", "www", "www.example.org", "names-web-1", "WEB"})
    EXPECT_EQ(inside("db", std::string("getent ahostsv4 ") + name + " | awk 'NR==1{print $1}'"), web) << name;
  EXPECT_EQ(inside("web", "getent ahostsv4 my-database | awk 'NR==1{print $1}'"), address("db"));
  EXPECT_NE(inside("db", "getent hosts " + web).find("names-web-1"), std::string::npos);
  EXPECT_EQ(inside("db", "getent ahostsv4 legacy | awk 'NR==1{print $1}'"), "192.0.2.7");
  EXPECT_EQ(inside("web", "hostname"), "webhost");
}

}  // namespace
}  // namespace stack::e2e
