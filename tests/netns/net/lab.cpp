#include "tests/netns/net/lab.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/process.h"
#include "base/text.h"
#include "net/link/link.h"
#include "net/link/sysctl.h"

namespace stack::net::lab {
namespace {

// IPv4 must work at the first packet. IPv6 joins its multicast groups in the background, so a neighbor solicitation
// may be repeated once, after a second.
constexpr int kPatienceMs = 300;
constexpr int kPatienceIpv6Ms = 2500;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address address_of(const std::string& text, uint16_t port) {
  Address address;
  if (text.find(':') == std::string::npos) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &in->sin_addr);
    address.size = sizeof *in;
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &in->sin6_addr);
    address.size = sizeof *in;
  }
  return address;
}

std::string text_of(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
  else
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text, sizeof text);
  return text;
}

Fd make_socket(const Fd& netns, int family, int type) {
  return must(with_namespace(netns.get(), [&]() -> Result<Fd> {
    Fd fd(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Error::last_errno("socket");
    return fd;
  }));
}

bool wait_for_event(const Fd& fd, short events, int patience = kPatienceMs) {
  pollfd item{fd.get(), events, 0};
  return poll(&item, 1, patience) == 1;
}

Listener listen_on(const Fd& netns, int type, uint16_t port, const std::string& text) {
  Address address = address_of(text, port);
  Listener listener;
  listener.fd = make_socket(netns, address.storage.ss_family, type);
  const int on = 1;
  setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  EXPECT_EQ(bind(listener.fd.get(), address.get(), address.size), 0) << std::strerror(errno);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(listen(listener.fd.get(), 128), 0);
  }
  socklen_t size = sizeof address.storage;
  getsockname(listener.fd.get(), address.get(), &size);
  listener.port = ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
  return listener;
}

std::optional<Fd> connect_tcp(const Fd& from, const std::string& text, uint16_t port) {
  Address address = address_of(text, port);
  Fd client = make_socket(from, address.storage.ss_family, SOCK_STREAM);
  if (connect(client.get(), address.get(), address.size) == 0) return client;
  const int patience = address.storage.ss_family == AF_INET6 ? kPatienceIpv6Ms : kPatienceMs;
  if (errno != EINPROGRESS || !wait_for_event(client, POLLOUT, patience)) return std::nullopt;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return std::nullopt;
  return client;
}

Fd namespace_with_loopback() {
  Fd netns = must(make_network_namespace());
  must(bring_up_loopback(netns.get()));
  return netns;
}

std::string path_of(const Fd& netns) {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(netns.get());
}

}  // namespace

std::string run_in(const Fd& netns, const std::string& program, std::vector<std::string> args,
                   int* exit_code) {
  SpawnRequest request;
  request.program = program;
  request.args = std::move(args);
  const std::string line = program + " " + join(request.args, " ");
  const CapturedRun run = must(with_namespace(netns.get(), [&] { return run_captured(std::move(request)); }));
  if (exit_code != nullptr)
    *exit_code = run.exit_code;
  else
    EXPECT_EQ(run.exit_code, 0) << line << "\n" << run.output;
  return run.output;
}

std::string ip(const Fd& netns, const std::string& arguments) {
  return run_in(netns, "ip", split(arguments, ' '));
}

Lab::Lab(bool bridge_calls_firewall)
    : host_netns_(namespace_with_loopback()),
      neighbor_(namespace_with_loopback()),
      host_(must(Host::open(host_netns_.get()))),
      firewall_(host_, "stack_test") {
  ip(host_netns_, "link add uplink type veth peer name eth0 netns " + path_of(neighbor_));
  ip(host_netns_, "address add 192.168.50.1/24 dev uplink");
  ip(host_netns_, "address add fd50::1/64 dev uplink nodad");
  ip(host_netns_, "link set uplink up");
  ip(neighbor_, "address add 192.168.50.2/24 dev eth0");
  ip(neighbor_, "address add fd50::2/64 dev eth0 nodad");
  ip(neighbor_, "link set eth0 up");
  ip(neighbor_, "route add 10.0.0.0/8 via 192.168.50.1");
  ip(neighbor_, "route add fd89::/16 via fd50::1");
  must(enable_ipv4_forwarding(host_));
  must(enable_ipv6_forwarding(host_));
  for (const char* family : {"iptables", "ip6tables"})
    must(write_sysctl(host_netns_.get(), std::string("bridge/bridge-nf-call-") + family,
                      bridge_calls_firewall ? "1" : "0"));
  Host beside = must(Host::open(neighbor_.get()));
  EXPECT_TRUE(must(wait_until_running(beside, "eth0", 5000)));
  EXPECT_TRUE(must(wait_until_running(host_, "uplink", 5000)));
  must(firewall_.ensure());
}

