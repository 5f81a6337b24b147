// Network changes with running containers: connect and disconnect, shared namespaces, other programs that change
// interfaces, and an engine that dies.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/text.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class NetworkChange : public Scenario {
 protected:
  static constexpr const char* kHost = "192.0.2.1";

  void SetUp() override {
    Scenario::SetUp();
    ASSERT_EQ(run_command({"ip", "address", "add", std::string(kHost) + "/32", "dev", "lo"}).code, 0);
  }
  void TearDown() override {
    Scenario::TearDown();
    run_command({"ip", "address", "del", std::string(kHost) + "/32", "dev", "lo"});
  }

  // Services with a server each; `web` has published port 18100.
  void serving_project(const std::string& name, const std::string& rest) {
    project(name, R"(
x-server: &server
  image: debian:bookworm-slim
  command: perl /srv/serve.pl
  stop_signal: SIGKILL
  volumes: ["./serve.pl:/srv/serve.pl:ro"]
services:
)" + rest);
    write("serve.pl", read_file(std::string(STACK_SOURCE_DIR) + "/compose-examples/scale/serve.pl").value());
  }
  void two_networks() {
    serving_project("move", R"(
  web:
    <<: *server
    ports: ["18100:8000"]
    networks: [front, back]
  other:
    <<: *server
    networks: [front, back]
networks:
  front:
  back:
)");
  }
  bool serves(const std::string& address, int port) { return http_get(address, port, "/").status == 200; }
  // By NAT and by stack-proxy.
  bool published(int port = 18100) {
    return eventually(5s, [&] { return serves(kHost, port) && serves("127.0.0.1", port); });
  }
  // "inet stack_...", the engine's table in the firewall.
  static std::string engine_table() {
    const std::string table = run_command({"sh", "-c", "nft list tables inet | grep stack | head -1"}).out;
    EXPECT_TRUE(table.starts_with("table inet stack")) << table;
    return std::string(trim(table.substr(std::min(table.size(), size_t{6}))));
  }
  Json inspect(const std::string& service) {
    return stack().api("GET", "/containers/" + container(service).id + "/json").body;
  }
  Json network_of(const std::string& service, const std::string& network) {
    return inspect(service).at("NetworkSettings").at("Networks").value(network, Json());
  }
  int disconnect(const std::string& service, const std::string& network) {
    return stack()
        .api("POST", "/networks/" + network + "/disconnect", {{"Container", container(service).id}})
        .status;
  }
  int connect(const std::string& service, const std::string& network, const Json& config = Json::object()) {
    return stack()
        .api("POST", "/networks/" + network + "/connect",
             {{"Container", container(service).id}, {"EndpointConfig", config}})
        .status;
  }
  // "10.89.0.1"; "" without one.
  std::string default_gateway(const std::string& service) {
    return inside(
        service,
        "perl -ane 'print join \".\", reverse map hex, unpack \"(A2)4\", $F[2] if $F[1] eq \"00000000\"' "
        "/proc/net/route");
  }
  std::string gateway_of(const std::string& network) {
    return stack().api("GET", "/networks/" + network).body.at("IPAM").at("Config").at(0).at("Gateway");
  }
  std::string bridge_of(const std::string& network) {
    return "br-" + stack().api("GET", "/networks/" + network).body.at("Id").get<std::string>().substr(0, 12);
  }
  std::string ruleset() { return run_command({"nft", "list", "ruleset"}).out; }
  std::string engine_log() { return read_file(stack().run_root() + "/stackd.log").value_or(""); }
  static std::string namespace_of(pid_t pid) {
    std::array<char, 64> text{};
    ssize_t size = ::readlink(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), text.data(), text.size());
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }
};

