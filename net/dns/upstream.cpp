#include "net/dns/upstream.h"

#include <net/if.h>

#include <algorithm>

#include "net/dns/message.h"

namespace stack::dns {

namespace {

constexpr unsigned kQuestionsPerSocket = 256;
constexpr std::chrono::seconds kSocketLife{60};
constexpr std::chrono::seconds kPenalty{5};

Result<asio::ip::address> asio_address(const UpstreamAddress& address) {
  auto raw = address.ip.bytes();
  if (address.ip.is_v4()) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy(raw.begin(), raw.end(), bytes.begin());
    return asio::ip::address(asio::ip::address_v4(bytes));
  }
  asio::ip::address_v6::bytes_type bytes;
  std::copy(raw.begin(), raw.end(), bytes.begin());
  asio::ip::address_v6 v6(bytes);
  if (!address.scope.empty()) {
    unsigned index = ::if_nametoindex(address.scope.c_str());
    if (index == 0) return Error::last_errno("interface " + address.scope);
    v6.scope_id(index);
  }
  return asio::ip::address(v6);
}

}  // namespace

Result<> UpstreamSocket::connect(const asio::ip::udp::endpoint& server) {
  asio::error_code problem;
  socket_.open(server.protocol(), problem);
  if (!problem) socket_.connect(server, problem);
  if (!problem) socket_.non_blocking(true, problem);
  if (problem) return Error("connect to name server: " + problem.message());
  return {};
}

bool UpstreamSocket::worn_out() const {
  return used_ >= kQuestionsPerSocket || std::chrono::steady_clock::now() - made_ > kSocketLife;
}

Result<> UpstreamSocket::send(std::string_view bytes, uint16_t id, std::weak_ptr<AttemptListener> listener) {
  asio::error_code problem;
  socket_.send(asio::buffer(bytes.data(), bytes.size()), 0, problem);
  // This call reports the error of an earlier datagram and has sent nothing.
  if (problem == asio::error::connection_refused) {
    refuse_all();
    socket_.send(asio::buffer(bytes.data(), bytes.size()), 0, problem);
  }
  if (problem) return Error("send to name server: " + problem.message());
  ++used_;
  waiting_[id] = std::move(listener);
  if (!receiving_) receive();
  return {};
}

void UpstreamSocket::forget(uint16_t id) {
  waiting_.erase(id);
  close_if_done();
}

void UpstreamSocket::retire() {
  retired_ = true;
  close_if_done();
}

// The pending receive keeps the object alive until the socket is closed.
void UpstreamSocket::close_if_done() {
  if (!retired_ || !waiting_.empty()) return;
  asio::error_code ignored;
  socket_.close(ignored);
}

void UpstreamSocket::receive() {
  receiving_ = true;
  socket_.async_receive(asio::buffer(buffer_),
                        [self = shared_from_this()](const asio::error_code& problem, size_t n) {
                          self->receiving_ = false;
                          if (!self->socket_.is_open() || problem == asio::error::operation_aborted)
                            return self->refuse_all();
                          if (problem) {
                            self->refuse_all();
                          } else if (n >= kHeaderSize) {
                            std::string_view bytes(self->buffer_.data(), n);
                            uint16_t id = read_u16(bytes, 0);
                            auto found = self->waiting_.find(id);
                            auto listener = found == self->waiting_.end() ? nullptr : found->second.lock();
                            if (listener) listener->on_datagram(id, bytes);
                          }
                          if (!self->receiving_ && self->socket_.is_open()) self->receive();
                        });
}

void UpstreamSocket::refuse_all() {
  auto all = std::exchange(waiting_, {});
  for (auto& [id, weak] : all)
    if (auto listener = weak.lock()) listener->on_refused(id);
}

Upstream::Upstream(asio::io_context& context, UpstreamAddress address)
    : context_(context), address_(std::move(address)) {}

Upstream::~Upstream() {
  for (auto& socket : sockets_)
    if (socket) socket->retire();
}

Result<std::shared_ptr<UpstreamSocket>> Upstream::socket(uint64_t random) {
  std::shared_ptr<UpstreamSocket>& slot = sockets_[random % kSockets];
  if (slot && !slot->worn_out()) return slot;
  TRY_ASSIGN(asio::ip::address ip, asio_address(address_));
  auto fresh = std::make_shared<UpstreamSocket>(context_);
  TRY(fresh->connect({ip, address_.port}));
  if (slot) slot->retire();
  slot = std::move(fresh);
  return slot;
}

Result<asio::ip::tcp::endpoint> Upstream::tcp_endpoint() const {
  TRY_ASSIGN(asio::ip::address ip, asio_address(address_));
  return asio::ip::tcp::endpoint(ip, address_.port);
}

void Upstream::note_silence() { bad_until_ = std::chrono::steady_clock::now() + kPenalty; }

}  // namespace stack::dns
