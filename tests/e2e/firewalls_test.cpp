// The firewalls that Debian has: ufw, firewalld, iptables, iptables-legacy. Each runs in the scenario's namespaces with copies
// of its settings.
#include <signal.h>
#include <unistd.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Firewalls : public Scenario {
 protected:
  static constexpr const char* kHost = "192.0.2.1";

  void SetUp() override {
    Scenario::SetUp();
    CommandResult outside = run_command({"sh", "-ec", R"(
mount -t tmpfs none /run
mkdir -p /run/netns /run/lock /run/dbus /run/settings
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip addr add 192.0.2.1/24 dev uplink && ip link set uplink up
ip -n outside addr add 192.0.2.2/24 dev eth0 && ip -n outside link set eth0 up && ip -n outside link set lo up
for folder in /etc/ufw /etc/default /lib/ufw /etc/firewalld; do
  if [ -d $folder ]; then
    cp -a $folder /run/settings/$(echo $folder | tr / _) && mount --bind /run/settings/$(echo $folder | tr / _) $folder
  fi
done
)"});
    ASSERT_EQ(outside.code, 0) << outside.text();
    project("wall", R"(
services:
  web:
    image: debian:bookworm-slim
    command: perl /srv/serve.pl
    stop_signal: SIGKILL
    volumes: ["./serve.pl:/srv/serve.pl:ro"]
    ports: ["18100:8000"]
  guarded:
    image: debian:bookworm-slim
    command: perl /srv/serve.pl
    stop_signal: SIGKILL
    volumes: ["./serve.pl:/srv/serve.pl:ro"]
    ports: ["18101:8000"]
    networks: [guarded]
networks:
  guarded:
    driver_opts: {stack.network.publish: proxy}
)");
    write("serve.pl", read_file(std::string(STACK_SOURCE_DIR) + "/compose-examples/scale/serve.pl").value());
    listener_ = std::make_unique<BackgroundCommand>(std::vector<std::string>{
        "ip", "netns", "exec", "outside", "perl", "-MIO::Socket::INET", "-e",
        "$s = IO::Socket::INET->new(LocalPort => 9000, Listen => 9); while ($c = $s->accept) { close $c }"});
  }
  void TearDown() override {
    listener_.reset();
    shell("nft flush ruleset");
    run_command({"sh", "-c",
                 "ip link del uplink; ip netns del outside; umount -l /etc/ufw /etc/default /lib/ufw "
                 "/etc/firewalld /run/netns /run"});
    Scenario::TearDown();
  }

  static CommandResult shell(const std::string& script) { return run_command({"sh", "-c", script}); }
  static bool has(const std::string& program) { return shell("command -v " + program).code == 0; }
  bool open_from_outside(int port) {
    return run_command({"ip", "netns", "exec", "outside", "timeout", "1", "bash", "-c",
                        "exec 3<>/dev/tcp/192.0.2.1/" + std::to_string(port)})
               .code == 0;
  }
  bool reaches_outside() {
    return run({"exec", "-T", "web", "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/192.0.2.2/9000"}).code ==
           0;
  }
  void expect_whole(const std::string& when) {
    EXPECT_TRUE(eventually(10s, [&] { return open_from_outside(18100); })) << when;
    EXPECT_TRUE(eventually(5s, [&] { return reaches_outside(); })) << when;
    EXPECT_EQ(must({"doctor"}).out.find("cannot be opened"), std::string::npos) << when;
  }

  std::unique_ptr<BackgroundCommand> listener_;
};

TEST_F(Firewalls, Ufw) {
  if (!has("ufw")) GTEST_SKIP() << "ufw is not installed";
  must({"up", "-d"});
  expect_whole("before");
  CommandResult enabled = shell("ufw --force enable");
  ASSERT_EQ(enabled.code, 0) << enabled.text();
  expect_whole("enabled after `up`");
  EXPECT_FALSE(open_from_outside(18101)) << "the proxy's port obeys the rules for incoming packets";
  EXPECT_EQ(shell("ufw allow 18101/tcp").code, 0);
  EXPECT_TRUE(eventually(5s, [&] { return open_from_outside(18101); }));
  EXPECT_EQ(shell("ufw deny 18101/tcp").code, 0);
  EXPECT_TRUE(eventually(5s, [&] { return !open_from_outside(18101); }));
  EXPECT_EQ(shell("ufw reload").code, 0);
  expect_whole("reloaded");
  must({"down"});
  EXPECT_EQ(shell("nft list ruleset | grep -c 'stack: '").out, "0\n");
  must({"up", "-d"});
  expect_whole("enabled before `up`");
  must({"down"});
  EXPECT_EQ(shell("ufw --force disable").code, 0);
}