TEST_F(NetworkChange, EverythingFollowsTheEndpoints) {
  two_networks();
  must({"up", "-d"});
  ASSERT_TRUE(published());
  // The first network by name has the default route.
  const std::string old = network_of("web", "move_back").at("IPAddress");
  ASSERT_EQ(default_gateway("web"), gateway_of("move_back"));

  ASSERT_EQ(disconnect("web", "move_back"), 200);
  EXPECT_TRUE(published()) << ruleset();
  EXPECT_EQ(ruleset().find(old), std::string::npos) << "the freed address is still a target";
  EXPECT_EQ(default_gateway("web"), gateway_of("move_front"));
  const std::string hosts = inside("web", "cat /etc/hosts");
  EXPECT_EQ(hosts.find(old), std::string::npos) << hosts;
  EXPECT_NE(hosts.find(network_of("web", "move_front").at("IPAddress").get<std::string>()),
            std::string::npos);
  EXPECT_NE(inside("other", "getent ahostsv4 web").find(network_of("web", "move_front").at("IPAddress")),
            std::string::npos);

  // With all options of a client.
  ASSERT_EQ(connect("web", "move_back",
                    {{"Aliases", {"www"}},
                     {"GwPriority", 10},
                     {"MacAddress", "02:42:aa:bb:cc:dd"},
                     {"IPAMConfig", {{"LinkLocalIPs", {"169.254.34.68"}}}},
                     {"DriverOpts",
                      {{"com.docker.network.endpoint.sysctls", "net.ipv4.conf.IFNAME.log_martians=1"}}}}),
            200);
  Json back = network_of("web", "move_back");
  EXPECT_EQ(back.at("GwPriority"), 10);
  EXPECT_EQ(back.at("Gateway"), gateway_of("move_back"));
  EXPECT_EQ(back.at("MacAddress"), "02:42:aa:bb:cc:dd");
  EXPECT_EQ(default_gateway("web"), gateway_of("move_back"));
  EXPECT_TRUE(published());
  EXPECT_NE(inside("web", "cat /proc/net/fib_trie").find("169.254.34.68"), std::string::npos);
  EXPECT_NE(inside("web", "cat /proc/sys/net/ipv4/conf/*/log_martians").find('1'), std::string::npos);
  EXPECT_NE(inside("other", "getent ahostsv4 www").find(back.at("IPAddress")), std::string::npos);
  EXPECT_NE(inside("web", "cat /etc/hosts").find(back.at("IPAddress")), std::string::npos);

  // The next engine remembers all of it.
  stack().kill_engine();
  EXPECT_TRUE(published());
  EXPECT_EQ(network_of("web", "move_back").at("GwPriority"), 10);

  // Without any network, and with one again.
  ASSERT_EQ(disconnect("web", "move_back"), 200);
  ASSERT_EQ(disconnect("web", "move_front"), 200);
  EXPECT_EQ(default_gateway("web"), "");
  EXPECT_FALSE(serves(kHost, 18100));
  ASSERT_EQ(connect("web", "move_front"), 200);
  EXPECT_EQ(default_gateway("web"), gateway_of("move_front"));
  EXPECT_TRUE(published());
}

TEST_F(NetworkChange, PlanDetectsAReconnectWithoutAliases) {
  two_networks();
  must({"up", "-d"});
  ASSERT_EQ(disconnect("web", "move_back"), 200);
  ASSERT_EQ(connect("web", "move_back"), 200);
  EXPECT_NE(run({"plan"}).out.find("name web is missing on network move_back"), std::string::npos);
  must({"up", "-d"});
  EXPECT_EQ(inside("other", "getent ahostsv4 web >/dev/null && echo yes"), "yes");
}

TEST_F(NetworkChange, ContainersWithoutTheirOwnNetworkCannotJoinOthers) {
  serving_project("modes", R"(
  web: {<<: *server}
  host: {<<: *server, network_mode: host, command: sleep infinity}
  none: {<<: *server, network_mode: none}
  shares: {<<: *server, network_mode: "service:web", command: sleep infinity}
)");
  must({"up", "-d"});
  for (const char* service : {"host", "none", "shares"}) {
    EXPECT_EQ(connect(service, "modes_default"), 409) << service;
    EXPECT_EQ(inspect(service).at("State").at("Status"), "running");
  }
}

