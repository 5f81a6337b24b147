#include <gtest/gtest.h>

#include <asio.hpp>

#include "http/grpc/connection.h"

namespace stack::grpc {
namespace {

using Pair = asio::local::stream_protocol::socket;

// A client and a server of ours on two ends of one connection.
class Grpc : public ::testing::Test {
 protected:
  void connect(Connection::Handler handler) {
    Pair ours(io);
    Pair theirs(io);
    asio::local::connect_pair(ours, theirs);
    client = Connection::create(io, http::RawStream(std::move(ours), ""), nullptr);
    server = Connection::create(io, http::RawStream(std::move(theirs), ""), std::move(handler));
    start(io, run(client));
    start(io, run(server));
  }
  static Task<> run(std::shared_ptr<Connection> connection) { co_await connection->run(); }
  // Runs the client's side to its end, then closes the connection.
  template <typename Body>
  void as_client(Body body) {
    auto all = [](Grpc& self, Body inner) -> Task<> {
      co_await inner();
      self.finished = true;
      self.client->close();
    };
    start(io, all(*this, body));
    io.run_for(std::chrono::seconds(20));
    EXPECT_TRUE(finished);
  }

  asio::io_context io;
  std::shared_ptr<Connection> client;
  std::shared_ptr<Connection> server;
  bool finished = false;
};

TEST_F(Grpc, ARequestHasOneAnswer) {
  connect([](CallPtr call) -> Task<Status> {
    Result<std::optional<std::string>> asked = co_await call->receive();
    std::string answer = call->path() + " " + call->header("name") + " " + **asked;
    Result<> sent = co_await call->send(answer);
    co_return sent ? Status() : status_of(sent.error());
  });
  as_client([&]() -> Task<> {
    Metadata metadata;
    metadata.emplace_back("name", "value");
    std::string path = "/a.B/C";
    std::string body = "body";
    Result<std::string> answer = co_await client->ask(path, body, metadata);
    EXPECT_TRUE(answer);
    EXPECT_EQ(answer.value_or(""), "/a.B/C value body");
  });
}

TEST_F(Grpc, AStatusIsAnErrorOfItsKind) {
  connect([](CallPtr call) -> Task<Status> {
    if (call->path() == "/none") co_return Status{Code::NotFound, "no such \"thing\"\n100%"};
    co_return Status{Code::Unimplemented, ""};
  });
  as_client([&]() -> Task<> {
    std::string path = "/none";
    std::string empty;
    Result<std::string> none = co_await client->ask(path, empty);
    EXPECT_FALSE(none);
    EXPECT_EQ(none.error().kind(), ErrorKind::NotFound);
    EXPECT_EQ(none.error().text(), "no such \"thing\"\n100%");
    path = "/other";
    Result<std::string> other = co_await client->ask(path, empty);
    EXPECT_FALSE(other);
    EXPECT_EQ(other.error().kind(), ErrorKind::Unsupported);
  });
}

// More than the windows of the call and the connection, in both directions, and a message larger than a window.
TEST_F(Grpc, LargeStreamsArriveWhole) {
  connect([](CallPtr call) -> Task<Status> {
    for (;;) {
      Result<std::optional<std::string>> message = co_await call->receive();
      if (!message) co_return status_of(message.error());
      if (!*message) co_return Status();
      Result<> sent = co_await call->send(**message);
      if (!sent) co_return status_of(sent.error());
    }
  });
  as_client([&]() -> Task<> {
    Result<CallPtr> call = client->call("/echo", {});
    EXPECT_TRUE(call);
    std::vector<size_t> sizes{0, 1, 100'000, 3'000'000, 5, 8'000'000};
    auto send_all = [](CallPtr out, std::vector<size_t> all) -> Task<> {
      for (size_t size : all) {
        std::string message(size, static_cast<char>('a' + size % 7));
        Result<> sent = co_await out->send(message);
        EXPECT_TRUE(sent);
      }
      out->close_sending();
    };
    start(io, send_all(*call, sizes));
    for (size_t size : sizes) {
      Result<std::optional<std::string>> back = co_await (*call)->receive();
      EXPECT_TRUE(back && *back);
      if (!back || !*back) co_return;
      EXPECT_EQ((*back)->size(), size);
      EXPECT_EQ((*back)->find_first_not_of(static_cast<char>('a' + size % 7)), std::string::npos);
    }
    Result<std::optional<std::string>> end = co_await (*call)->receive();
    EXPECT_TRUE(end && !*end);
  });
}

TEST_F(Grpc, ASlowReaderHoldsUpTheSender) {
  size_t sent = 0;
  connect([&](CallPtr call) -> Task<Status> {
    while (sent < 1000) {
      std::string block(64 * 1024, 'x');
      Result<> done = co_await call->send(block);
      if (!done) co_return status_of(done.error());
      ++sent;
    }
    co_return Status();
  });
  as_client([&]() -> Task<> {
    Result<CallPtr> call = client->call("/many", {});
    EXPECT_TRUE(call);
    co_await sleep_for(io, std::chrono::milliseconds(300));
    EXPECT_LT(sent, 100U) << "the reader takes nothing";
    size_t received = 0;
    for (;;) {
      Result<std::optional<std::string>> message = co_await (*call)->receive();
      EXPECT_TRUE(message);
      if (!message || !*message) break;
      ++received;
    }
    EXPECT_EQ(received, 1000U);
  });
}

TEST_F(Grpc, ACanceledCallEndsAtTheOtherSide) {
  bool told = false;
  connect([&](CallPtr call) -> Task<Status> {
    call->on_end([&told] { told = true; });
    Result<std::optional<std::string>> message = co_await call->receive();
    co_return message ? Status() : status_of(message.error());
  });
  as_client([&]() -> Task<> {
    Result<CallPtr> call = client->call("/wait", {});
    EXPECT_TRUE(call);
    co_await sleep_for(io, std::chrono::milliseconds(50));
    (*call)->cancel();
    Result<std::optional<std::string>> end = co_await (*call)->receive();
    EXPECT_FALSE(end);
    for (int i = 0; i < 100 && !told; ++i) co_await sleep_for(io, std::chrono::milliseconds(10));
    EXPECT_TRUE(told);
  });
}

TEST_F(Grpc, WhatIsNotHttp2EndsTheConnection) {
  Pair ours(io);
  Pair theirs(io);
  asio::local::connect_pair(ours, theirs);
  server = Connection::create(io, http::RawStream(std::move(theirs), ""),
                              [](CallPtr) -> Task<Status> { co_return Status(); });
  start(io, run(server));
  asio::write(ours, asio::buffer(std::string(4096, 'x')));
  io.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(server->open());
}

}  // namespace
}  // namespace stack::grpc