TEST_F(Firewalls, Firewalld) {
  if (!has("firewalld") || !has("dbus-daemon")) GTEST_SKIP() << "firewalld is not installed";
  must({"up", "-d"});
  expect_whole("before");
  BackgroundCommand bus({"dbus-daemon", "--system", "--nofork", "--nopidfile"});
  ASSERT_TRUE(eventually(5s, [&] { return path_exists("/run/dbus/system_bus_socket"); }));
  {
    BackgroundCommand daemon({"firewalld", "--nofork", "--nopid"});
    ASSERT_TRUE(eventually(30s, [&] { return shell("firewall-cmd --state").code == 0; })) << daemon.output();
    expect_whole("started after `up`");
    EXPECT_FALSE(open_from_outside(18101)) << "the proxy's port obeys the zone";
    EXPECT_EQ(shell("firewall-cmd --add-port=18101/tcp").code, 0);
    EXPECT_TRUE(eventually(5s, [&] { return open_from_outside(18101); }));
    EXPECT_EQ(shell("firewall-cmd --reload").code, 0);
    expect_whole("reloaded");
    must({"down"});
    must({"up", "-d"});
    expect_whole("started before `up`");
    must({"down"});
    daemon.signal(SIGTERM);
    daemon.wait(10s);
  }
}

TEST_F(Firewalls, Iptables) {
  if (!has("iptables")) GTEST_SKIP() << "iptables is not installed";
  must({"up", "-d"});
  ASSERT_EQ(
      shell("iptables -P FORWARD DROP && iptables -A FORWARD -j LOG && iptables -A FORWARD -j REJECT").code,
      0);
  expect_whole("set after `up`");
  must({"down"});
  EXPECT_EQ(shell("iptables -S FORWARD").out,
            "-P FORWARD DROP\n-A FORWARD -j LOG\n-A FORWARD -j REJECT --reject-with icmp-port-unreachable\n");
  must({"up", "-d"});
  expect_whole("set before `up`");
  must({"down"});
  shell("iptables -F FORWARD; iptables -P FORWARD ACCEPT");
}

// nf_tables neither shows nor reports these rules.
TEST_F(Firewalls, IptablesLegacy) {
  if (!has("iptables-legacy") || shell("iptables-legacy -S").code != 0)
    GTEST_SKIP() << "iptables-legacy is not installed, or the kernel lacks it";
  ASSERT_EQ(shell("iptables-legacy -P FORWARD DROP").code, 0);
  must({"up", "-d"});
  expect_whole("set before `up`");
  must({"down"});
  EXPECT_EQ(shell("iptables-legacy -S FORWARD").out, "-P FORWARD DROP\n");
  ASSERT_EQ(shell("iptables-legacy -P FORWARD ACCEPT").code, 0);
  must({"up", "-d"});
  ASSERT_EQ(shell("iptables-legacy -P FORWARD DROP").code, 0);
  must({"doctor"});
  expect_whole("set after `up`, opened by doctor");
  must({"down"});
  shell("iptables-legacy -P FORWARD ACCEPT");
}

// The chain of docs/NETWORKING.md for rules of the user.
TEST_F(Firewalls, RuleOfTheUserClosesAPublishedPort) {
  must({"up", "-d"});
  expect_whole("before");
  ASSERT_EQ(
      shell(
          "nft add table inet mine; nft add chain inet mine containers '{ type filter hook forward priority "
          "-170 ; }'; nft add rule inet mine containers meta l4proto tcp ct original "
          "proto-dst 18100 ip saddr 192.0.2.0/24 drop")
          .code,
      0);
  EXPECT_FALSE(open_from_outside(18100));
  EXPECT_TRUE(reaches_outside());
  shell("nft delete table inet mine");
  EXPECT_TRUE(open_from_outside(18100));
}

}  // namespace
}  // namespace stack::e2e
