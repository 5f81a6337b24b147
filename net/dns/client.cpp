#include "net/dns/client.h"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "net/dns/tcp_connection.h"

namespace stack::dns {

namespace {

constexpr size_t kTcpConnections = 64;
constexpr std::chrono::milliseconds kRetry{50};
// Maximum size of a forwarded UDP answer, regardless of the client's limit.
constexpr size_t kMostForwarded = 4096;

size_t limit_of(const Query& query, Transport transport) {
  return transport == Transport::Tcp ? kMaxMessage : std::min(query.udp_limit(), kMostForwarded);
}

}  // namespace

Client::Client(ServerCore& core)
    : core_(&core), udp_(core.context), tcp_(core.context), pause_(core.context), slot_free_(core.context) {
  slot_free_.expires_at(std::chrono::steady_clock::time_point::max());
}

Result<> Client::open(DnsSockets sockets) {
  asio::error_code problem;
  udp_.assign(asio::ip::udp::v4(), sockets.udp.get(), problem);
  if (problem) return Error("DNS socket: " + problem.message());
  sockets.udp.release();
  tcp_.assign(asio::ip::tcp::v4(), sockets.tcp.get(), problem);
  if (problem) return Error("DNS socket: " + problem.message());
  sockets.tcp.release();
  udp_.non_blocking(true, problem);
  tcp_.non_blocking(true, problem);
  return {};
}

void Client::set(ClientSpec spec) {
  view_ = std::move(spec.view);
  own_servers_ = spec.servers.empty() ? nullptr : core_->forwarder.servers(spec.servers);
}

void Client::start() {
  receive();
  asio::co_spawn(
      core_->context,
      [](std::shared_ptr<Client> self) -> asio::awaitable<void> {
        co_await self->accept_loop();
      }(shared_from_this()),
      asio::detached);
}

void Client::close() {
  core_ = nullptr;
  asio::error_code ignored;
  udp_.close(ignored);
  tcp_.close(ignored);
  slot_free_.cancel();
  pause_.cancel();
  auto connections = connections_;
  for (TcpConnection* connection : connections) connection->close();
}

void Client::receive() {
  udp_.async_receive_from(asio::buffer(buffer_), sender_,
                          [self = shared_from_this()](const asio::error_code& problem, size_t n) {
                            if (self->core_ == nullptr) return;
                            if (problem) return self->receive_later();
                            self->on_datagram({self->buffer_.data(), n});
                            self->receive();
                          });
}

// Retries later, for example if the kernel is out of memory. Queries waiting in the socket are not lost.
void Client::receive_later() {
  pause_.expires_after(kRetry);
  pause_.async_wait([self = shared_from_this()](const asio::error_code& problem) {
    if (!problem && self->core_ != nullptr) self->receive();
  });
}

// A template, so that local answers cost no allocation for `deliver`.
template <typename D>
bool Client::resolve_with(std::string_view bytes, Transport transport, const D& deliver) {
  if (core_ == nullptr) return false;
  ++core_->statistics.queries;
  Decision decision = answer(bytes, view_, core_->zone, transport, core_->random);
  switch (decision.kind) {
    case Decision::Kind::Drop:
      ++core_->statistics.dropped;
      return false;
    case Decision::Kind::Reply:
      ++core_->statistics.local;
      deliver(std::move(decision.reply));
      return true;
    case Decision::Kind::Forward:
      forward(std::move(decision.query), transport, deliver);
      return true;
  }
  return false;
}

bool Client::resolve(std::string_view bytes, Transport transport, const Deliver& deliver) {
  return resolve_with(bytes, transport, deliver);
}

void Client::on_datagram(std::string_view bytes) {
  auto deliver = [self = shared_from_this(), to = sender_](std::string reply) { self->send(to, reply); };
  resolve_with(bytes, Transport::Udp, deliver);
}

void Client::forward(Query query, Transport transport, Deliver deliver) {
  std::shared_ptr<ServerSet> servers = own_servers_ ? own_servers_ : core_->host_servers;
  size_t limit = limit_of(query, transport);
  Cache::Hit hit = core_->forwarder.cached(query, *servers);
  if (hit.reply) {
    ++core_->statistics.cached;
    return deliver(reply_for(query, *hit.reply, hit.age, limit));
  }
  if (in_flight_ >= core_->options.in_flight_per_client) {
    ++core_->statistics.failed;
    return deliver(empty_reply(query, Rcode::ServFail));
  }
  ++in_flight_;
  auto on_reply = [self = shared_from_this(), query, limit,
                   deliver = std::move(deliver)](const UpstreamReply* reply) {
    --self->in_flight_;
    if (self->core_ == nullptr) return;
    if (reply == nullptr) ++self->core_->statistics.failed;
    deliver(reply == nullptr ? empty_reply(query, Rcode::ServFail) : reply_for(query, *reply, 0, limit));
  };
  core_->forwarder.ask(query, std::move(servers), std::move(on_reply));
}

void Client::send(const asio::ip::udp::endpoint& to, std::string_view bytes) {
  if (core_ == nullptr) return;
  asio::error_code problem;
  udp_.send_to(asio::buffer(bytes.data(), bytes.size()), to, 0, problem);
  if (problem) ++core_->statistics.dropped;
}

asio::awaitable<void> Client::accept_loop() {
  while (core_ != nullptr) {
    asio::error_code problem;
    if (connections_.size() >= kTcpConnections) {
      co_await slot_free_.async_wait(asio::redirect_error(asio::use_awaitable, problem));
      continue;
    }
    auto socket = co_await tcp_.async_accept(asio::redirect_error(asio::use_awaitable, problem));
    if (core_ == nullptr) co_return;
    if (!problem) {
      TcpConnection::start(std::move(socket), shared_from_this());
      continue;
    }
    asio::steady_timer pause(core_->context, kRetry);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, problem));
  }
}

}  // namespace stack::dns