TEST_F(NetworkChange, FailedStartTakesNoPortFromAnother) {
  serving_project("sctp", R"(
  web:
    <<: *server
    ports: ["18101:8000/sctp"]
)");
  must({"up", "-d"});
  ASSERT_NE(ruleset().find("18101"), std::string::npos);
  std::string id = stack()
                       .api("POST", "/containers/create?name=rival",
                            {{"Image", "debian:bookworm-slim"},
                             {"Cmd", {"sleep", "infinity"}},
                             {"HostConfig",
                              {{"NetworkMode", "sctp_default"},
                               {"PortBindings", {{"9/sctp", {{{"HostPort", "18101"}}}}}}}}})
                       .body.at("Id");
  ApiAnswer refused = stack().api("POST", "/containers/" + id + "/start");
  EXPECT_GE(refused.status, 400);
  EXPECT_NE(to_text(refused.body).find("published by container sctp-web-1"), std::string::npos)
      << to_text(refused.body);
  EXPECT_NE(ruleset().find("18101"), std::string::npos);
  stack().api("DELETE", "/containers/" + id + "?force=1");
  EXPECT_NE(ruleset().find("18101"), std::string::npos);
}

TEST_F(NetworkChange, ConnectionsOverLoopbackSurviveTheEngine) {
  project("relay", R"(
services:
  web:
    image: debian:bookworm-slim
    stop_signal: SIGKILL
    ports: ["18100:8000"]
    command:
      - perl
      - -MIO::Socket
      - -e
      - |
        $$s = IO::Socket::INET->new(LocalPort => 8000, Listen => 9, ReuseAddr => 1);
        while ($$c = $$s->accept) { next if fork; while (<$$c>) { print $$c "echo $$_"; $$c->flush } exit }
)");
  must({"up", "-d"});
  ASSERT_TRUE(eventually(5s, [&] { return tcp_connects("127.0.0.1", 18100); }));
  const std::string go = path("go");
  BackgroundCommand client(
      {"bash", "-c",
       "sleep 0.3; exec 3<>/dev/tcp/127.0.0.1/18100; echo one >&3; read -u3 a; echo \"$a\"; "
       "until [ -e " +
           go + " ]; do sleep 0.1; done; echo two >&3; read -u3 b; echo \"$b\""});
  ASSERT_TRUE(client.says("echo one", 5s)) << client.output();
  stack().kill_engine();
  // While no engine runs, and with the next one.
  EXPECT_TRUE(tcp_connects("127.0.0.1", 18100));
  must({"ps"});
  write("go", "");
  EXPECT_TRUE(client.says("echo two", 5s)) << client.output();
  stack().shut_down();
  EXPECT_TRUE(tcp_connects("127.0.0.1", 18100));
  must({"restart", "-t", "0"});
  EXPECT_TRUE(eventually(5s, [&] { return tcp_connects("127.0.0.1", 18100); }));
}

TEST_F(NetworkChange, StackProxyIsRestarted) {
  two_networks();
  must({"up", "-d"});
  ASSERT_TRUE(published());
  for (pid_t pid : processes_with("stack-proxy")) ::kill(pid, SIGKILL);
  EXPECT_TRUE(published());
  must({"down"});
  EXPECT_TRUE(eventually(2s, [] { return processes_with("stack-proxy").empty(); }));
}

