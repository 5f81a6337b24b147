// Connections of the server: clients that leave, hijacked streams, limits, and the end.
#include "http/server/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>

#include "server_fixture.h"

namespace stack::http {
namespace {

TEST(HttpServer, HandlerIsNotifiedOfADisconnectedClient) {
  TestServer server;
  std::promise<void> begun;
  std::promise<void> gone;
  server.router.get("/", [&](Request& request, Response&) -> asio::awaitable<void> {
    asio::steady_timer wait(co_await asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
    request.on_client_gone([&] { wait.cancel(); });
    begun.set_value();
    asio::error_code ignored;
    co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    gone.set_value();
  });
  server.start();
  Fd fd = server.open();
  (void)write_all(fd.get(), kGet);
  begun.get_future().wait();
  ::shutdown(fd.get(), SHUT_WR);  // a half-close is not a disconnect
  EXPECT_EQ(server.activity().requests, 1U);
  fd.reset();
  gone.get_future().wait();
  server.on_loop([] {});
  EXPECT_EQ(server.activity().requests, 0U);
  EXPECT_EQ(server.activity().connections, 0U);
}

TEST(HttpServer, WatchingTheClientDoesNotDisturbLaterRequests) {
  TestServer server;
  server.router.get("/", [](Request& request, Response& response) -> asio::awaitable<void> {
    request.on_client_gone([] { ADD_FAILURE(); });
    response.text(200, "fine");
    co_return;
  });
  server.start();
  Fd fd = server.open();
  for (int i = 0; i < 3; ++i) EXPECT_NE(talk(fd, kGet, "fine").find("200 OK"), std::string::npos);
}

TEST(HttpServer, WritingToADisconnectedClientFails) {
  TestServer server;
  std::promise<ErrorKind> result;
  server.router.get("/", [&](Request&, Response& response) -> asio::awaitable<void> {
    std::string piece(65536, 'x');
    while (true) {
      auto sent = co_await response.write(piece);
      if (sent) continue;
      result.set_value(sent.error().kind());
      co_return;
    }
  });
  server.start();
  Fd fd = server.open();
  (void)write_all(fd.get(), kGet);
  fd.reset();
  EXPECT_EQ(result.get_future().get(), ErrorKind::Canceled);
}

TEST(HttpServer, HijackSwitchesProtocolKeepingEarlyBytesAndHalfClose) {
  TestServer server;
  server.router.post("/attach", [](Request& request, Response& response) -> asio::awaitable<void> {
    auto options = co_await request.body.read_json();
    auto stream = co_await response.hijack("application/vnd.docker.raw-stream");
    if (!stream) co_return;
    std::string all = to_text(*options);
    while (true) {
      auto piece = co_await stream->read();
      if (!piece || piece->empty()) break;
      all += *piece;
    }
    (void)co_await stream->write("got " + all);
  });
  server.start();
  Fd fd = server.open();
  (void)write_all(
      fd.get(),
      "POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: "
      "2\r\n\r\n{}GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string head = talk(fd, "", "\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 UPGRADED\r\n"));
  EXPECT_NE(head.find("Connection: Upgrade\r\nUpgrade: tcp\r\n"), std::string::npos);
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_EQ(talk(fd, ""), "got {}GET / HTTP/1.1\r\nHost: x\r\n\r\n<end>");
}

TEST(HttpServer, ReadingAfterTheEndOfAHijackedStreamReturnsTheEndAgain) {
  TestServer server;
  server.router.post("/attach", [](Request&, Response& response) -> asio::awaitable<void> {
    auto stream = co_await response.hijack("application/vnd.docker.raw-stream");
    if (!stream) co_return;
    auto first = co_await stream->read();
    auto second = co_await stream->read();
    (void)co_await stream->write(first->empty() && second->empty() ? "twice" : "once");
  });
  server.start();
  Fd fd = server.open();
  (void)write_all(fd.get(), "POST /attach HTTP/1.1\r\nHost: x\r\n\r\n");
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_TRUE(talk(fd, "").ends_with("twice<end>"));
}

TEST(HttpServer, TruncatedBodyEndsTheConnection) {
  TestServer server;
  answer_body_length(server);
  server.start();
  Fd fd = server.open();
  (void)write_all(fd.get(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_TRUE(talk(fd, "").ends_with("<end>"));
}

TEST(HttpServer, HijackWithoutUpgradeFieldReturns200) {
  TestServer server;
  server.router.post("/attach", [](Request&, Response& response) -> asio::awaitable<void> {
    auto stream = co_await response.hijack("application/vnd.docker.raw-stream");
    if (stream) (void)co_await stream->write("raw");
  });
  server.start();
  std::string answer = talk(server.open(), "POST /attach HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nraw<end>"));
}

// docker-py reads the header through a buffer of some kilobytes, but the stream without it.
TEST(HttpServer, HijackedStreamWaitsUntilTheHeaderIsRead) {
  TestServer server;
  server.router.post("/attach", [](Request&, Response& response) -> asio::awaitable<void> {
    auto stream = co_await response.hijack("application/vnd.docker.raw-stream");
    if (stream) (void)co_await stream->write("raw");
  });
  server.start();
  Fd fd = server.open();
  (void)write_all(fd.get(), "POST /attach HTTP/1.1\r\nHost: x\r\n\r\n");
  ::usleep(20'000);
  std::string first(8192, '\0');
  first.resize(static_cast<size_t>(std::max<ssize_t>(0, ::read(fd.get(), first.data(), first.size()))));
  EXPECT_TRUE(first.ends_with("\r\n\r\n")) << first;
  EXPECT_EQ(talk(fd, ""), "raw<end>");
}

TEST(HttpServer, ClientTakesOverAHijackedConnection) {
  TestServer server;
  server.router.post("/attach", [](Request&, Response& response) -> asio::awaitable<void> {
    auto stream = co_await response.hijack("application/vnd.docker.raw-stream");
    if (!stream) co_return;
    (void)co_await stream->write("first\n");
    auto heard = co_await stream->read();
    (void)co_await stream->write("heard " + *heard);
  });
  server.start();
  auto connection = server.client().hijack({.method = "POST", .target = "/attach"});
  ASSERT_TRUE(connection) << connection.error().text();
  EXPECT_EQ(connection->status, 101);
  std::string all = connection->buffered;
  if (all.size() < 6) all += talk(connection->socket, "", "\n");
  EXPECT_EQ(all, "first\n");
  EXPECT_EQ(talk(connection->socket, "hello"), "heard hello<end>");
}

TEST(HttpServer, RefusedHijackIsAnError) {
  TestServer server;
  server.start();
  auto connection = server.client().hijack({.method = "POST", .target = "/none"});
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind(), ErrorKind::NotFound);
}

TEST(HttpServer, PeerCredentialsAreTheClients) {
  TestServer server;
  server.router.get("/", [](Request& request, Response& response) -> asio::awaitable<void> {
    response.text(200, std::to_string(request.peer.pid) + " " + std::to_string(request.peer.uid));
    co_return;
  });
  server.start();
  auto answer = server.client().call({.target = "/"});
  EXPECT_EQ(answer->body, std::to_string(::getpid()) + " " + std::to_string(::getuid()));
}

TEST(HttpServer, SilentClientIsDroppedAfterTheHeaderTimeout) {
  TestServer server({.header_timeout = std::chrono::milliseconds(20)});
  server.start();
  Fd fd = server.open();
  EXPECT_EQ(talk(fd, "GET / HT"), "<end>");
}

TEST(HttpServer, ConnectionLimitDelaysButServesEveryClient) {
  auto folder = TemporaryDirectory::create("/tmp/stack-http-");
  std::string path = folder->path() + "/" + std::string(120, 'd') + "/s.sock";  // longer than sun_path
  ASSERT_TRUE(ensure_directory(directory_name(path)));
  TestServer server({.connection_limit = 2});
  answer_text(server, "served");
  auto listening = listen_unix(path);
  ASSERT_TRUE(listening) << listening.error().text();
  ASSERT_TRUE(server.server().listen(std::move(*listening)));
  server.start();
  std::vector<std::thread> clients;
  std::atomic<int> served = 0;
  for (int i = 0; i < 20; ++i)
    clients.emplace_back([&] {
      auto client = Client::connect(path);
      if (client && client->call({.target = "/"})) ++served;
    });
  for (std::thread& t : clients) t.join();
  EXPECT_EQ(served, 20);
}

TEST(HttpServer, IdleConnectionsMakeRoomForANewClient) {
  TestServer server({.connection_limit = 4, .idle_grace = std::chrono::milliseconds(20)});
  answer_text(server, "served");
  auto folder = TemporaryDirectory::create("/tmp/stack-http-");
  auto listening = listen_unix(folder->path() + "/s.sock");
  ASSERT_TRUE(listening) << listening.error().text();
  ASSERT_TRUE(server.server().listen(std::move(*listening)));
  server.start();
  std::vector<Fd> idle;
  for (int i = 0; i < 12; ++i) idle.push_back(std::move(*connect_unix(folder->path() + "/s.sock")));
  auto client = Client::connect(folder->path() + "/s.sock");
  ASSERT_TRUE(client);
  auto answer = client->call({.target = "/"});
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "served");
  // The connection that has been idle longest is closed.
  EXPECT_EQ(talk(idle.front(), ""), "<end>");
}

TEST(HttpServer, FailedAcceptIsReportedAndRetried) {
  std::promise<std::string> told;
  TestServer server(
      {.idle_grace = {}, .on_accept_failure = [&](const std::string& reason) { told.set_value(reason); }});
  answer_text(server, "served");
  auto folder = TemporaryDirectory::create("/tmp/stack-http-");
  auto listening = listen_unix(folder->path() + "/s.sock");
  ASSERT_TRUE(listening) << listening.error().text();
  ASSERT_TRUE(server.server().listen(std::move(*listening)));
  server.start();
  auto client = connect_unix(folder->path() + "/s.sock");
  ASSERT_TRUE(client);
  Fd other = std::move(*connect_unix(folder->path() + "/s.sock"));
  server.activity();  // both are accepted
  std::vector<Fd> hoard;
  Fd third(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit former{};
  ::getrlimit(RLIMIT_NOFILE, &former);
  rlimit small{static_cast<rlim_t>(third.get()) + 1, former.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &small);
  while (true) {
    Fd more(::dup(third.get()));
    if (!more) break;
    hoard.push_back(std::move(more));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder->path() + "/s.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::connect(third.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  std::string reason = told.get_future().get();
  ::setrlimit(RLIMIT_NOFILE, &former);
  hoard.clear();
  EXPECT_NE(reason.find("open files"), std::string::npos) << reason;
  EXPECT_NE(talk(third, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "served").find("200 OK"), std::string::npos);
}

TEST(HttpServer, StopEndsRunningHandlersAndIdleConnections) {
  TestServer server;
  std::promise<void> begun;
  server.router.get("/", [&](Request& request, Response&) -> asio::awaitable<void> {
    asio::steady_timer wait(co_await asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
    request.on_client_gone([&] { wait.cancel(); });
    begun.set_value();
    asio::error_code ignored;
    co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  });
  server.start();
  Fd idle = server.open();
  Fd busy = server.open();
  (void)write_all(busy.get(), kGet);
  begun.get_future().wait();
  server.on_loop([&] { server.server().stop(); });
  EXPECT_EQ(talk(idle, ""), "<end>");
  EXPECT_EQ(talk(busy, ""), "<end>");
}

TEST(HttpServer, StopAcceptingLetsRunningRequestsComplete) {
  TestServer server;
  std::promise<void> begun;
  asio::steady_timer gate(server.context(), std::chrono::steady_clock::time_point::max());
  server.router.get("/", [&](Request&, Response& response) -> asio::awaitable<void> {
    begun.set_value();
    asio::error_code ignored;
    co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    response.text(200, "complete");
  });
  server.start();
  Fd busy = server.open();
  (void)write_all(busy.get(), kGet);
  begun.get_future().wait();
  server.on_loop([&] {
    server.server().stop_accepting();
    gate.expires_at(std::chrono::steady_clock::time_point::min());
  });
  std::string answer = talk(busy, "");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("complete<end>"));
}

}  // namespace
}  // namespace stack::http
