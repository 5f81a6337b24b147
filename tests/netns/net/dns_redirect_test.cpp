#include "net/firewall/dns_redirect.h"

#include "tests/netns/net/lab.h"

namespace stack::net {
namespace {

using lab::must;

constexpr const char* kServer = "127.0.0.11";

class DnsRedirect : public testing::Test {
 protected:
  Fd netns_ = [] {
    Fd made = must(make_network_namespace());
    must(bring_up_loopback(made.get()));
    return made;
  }();
  lab::Listener udp_ = lab::listen_udp(netns_, 0, kServer);
  lab::Listener tcp_ = lab::listen_tcp(netns_, 0, kServer);
};

TEST_F(DnsRedirect, Port53LeadsToTheServerAndAnswersComeFromThere) {
  must(install_dns_redirect(netns_.get(), udp_.port, tcp_.port));
  // The exchange checks that the answer comes from the queried address; the kernel checks the port for TCP.
  EXPECT_EQ(lab::udp_peer(netns_, kServer, 53, udp_), "127.0.0.1");
  EXPECT_EQ(lab::tcp_peer(netns_, kServer, 53, tcp_), "127.0.0.1");
}

TEST_F(DnsRedirect, ResolverWithAConnectedSocketGetsItsAnswer) {
  must(install_dns_redirect(netns_.get(), udp_.port, tcp_.port));
  const Fd client = lab::udp_client(netns_);
  lab::connect_udp(client, kServer, 53);
  EXPECT_TRUE(lab::udp_exchange(client, kServer, 53, udp_));
}

TEST_F(DnsRedirect, ContainerCanServePort53Itself) {
  must(install_dns_redirect(netns_.get(), udp_.port, tcp_.port));
  const auto own = lab::listen_udp(netns_, 53);
  EXPECT_TRUE(lab::udp_peer(netns_, "127.0.0.1", 53, own));
  EXPECT_TRUE(lab::udp_peer(netns_, kServer, 53, udp_));
}

TEST_F(DnsRedirect, InstallingAgainReplacesThePorts) {
  must(install_dns_redirect(netns_.get(), 1, 1));
  must(install_dns_redirect(netns_.get(), udp_.port, tcp_.port));
  EXPECT_TRUE(lab::udp_peer(netns_, kServer, 53, udp_));
  const std::string rules = lab::run_in(netns_, "nft", {"list", "ruleset"});
  EXPECT_NE(rules.find("dnat to 127.0.0.11:" + std::to_string(udp_.port)), std::string::npos) << rules;
  EXPECT_EQ(rules.find("127.0.0.11:1\n"), std::string::npos) << rules;
}

}  // namespace
}  // namespace stack::net
