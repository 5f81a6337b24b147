// A server on a socket pair or a real path, in its own thread, for tests with blocking clients.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include "base/fd.h"
#include "base/files.h"
#include "http/client/client.h"
#include "http/server/server.h"
#include "http/wire/unix_socket.h"

namespace stack::http {

class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}) {
    server_.emplace(context_, [this](Request& q, Response& r) { return router(q, r); }, std::move(options));
  }
  ~TestServer() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] {
      server_->stop();
      guard_.reset();
    });
    thread_.join();
  }

  // Call after adding the routes.
  void start() {
    thread_ = std::thread([this] { context_.run(); });
  }

  Fd open() {
    auto pair = make_socket_pair(SOCK_STREAM);
    on_loop([this, &pair] { (void)server_->serve(std::move(pair->theirs)); });
    return std::move(pair->ours);
  }
  Client client() { return Client(open()); }

  // Runs a function on the server's thread and waits for it.
  template <typename F>
  void on_loop(F&& f) {
    std::promise<void> done;
    asio::post(context_, [&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }
  ServerActivity activity() {
    ServerActivity out;
    on_loop([&] { out = server_->activity(); });
    return out;
  }
  Server& server() { return *server_; }
  asio::io_context& context() { return context_; }

  Router router{24, 60, 50};

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(context_);
  std::optional<Server> server_;
  std::thread thread_;
};

// Sends text and reads until `until` has been received, or the end.
inline std::string talk(const Fd& fd, std::string_view text, std::string_view until = {}) {
  if (!text.empty()) (void)write_all(fd.get(), text);
  std::string out;
  std::array<char, 4096> buffer;
  while (until.empty() || out.find(until) == std::string::npos) {
    pollfd ready{fd.get(), POLLIN, 0};
    if (::poll(&ready, 1, 10'000) != 1) return out + "<timeout>";
    ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n <= 0) return out + "<end>";
    out.append(buffer.data(), static_cast<size_t>(n));
  }
  return out;
}

}  // namespace stack::http