TEST_F(NetworkChange, SharersKeepTheirNetworkWhileItsOwnerRestarts) {
  serving_project("vpn", R"(
  vpn:
    <<: *server
    command: sleep infinity
    ports: ["18100:8000"]
  app:
    <<: *server
    network_mode: service:vpn
  other:
    <<: *server
)");
  must({"up", "-d"});
  ASSERT_TRUE(published());
  const std::string shared = namespace_of(container("app").pid);
  const std::string before = address("vpn");
  auto expect_whole = [&](const std::string& when) {
    SCOPED_TRACE(when);
    EXPECT_TRUE(published());
    EXPECT_EQ(namespace_of(container("app").pid), shared);
    EXPECT_EQ(inside("app", "getent ahostsv4 other | awk 'NR==1{print $1}'"), address("other"));
    EXPECT_EQ(inside("other", "getent ahostsv4 vpn | awk 'NR==1{print $1}'"), before);
  };
  // Without the project, which would restart the sharers too.
  ASSERT_EQ(stack().api("POST", "/containers/" + container("vpn").id + "/restart?t=0").status, 204);
  expect_whole("restarted");
  EXPECT_EQ(namespace_of(container("vpn").pid), shared);
  ASSERT_EQ(stack().api("POST", "/containers/" + container("vpn").id + "/stop?t=0").status, 204);
  expect_whole("stopped");
  const std::string table = engine_table();
  ASSERT_EQ(run_command({"sh", "-c", "nft delete table " + table}).code, 0);
  EXPECT_TRUE(eventually(5s, [&] {
    return run_command({"sh", "-c", "nft list table " + table}).out.find("18100") != std::string::npos;
  })) << "the forwards of a stopped owner were not repaired";
  stack().kill_engine();
  expect_whole("stopped, with another engine");
  ASSERT_EQ(stack().api("POST", "/containers/" + container("vpn").id + "/start").status, 204);
  expect_whole("started");
  EXPECT_EQ(namespace_of(container("vpn").pid), shared);
  EXPECT_EQ(address("vpn"), before);
  // The owner dies while no engine runs.
  pid_t owner = container("vpn").pid;
  stack().kill_engine();
  ::kill(owner, SIGKILL);
  stack().api("POST", "/containers/" + container("vpn").id + "/start");
  EXPECT_EQ(namespace_of(container("vpn").pid), shared);
  EXPECT_TRUE(published());
}

TEST_F(NetworkChange, DamageByOtherProgramsIsRepaired) {
  two_networks();
  must({"up", "-d"});
  ASSERT_TRUE(published());
  auto whole = [&] {
    return serves(kHost, 18100) &&
           run({"exec", "-T", "other", "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/web/8000"}).code == 0;
  };
  const std::string back = bridge_of("move_back");
  const std::string front = bridge_of("move_front");
  std::string veth = "v" + network_of("web", "move_back").at("EndpointID").get<std::string>().substr(0, 12);
  const std::string own_table = engine_table();
  for (const std::string& damage :
       {"nft flush table " + own_table, "nft delete table " + own_table, "nft flush chain " + own_table + " published",
        "nft flush set " + own_table + " bridges", "ip route flush dev " + back, "ip link set " + back + " down", "ip address flush dev " + back, "ip link del " + back,
        "ip link set " + veth + " down", "ip link set " + veth + " nomaster", "ip link del " + veth,
        "ip link del " + back + "; ip link del " + front, std::string("sysctl -qw net.ipv4.ip_forward=0")}) {
    // Without the table, everything may be whole before the engine has made it again.
    ASSERT_TRUE(eventually(5s, [&] { return run_command({"sh", "-c", damage}).code == 0; })) << damage;
    EXPECT_TRUE(eventually(5s, whole)) << damage << "\n" << engine_log();
  }
  EXPECT_EQ(default_gateway("web"), gateway_of("move_back"));
  EXPECT_NE(engine_log().find("bridge " + back + " was removed; repaired"), std::string::npos)
      << engine_log();
  EXPECT_NE(engine_log().find("its interface " + veth + " is down; repaired"), std::string::npos);
  EXPECT_NE(must({"plan"}).out.find("nothing to do"), std::string::npos);
}

