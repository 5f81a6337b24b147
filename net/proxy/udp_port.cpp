#include <netinet/in.h>
#include <sys/socket.h>

#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>
#include <cstring>
#include <list>
#include <map>

#include "net/proxy/core.h"
#include "net/proxy/socket_address.h"

namespace stack::proxy {

namespace {

using UdpSocket = asio::ip::udp::socket;
constexpr int kDatagramsPerTurn = 32;

// The client's address and our address: the answer must come from our address, or the client's connected socket drops it.
struct ClientKey {
  IpPort client;
  IpAddress local;
  auto operator<=>(const ClientKey&) const = default;
};

using Control = std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))>;

IpAddress local_address(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof(info));
      return IpAddress::v4(ntohl(info.ipi_addr.s_addr));
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof(info));
      std::array<uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      return IpAddress::v6(bytes);
    }
  }
  return {};
}

template <typename Info>
void put_control(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof(Info));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(Info));
  std::memcpy(CMSG_DATA(header), &info, sizeof(Info));
}

void put_source(msghdr& message, const IpAddress& local) {
  auto bytes = local.bytes();
  if (local.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    put_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

class UdpPort : public Port, public std::enable_shared_from_this<UdpPort> {
 public:
  explicit UdpPort(std::shared_ptr<Core> core)
      : core_(std::move(core)), socket_(core_->context), sweep_(core_->context) {}

  Result<> open(BoundPort bound) {
    bool v4 = bound.host_ip.is_v4();
    int on = 1;
    int rc = v4 ? ::setsockopt(bound.socket.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof(on))
                : ::setsockopt(bound.socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    if (rc != 0) return Error::last_errno("port's socket");
    asio::error_code problem;
    socket_.assign(v4 ? asio::ip::udp::v4() : asio::ip::udp::v6(), bound.socket.get(), problem);
    if (problem) return Error("port's socket: " + problem.message());
    bound.socket.release();
    return {};
  }

  void set_target(std::optional<Target> target) override {
    if (target == target_) return;
    target_ = target;
    while (!clients_.empty()) drop(clients_.begin());
    if (target_) wait();
  }

  void close() override {
    closed_ = true;
    asio::error_code ignored;
    socket_.close(ignored);
    sweep_.cancel();
    while (!clients_.empty()) drop(clients_.begin());
  }

 private:
  struct Client {
    explicit Client(asio::io_context& context) : socket(context) {}
    ClientKey key;
    UdpSocket socket;  // connected to the target
    std::chrono::steady_clock::time_point used;
    bool dropped = false;
  };
  using ClientPtr = std::shared_ptr<Client>;
  using Clients = std::list<ClientPtr>;  // longest idle first

  void wait() {
    if (waiting_ || closed_ || !target_) return;
    waiting_ = true;
    socket_.async_wait(UdpSocket::wait_read, [self = shared_from_this()](const asio::error_code& problem) {
      self->waiting_ = false;
      if (problem || self->closed_ || !self->target_) return;
      for (int i = 0; i < kDatagramsPerTurn && self->take_from_client(); ++i) continue;
      self->wait();
    });
  }

  // Handles one datagram; false if there is none.
  bool take_from_client() {
    SocketAddress from;
    Control control{};
    iovec part{core_->datagram.data(), core_->datagram.size()};
    msghdr message{};
    message.msg_name = from.raw();
    message.msg_namelen = from.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT);
    if (n < 0) return errno == EINTR;
    std::optional<IpPort> client = ip_port_of(from);
    if (!client) return true;
    IpAddress local = local_address(message);
    if (target_->local_only && !is_local_client(client->ip, local)) return true;
    ClientPtr present = client_of({*client, local});
    if (!present) return true;
    // Datagrams that the target does not accept are lost.
    ssize_t sent =
        ::send(present->socket.native_handle(), core_->datagram.data(), static_cast<size_t>(n), MSG_DONTWAIT);
    // This call reports the refusal of an earlier datagram and has sent nothing.
    if (sent < 0 && errno == ECONNREFUSED)
      sent = ::send(present->socket.native_handle(), core_->datagram.data(), static_cast<size_t>(n),
                    MSG_DONTWAIT);
    if (sent > 0) core_->statistics.bytes += static_cast<uint64_t>(sent);
    return true;
  }

  ClientPtr client_of(const ClientKey& key) {
    auto found = by_key_.find(key);
    if (found == by_key_.end()) return add_client(key);
    touch(found->second);
    return *found->second;
  }

  void touch(Clients::iterator place) {
    (*place)->used = std::chrono::steady_clock::now();
    clients_.splice(clients_.end(), clients_, place);
  }

  ClientPtr add_client(const ClientKey& key) {
    if (clients_.size() >= core_->options.udp_client_limit) drop(clients_.begin());
    auto client = std::make_shared<Client>(core_->context);
    client->key = key;
    client->used = std::chrono::steady_clock::now();
    SocketAddress address = socket_address(target_->ip, target_->port);
    asio::ip::udp::endpoint endpoint;
    std::memcpy(endpoint.data(), address.raw(), address.size);
    endpoint.resize(address.size);
    asio::error_code problem;
    client->socket.open(endpoint.protocol(), problem);
    if (!problem) client->socket.connect(endpoint, problem);
    if (problem) {
      ++core_->statistics.dial_failures;
      return nullptr;
    }
    by_key_[key] = clients_.insert(clients_.end(), client);
    ++core_->statistics.udp_clients;
    wait_for_target(client);
    if (!sweeping_) sweep_later();
    return client;
  }

  void drop(Clients::iterator place) {
    ClientPtr client = *place;
    client->dropped = true;
    asio::error_code ignored;
    client->socket.close(ignored);
    by_key_.erase(client->key);
    clients_.erase(place);
    --core_->statistics.udp_clients;
  }

  void wait_for_target(const ClientPtr& client) {
    client->socket.async_wait(UdpSocket::wait_read,
                              [self = shared_from_this(), client](const asio::error_code& problem) {
                                if (problem || client->dropped) return;
                                for (int i = 0; i < kDatagramsPerTurn && self->take_from_target(*client); ++i)
                                  continue;
                                if (!client->dropped) self->wait_for_target(client);
                              });
  }

  bool take_from_target(Client& client) {
    ssize_t n =
        ::recv(client.socket.native_handle(), core_->datagram.data(), core_->datagram.size(), MSG_DONTWAIT);
    // Refusals (ICMP) are read like datagrams.
    if (n < 0) return errno == EINTR || errno == ECONNREFUSED;
    SocketAddress to = socket_address(client.key.client.ip, client.key.client.port);
    alignas(cmsghdr) Control control{};
    iovec part{core_->datagram.data(), static_cast<size_t>(n)};
    msghdr message{};
    message.msg_name = to.raw();
    message.msg_namelen = to.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    put_source(message, client.key.local);
    if (::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT) > 0)
      core_->statistics.bytes += static_cast<uint64_t>(n);
    auto found = by_key_.find(client.key);
    if (found != by_key_.end()) touch(found->second);
    return true;
  }

  void sweep_later() {
    sweeping_ = true;
    sweep_.expires_at(clients_.front()->used + core_->options.udp_idle);
    sweep_.async_wait([weak = weak_from_this()](const asio::error_code& problem) {
      auto self = weak.lock();
      if (problem || !self || self->closed_) return;
      auto oldest = std::chrono::steady_clock::now() - self->core_->options.udp_idle;
      while (!self->clients_.empty() && self->clients_.front()->used <= oldest)
        self->drop(self->clients_.begin());
      self->sweeping_ = false;
      if (!self->clients_.empty()) self->sweep_later();
    });
  }

  std::shared_ptr<Core> core_;
  UdpSocket socket_;
  asio::steady_timer sweep_;
  std::optional<Target> target_;
  Clients clients_;
  std::map<ClientKey, Clients::iterator> by_key_;
  bool waiting_ = false;
  bool sweeping_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<Port> make_udp_port(std::shared_ptr<Core> core, BoundPort bound, Result<>& opened) {
  auto port = std::make_shared<UdpPort>(std::move(core));
  opened = port->open(std::move(bound));
  return port;
}

}  // namespace stack::proxy
