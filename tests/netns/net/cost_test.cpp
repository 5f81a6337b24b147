// Measures the operations and prints the figures. Checks constant costs by the fastest runs with few and with many
// ports, on which other programs have little influence: a layout with one rule per port exceeds the limits (2,600
// us per change, 130 us more per connection with 5,000 rules).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "net/firewall/dns_redirect.h"
#include "tests/netns/net/lab.h"

namespace stack::net {
namespace {

using lab::Lab;
using lab::must;
using Microseconds = std::chrono::duration<double, std::micro>;

struct Costs {
  Microseconds median{};
  Microseconds fastest{};
};

Costs costs_of(int times, const std::function<void(int)>& operation) {
  std::vector<Microseconds> costs;
  for (int i = 0; i < times; ++i) {
    const auto start = std::chrono::steady_clock::now();
    operation(i);
    costs.push_back(std::chrono::steady_clock::now() - start);
  }
  std::sort(costs.begin(), costs.end());
  return {costs[static_cast<size_t>(times) / 2], costs.front()};
}
Microseconds median_cost(int times, const std::function<void(int)>& operation) {
  return costs_of(times, operation).median;
}

void print(const char* what, Microseconds cost) {
  std::printf("[ COST     ] %-58s %9.1f us\n", what, cost.count());
}

std::vector<PortForward> ports_of(const lab::Container& container, int first, int count) {
  std::vector<PortForward> ports;
  for (int i = 0; i < count; ++i) {
    PortForward forward;
    forward.host_port = static_cast<uint16_t>(first + i);
    forward.container_ip = container.address;
    forward.container_port = 80;
    ports.push_back(forward);
  }
  return ports;
}

class Cost : public testing::Test {
 protected:
  Lab lab_;
  BridgeSpec network_ = lab_.add_network(lab_.network(1));
  lab::Container web_ = lab_.add_container(network_, 10);
};

TEST_F(Cost, PortsCostTheSameWithFiveThousandPresent) {
  const auto change = [&](int i) {
    const auto one = ports_of(web_, 60000 + i, 1);
    must(lab_.firewall().publish(one));
    must(lab_.firewall().unpublish(one));
  };
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto connect = [&](int) {
    EXPECT_TRUE(lab::tcp_peer(lab_.neighbor(), Lab::kHostAddress, 9999, server));
  };
  must(lab_.firewall().publish(ports_of(web_, 9999, 1)));

  const auto change_empty = costs_of(101, change);
  const auto connect_empty = costs_of(401, connect);
  const auto load = median_cost(1, [&](int) { must(lab_.firewall().publish(ports_of(web_, 10000, 5000))); });
  const auto change_full = costs_of(101, change);
  const auto connect_full = costs_of(401, connect);
  EXPECT_EQ(must(lab_.firewall().list())->ports.size(), 5001U);
  const auto reset = median_cost(
      5, [&](int) { must(lab_.firewall().reset_to(std::vector{network_}, ports_of(web_, 10000, 5000))); });

  print("publish + unpublish one port, 1 present", change_empty.median);
  print("publish + unpublish one port, 5,001 present", change_full.median);
  print("connect and one byte through NAT, 1 present", connect_empty.median);
  print("connect and one byte through NAT, 5,001 present", connect_full.median);
  print("publish 5,000 ports at once", load);
  print("reset_to with 5,000 ports", reset);
  EXPECT_LT((change_full.fastest - change_empty.fastest).count(), 400);
  EXPECT_LT((connect_full.fastest - connect_empty.fastest).count(), 60);
}

TEST_F(Cost, NetworkPartOfAContainerStart) {
  std::vector<Fd> namespaces(64);
  print("network namespace",
        median_cost(41, [&](int i) { namespaces[static_cast<size_t>(i)] = must(make_network_namespace()); }));
  const auto attached = median_cost(41, [&](int i) {
    VethSpec spec;
    spec.host_name = "vc" + std::to_string(i);
    spec.netns = namespaces[static_cast<size_t>(i)].get();
    spec.bridge = network_.name;
    spec.addresses = {{must(offset(web_.address, i + 1)), 24}};
    spec.gateway4 = network_.subnets[0].gateway;
    must(attach(lab_.host(), spec));
  });
  print("attach: veth, port, addresses, routes, carrier", attached);
  const auto redirected = median_cost(
      41, [&](int i) { must(install_dns_redirect(namespaces[static_cast<size_t>(i)].get(), 5300, 5300)); });
  print("DNS redirect inside", redirected);
  EXPECT_LT(attached.count(), 30'000);
  EXPECT_LT(redirected.count(), 10'000);
}

}  // namespace
}  // namespace stack::net