// An interface of another kind has the bridge's name: no repair is possible until it is removed.
TEST_F(NetworkChange, UnrepairableDamageIsReported) {
  two_networks();
  must({"up", "-d"});
  ASSERT_TRUE(published());
  const std::string back = bridge_of("move_back");
  // The engine may repair it between the two.
  ASSERT_TRUE(eventually(5s, [&] {
    return run_command({"sh", "-c", "ip link del " + back + "; ip link add " + back + " type ifb"}).code == 0;
  }));
  EXPECT_TRUE(eventually(5s, [&] {
    return must({"plan"}).text().find("cannot repair it") != std::string::npos;
  })) << engine_log();
  EXPECT_NE(run({"doctor"}).out.find("cannot repair it"), std::string::npos);
  ASSERT_EQ(run_command({"ip", "link", "del", back}).code, 0);
  EXPECT_TRUE(eventually(8s, [&] { return serves(kHost, 18100); })) << engine_log();
  EXPECT_EQ(must({"plan"}).text().find("cannot repair it"), std::string::npos);
}

TEST_F(NetworkChange, RecreatedDnsSocketsOutliveTheNextEngine) {
  two_networks();
  must({"up", "-d"});
  auto sockets = [&] { return inside("web", "grep -o '0B00007F:[0-9A-F]*' /proc/net/udp | sort -u"); };
  // Engine and monitor die together: the descriptors that they held are lost.
  pid_t engine = stack().engine_pid();
  for (pid_t pid : processes_with("stack-monitor")) ::kill(pid, SIGSTOP);
  ::kill(engine, SIGSTOP);
  for (pid_t pid : processes_with("stack-monitor")) ::kill(pid, SIGKILL);
  stack().kill_engine();
  must({"ps"});
  ASSERT_EQ(container("web").state, "running");
  const std::string made = sockets();
  EXPECT_NE(made.find("0B00007F"), std::string::npos);
  EXPECT_EQ(inside("web", "getent ahostsv4 other >/dev/null && echo yes"), "yes");
  stack().kill_engine();
  must({"ps"});
  EXPECT_EQ(sockets(), made);
  EXPECT_EQ(inside("web", "getent ahostsv4 other >/dev/null && echo yes"), "yes");
}

