#include "net/dns/tcp_connection.h"

#include <array>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

namespace stack::dns {

namespace {
// RFC 7766 recommends a few seconds; a complete query must also arrive within this time.
constexpr std::chrono::seconds kIdle{10};
constexpr size_t kOpenQuestions = 64;
constexpr size_t kPendingBytes = 256 * 1024;
}  // namespace

void TcpConnection::start(asio::ip::tcp::socket socket, std::shared_ptr<Client> client) {
  auto connection = std::make_shared<TcpConnection>(std::move(socket), std::move(client));
  asio::co_spawn(
      connection->socket_.get_executor(),
      [](std::shared_ptr<TcpConnection> self) -> asio::awaitable<void> {
        co_await self->read_loop();
      }(connection),
      asio::detached);
}

TcpConnection::TcpConnection(asio::ip::tcp::socket socket, std::shared_ptr<Client> client)
    : socket_(std::move(socket)),
      client_(std::move(client)),
      idle_(socket_.get_executor()),
      answered_(socket_.get_executor(), std::chrono::steady_clock::time_point::max()) {
  client_->connections_.insert(this);
}

TcpConnection::~TcpConnection() {
  client_->connections_.erase(this);
  client_->slot_free_.cancel();
}

void TcpConnection::close() {
  asio::error_code ignored;
  socket_.close(ignored);
  idle_.cancel();
  answered_.cancel();
}

// Only the peer's activity resets the timer: sending a query or receiving an answer.
void TcpConnection::arm_idle() {
  idle_.expires_after(kIdle);
  idle_.async_wait([weak = weak_from_this()](const asio::error_code& problem) {
    auto self = weak.lock();
    if (!problem && self) self->close();
  });
}

asio::awaitable<bool> TcpConnection::read_exactly(char* to, size_t n) {
  asio::error_code problem;
  co_await asio::async_read(socket_, asio::buffer(to, n), asio::redirect_error(asio::use_awaitable, problem));
  co_return !problem;
}

asio::awaitable<void> TcpConnection::read_loop() {
  while (socket_.is_open()) {
    if (open_questions_ >= kOpenQuestions || pending_.size() >= kPendingBytes) {
      asio::error_code ignored;
      co_await answered_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    arm_idle();
    std::array<char, 2> length{};
    bool whole = co_await read_exactly(length.data(), length.size());
    if (!whole) break;
    std::string question(read_u16({length.data(), length.size()}, 0), '\0');
    whole = co_await read_exactly(question.data(), question.size());
    if (!whole) break;
    ++open_questions_;
    auto self = shared_from_this();
    bool expected = client_->resolve(question, Transport::Tcp,
                                     [self](std::string bytes) { self->reply(std::move(bytes)); });
    // Closes the connection after an invalid message.
    if (!expected) break;
  }
}

void TcpConnection::reply(std::string bytes) {
  --open_questions_;
  put_u16(pending_, static_cast<uint16_t>(bytes.size()));
  pending_ += bytes;
  write_pending();
}

void TcpConnection::write_pending() {
  if (!writing_.empty() || pending_.empty() || !socket_.is_open()) return;
  writing_ = std::exchange(pending_, {});
  asio::async_write(socket_, asio::buffer(writing_),
                    [self = shared_from_this()](const asio::error_code& problem, size_t) {
                      self->writing_.clear();
                      if (problem) return self->close();
                      self->arm_idle();
                      self->answered_.cancel();
                      self->write_pending();
                    });
}

}  // namespace stack::dns
