#include "net/firewall/foreign_firewall.h"

#include "tests/netns/net/lab.h"

namespace stack::net {
namespace {

using lab::Lab;
using lab::must;

constexpr const char* kTable = "stack_test";

class ForeignRules : public testing::Test {
 protected:
  Lab lab_;
  BridgeSpec front_ = lab_.add_network(lab_.network(1));
  lab::Container web_ = lab_.add_container(front_, 10);
  lab::Listener server_ = lab::listen_tcp(web_.netns, 80);
  lab::Listener outside_ = lab::listen_tcp(lab_.neighbor());

  void SetUp() override {
    PortForward port;
    port.host_port = 8080;
    port.container_ip = web_.address;
    port.container_port = 80;
    must(lab_.firewall().publish(std::vector{port}));
  }
  void load(const std::string& ruleset) {
    lab::run_in(lab_.host_netns(), "sh", {"-c", "printf '%s' \"$1\" | nft -f -", "sh", ruleset});
  }
  std::string show(const std::string& table) {
    return lab::run_in(lab_.host_netns(), "sh", {"-c", "nft list table " + table});
  }
  bool published() { return lab::tcp_connects(lab_.neighbor(), Lab::kHostAddress, 8080); }
  bool outgoing() { return lab::tcp_connects(web_.netns, Lab::kNeighborAddress, outside_.port); }
};

TEST_F(ForeignRules, WithoutForeignRulesNothingChanges) {
  EXPECT_TRUE(must(open_foreign_chains(lab_.host(), kTable)).empty());
}

TEST_F(ForeignRules, ChainThatAcceptsByDefaultIsLeftAlone) {
  load(
      "table inet other { chain forward { type filter hook forward priority 0; policy accept; tcp dport 25 "
      "drop; }; }");
  EXPECT_TRUE(must(open_foreign_chains(lab_.host(), kTable)).empty());
}

TEST_F(ForeignRules, DockersDropPolicyIsOpenedAndTheRuleIsRemovedLater) {
  load(
      "table ip filter { chain DOCKER-USER { return; }; chain FORWARD { type filter hook forward priority "
      "filter; "
      "policy drop; jump DOCKER-USER; oifname docker0 accept; }; }");
  const std::string before = show("ip filter");
  EXPECT_FALSE(published());
  EXPECT_FALSE(outgoing());
  const auto found = must(find_dropping_chains(lab_.host(), kTable));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].family + " " + found[0].table + " " + found[0].chain, "ip filter FORWARD");
  EXPECT_EQ(found[0].obstacle, "policy drop");
  EXPECT_FALSE(found[0].admitted);

  EXPECT_TRUE(must(open_foreign_chains(lab_.host(), kTable)).at(0).admitted);
  EXPECT_TRUE(published());
  EXPECT_TRUE(outgoing());
  const std::string once = show("ip filter");
  EXPECT_TRUE(must(open_foreign_chains(lab_.host(), kTable)).at(0).admitted);
  EXPECT_EQ(std::count(once.begin(), once.end(), '\n'), [&] {
    const auto twice = show("ip filter");
    return std::count(twice.begin(), twice.end(), '\n');
  }());

  must(close_foreign_chains(lab_.host(), kTable));
  EXPECT_EQ(show("ip filter"), before);
  EXPECT_FALSE(published());
}

TEST_F(ForeignRules, FinalRejectRuleStaysTheDefaultForOthers) {
  load(
      "table inet firewall { chain passing { type filter hook forward priority filter + 10; policy accept; "
      "ct state established,related accept; counter reject with icmpx admin-prohibited; }; }");
  EXPECT_FALSE(published());
  const auto found = must(open_foreign_chains(lab_.host(), kTable));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].obstacle, "last rule drops");
  EXPECT_TRUE(found[0].admitted);
  EXPECT_TRUE(published());
  EXPECT_TRUE(outgoing());
  const std::string shown = show("inet firewall");
  EXPECT_LT(shown.find("stack: stack_test"), shown.find("reject")) << shown;
}

TEST_F(ForeignRules, FirewalldZonesAreOpenedBeforeTheirDefault) {
  load(
      "table inet firewalld { chain zone_deny { ip saddr 192.168.50.77 drop; }; chain zone { jump zone_deny; "
      "reject with icmpx admin-prohibited; }; chain policies { iifname \"eth9\" goto zone; goto zone; }; "
      "chain filter_FORWARD { type filter hook forward priority filter + 10; policy drop; "
      "ct state established,related accept; jump policies; reject with icmpx admin-prohibited; }; }");
  EXPECT_FALSE(published());
  EXPECT_EQ(must(open_foreign_chains(lab_.host(), kTable)).size(), 2U);
  EXPECT_TRUE(published());
  EXPECT_TRUE(outgoing());
  const std::string shown =
      lab::run_in(lab_.host_netns(), "nft", {"list", "chain", "inet", "firewalld", "zone"});
  EXPECT_LT(shown.find("jump zone_deny"), shown.find("stack: stack_test")) << shown;
  EXPECT_LT(shown.find("stack: stack_test"), shown.find("reject")) << shown;
  must(close_foreign_chains(lab_.host(), kTable));
  EXPECT_EQ(show("inet firewalld").find("stack:"), std::string::npos);
}

TEST_F(ForeignRules, SpecificDropsOfTheOwnerKeepWorking) {
  load(
      "table inet firewall { chain passing { type filter hook forward priority filter; policy drop; "
      "ip saddr 192.168.50.2 drop; }; }");
  must(open_foreign_chains(lab_.host(), kTable));
  EXPECT_FALSE(published());
}

TEST_F(ForeignRules, PacketsDroppedByOurChainAreNotAdmittedElsewhere) {
  load("table inet firewall { chain passing { type filter hook forward priority filter; policy drop; }; }");
  must(open_foreign_chains(lab_.host(), kTable));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.1.10", 80));
}

TEST_F(ForeignRules, RuleIsMovedBeforeALaterDefault) {
  load("table inet firewall { chain passing { type filter hook forward priority filter; policy drop; }; }");
  must(open_foreign_chains(lab_.host(), kTable));
  lab::run_in(lab_.host_netns(), "nft", {"insert", "rule", "inet", "firewall", "passing", "drop"});
  EXPECT_FALSE(published());
  EXPECT_TRUE(must(open_foreign_chains(lab_.host(), kTable)).at(0).admitted);
  EXPECT_TRUE(published());
}

TEST_F(ForeignRules, ChainThatRunsBeforeOursIsReported) {
  load("table inet early { chain passing { type filter hook forward priority -200; policy drop; }; }");
  const auto found = must(open_foreign_chains(lab_.host(), kTable));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].admitted);
  EXPECT_EQ(found[0].problem, "its chain runs before the engine's");
}

TEST_F(ForeignRules, EnginesRemoveOnlyTheirOwnRules) {
  load("table inet firewall { chain passing { type filter hook forward priority filter; policy drop; }; }");
  must(open_foreign_chains(lab_.host(), kTable));
  must(open_foreign_chains(lab_.host(), "stack_second"));
  must(close_foreign_chains(lab_.host(), "stack_second"));
  EXPECT_TRUE(published());
}

}  // namespace
}  // namespace stack::net