TEST_F(NetworkChange, PortsOfInternalNetworksAreReachableOnlyFromThisMachine) {
  serving_project("inside", R"(
  web:
    <<: *server
    ports: ["18100:8000"]
    networks: [closed]
networks:
  closed:
    internal: true
)");
  CommandResult outside = run_command({"sh", "-ec", R"(
mkdir -p /run/netns && mount -t tmpfs none /run/netns
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip addr add 198.51.100.1/24 dev uplink && ip addr add 2001:db8::1/64 dev uplink nodad && ip link set uplink up
ip -n outside addr add 198.51.100.2/24 dev eth0 && ip -n outside addr add 2001:db8::2/64 dev eth0 nodad
ip -n outside link set eth0 up
)"});
  ASSERT_EQ(outside.code, 0) << outside.text();
  must({"up", "-d"});
  ASSERT_TRUE(eventually(5s, [&] { return serves("127.0.0.1", 18100); }));
  EXPECT_TRUE(serves("::1", 18100));
  EXPECT_TRUE(serves("2001:db8::1", 18100));
  for (const char* host : {"198.51.100.1", "2001:db8::1"}) {
    std::string script = std::string("exec 3<>/dev/tcp/") + host +
                         "/18100; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n1 <&3";
    EXPECT_EQ(run_command({"ip", "netns", "exec", "outside", "timeout", "2", "bash", "-c", script}).out, "")
        << host;
  }
  must({"down"});
  run_command({"sh", "-c", "ip link del uplink; ip netns del outside; umount /run/netns"});
}

TEST_F(NetworkChange, HolderOfAPortIsNamed) {
  two_networks();
  must({"up", "-d"});
  serving_project("second", R"(
  web:
    <<: *server
    ports: ["18100:8000"]
)");
  CommandResult second = run({"up", "-d"});
  EXPECT_EQ(second.code, 1) << second.text();
  EXPECT_NE(second.err.find("container move-web-1"), std::string::npos) << second.text();
  ApiAnswer made = stack().api(
      "POST", "/containers/create?name=third",
      {{"Image", "debian:bookworm-slim"},
       {"Cmd", {"sleep", "infinity"}},
       {"HostConfig",
        {{"NetworkMode", "move_front"}, {"PortBindings", {{"8000/tcp", {{{"HostPort", "18100"}}}}}}}}});
  ApiAnswer refused = stack().api("POST", "/containers/third/start");
  EXPECT_NE(to_text(refused.body).find("port 18100/tcp is published by container move-web-1"),
            std::string::npos)
      << to_text(refused.body);
  stack().api("DELETE", "/containers/third?force=1");
}

TEST_F(NetworkChange, InvalidNamesAreRejected) {
  for (const std::string& bad :
       {std::string("../x"), std::string("a\0b", 3), std::string(600, 'a'), std::string()})
    EXPECT_EQ(stack().api("POST", "/networks/create", {{"Name", bad}}).status, 400) << bad;
}

// The first request wins; the other one gets an error, and nothing is left half created.
TEST_F(NetworkChange, RemovalAndStartExcludeEachOther) {
  must({"ls"});
  for (int round = 0; round < 20; ++round) {
    stack().api("POST", "/networks/create", {{"Name", "contested"}});
    Json body{{"Image", "debian:bookworm-slim"},
              {"Cmd", {"sleep", "infinity"}},
              {"HostConfig", {{"NetworkMode", "contested"}}}};
    stack().api("POST", "/containers/create?name=racer", body);
    int removed = 0;
    std::thread remover([&] { removed = stack().api("DELETE", "/networks/contested").status; });
    int started = stack().api("POST", "/containers/racer/start").status;
    remover.join();
    EXPECT_TRUE((started == 204) != (removed == 204)) << "start " << started << ", removal " << removed;
    bool bridge = run_command({"sh", "-c", "ip -br link show type bridge | grep -c ^br-"}).out != "0\n";
    EXPECT_EQ(bridge, started == 204);
    stack().api("DELETE", "/containers/racer?force=1");
    stack().api("DELETE", "/networks/contested");
  }
}

TEST_F(NetworkChange, MacvlanContainersReachEachOtherOnTheirParent) {
  ASSERT_EQ(
      run_command({"sh", "-ec",
                   "ip link add lab0 type veth peer name lab1; ip link set lab0 up; ip link set lab1 up"})
          .code,
      0);
  serving_project("lan", R"(
  web:
    <<: *server
    networks: {lan: {ipv4_address: 10.77.0.9, mac_address: "02:42:00:00:00:09"}, alone: }
  other:
    <<: *server
    networks: [lan, alone]
networks:
  lan:
    driver: macvlan
    driver_opts: {parent: lab0}
    ipam: {config: [{subnet: 10.77.0.0/24, gateway: 10.77.0.1}]}
  alone:
    driver: macvlan
)");
  must({"up", "-d"});
  EXPECT_EQ(inside("other", "getent ahostsv4 web | awk 'NR==1{print $1}'").substr(0, 3), "10.");
  for (const char* network : {"lan_lan", "lan_alone"}) {
    const std::string to = network_of("web", network).at("IPAddress");
    EXPECT_TRUE(eventually(5s, [&] {
      return run({"exec", "-T", "other", "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/" + to + "/8000"})
                 .code == 0;
    })) << network;
  }
  EXPECT_EQ(network_of("web", "lan_lan").at("IPAddress"), "10.77.0.9");
  EXPECT_EQ(network_of("web", "lan_lan").at("MacAddress"), "02:42:00:00:00:09");
  ASSERT_EQ(disconnect("other", "lan_lan"), 200);
  ASSERT_EQ(connect("other", "lan_lan"), 200);
  stack().kill_engine();
  must({"down"});
  EXPECT_EQ(run_command({"sh", "-c", "ip link show lab0 >/dev/null && ip -br link | grep -c '^dm-'"}).out,
            "0\n");
  run_command({"ip", "link", "del", "lab0"});
}

}  // namespace
}  // namespace stack::e2e