BridgeSpec Lab::network(int number, bool ipv6) const {
  const std::string digits = std::to_string(number);
  BridgeSpec spec;
  spec.name = "br-test" + digits;
  spec.id = "network-" + digits;
  spec.subnets.push_back(
      {must(parse_cidr("10.89." + digits + ".0/24")), must(parse_ip("10.89." + digits + ".1"))});
  if (ipv6)
    spec.subnets.push_back(
        {must(parse_cidr("fd89:" + digits + "::/64")), must(parse_ip("fd89:" + digits + "::1"))});
  return spec;
}

BridgeSpec Lab::add_network(BridgeSpec spec) {
  must(ensure_bridge(host_, spec));
  must(firewall_.add_network(spec));
  return spec;
}

Container Lab::add_container(const BridgeSpec& network, int last) {
  Container container;
  container.netns = must(make_network_namespace());
  container.host_name = "v" + std::to_string(++endpoints_);
  VethSpec spec;
  spec.host_name = container.host_name;
  spec.netns = container.netns.get();
  spec.bridge = network.name;
  spec.isolated = !network.icc;
  for (const BridgeSubnet& subnet : network.subnets) {
    spec.addresses.push_back({must(offset(subnet.subnet.first(), last)), subnet.subnet.prefix});
    if (network.internal) continue;
    (subnet.gateway->is_v4() ? spec.gateway4 : spec.gateway6) = subnet.gateway;
  }
  container.address = spec.addresses.front().address;
  must(attach(host_, spec));
  return container;
}

Listener listen_tcp(const Fd& netns, uint16_t port, const std::string& address) {
  return listen_on(netns, SOCK_STREAM, port, address);
}
Listener listen_udp(const Fd& netns, uint16_t port, const std::string& address) {
  return listen_on(netns, SOCK_DGRAM, port, address);
}

std::optional<std::string> tcp_peer(const Fd& from, const std::string& address, uint16_t port,
                                    const Listener& listener) {
  const auto client = connect_tcp(from, address, port);
  if (!client || !wait_for_event(listener.fd, POLLIN)) return std::nullopt;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const Fd served(accept4(listener.fd.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
  if (!served || write(served.get(), "x", 1) != 1 || !wait_for_event(*client, POLLIN)) return std::nullopt;
  return text_of(peer);
}

bool tcp_connects(const Fd& from, const std::string& address, uint16_t port) {
  return connect_tcp(from, address, port).has_value();
}

Fd udp_client(const Fd& netns) { return make_socket(netns, AF_INET, SOCK_DGRAM); }

void connect_udp(const Fd& client, const std::string& text, uint16_t port) {
  Address address = address_of(text, port);
  EXPECT_EQ(connect(client.get(), address.get(), address.size), 0) << std::strerror(errno);
}

std::optional<std::string> udp_exchange(const Fd& client, const std::string& text, uint16_t port,
                                        const Listener& listener) {
  Address address = address_of(text, port);
  if (sendto(client.get(), "q", 1, 0, address.get(), address.size) != 1) return std::nullopt;
  if (!wait_for_event(listener.fd, POLLIN)) return std::nullopt;
  char byte = 0;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  auto* const peer_address = reinterpret_cast<sockaddr*>(&peer);
  if (recvfrom(listener.fd.get(), &byte, 1, 0, peer_address, &size) != 1) return std::nullopt;
  if (sendto(listener.fd.get(), "a", 1, 0, peer_address, size) != 1) return std::nullopt;
  if (!wait_for_event(client, POLLIN)) return std::nullopt;
  sockaddr_storage from_whom{};
  size = sizeof from_whom;
  if (recvfrom(client.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from_whom), &size) != 1)
    return std::nullopt;
  if (text_of(from_whom) != text) return std::nullopt;
  return text_of(peer);
}

std::optional<std::string> udp_peer(const Fd& from, const std::string& address, uint16_t port,
                                    const Listener& listener) {
  return udp_exchange(udp_client(from), address, port, listener);
}

}  // namespace stack::net::lab
