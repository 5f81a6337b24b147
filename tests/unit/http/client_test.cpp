#include "http/client/client.h"

#include <gtest/gtest.h>

#include "fixture.h"

namespace stack::http {
namespace {

// A server that sends prepared bytes in response to any request.
Client client_of(std::string_view answer, bool close = true) {
  auto pair = make_socket_pair(SOCK_STREAM);
  EXPECT_TRUE(write_all(pair->theirs.get(), answer));
  if (close) {
    ::shutdown(pair->theirs.get(), SHUT_WR);
  }
  static std::vector<Fd> kept;  // an early close would break the request
  kept.push_back(std::move(pair->theirs));
  return Client(std::move(pair->ours));
}

TEST(HttpClient, BodyWithoutLengthEndsWithTheConnection) {
  auto answer = client_of("HTTP/1.1 200 OK\r\n\r\nall of it").call({});
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "all of it");
}

TEST(HttpClient, InformationalAnswersAreSkipped) {
  auto answer =
      client_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
          .call({});
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "ok");
}

TEST(HttpClient, BrokenAnswersAreErrorsNotCrashes) {
  for (std::string_view bytes : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                                 "\x16\x03\x01 tls?", "SSH-2.0-x\r\n"}) {
    auto answer = client_of(bytes).call({});
    EXPECT_FALSE(answer) << bytes;
  }
}

TEST(HttpClient, TruncatedResponseReportsABrokenConnection) {
  auto answer = client_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort").call({});
  EXPECT_EQ(answer.error().code(), ECONNRESET);
}

TEST(HttpClient, ErrorsWithoutJsonHaveAText) {
  EXPECT_EQ(client_of("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n").call({}).error().text(),
            "engine answered 503 Service Unavailable");
  EXPECT_EQ(client_of("HTTP/1.1 500 X\r\nContent-Length: 11\r\n\r\nplain\nwords").call({}).error().text(),
            "plain");
}

TEST(HttpClient, NotModifiedIsNotAnError) {
  auto answer = client_of("HTTP/1.1 304 Not Modified\r\n\r\n", false).call({});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 304);
}

TEST(HttpClient, LineThatIsNotJsonIsAnError) {
  int seen = 0;
  auto done = client_of("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"a\":1}\nrubbish\n")
                  .lines({}, [&](const Json&) {
                    ++seen;
                    return true;
                  });
  EXPECT_TRUE(done);  // the last line is incomplete: Content-Length cut it off
  auto bad = client_of("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"a\":1}\nrubbish\n")
                 .lines({}, [](const Json&) { return true; });
  EXPECT_FALSE(bad);
  EXPECT_EQ(seen, 1);
}

TEST(HttpClient, LinesMayBeCutAnywhere) {
  auto pair = make_socket_pair(SOCK_STREAM);
  std::thread server([&] {
    (void)talk(pair->theirs, "", "\r\n\r\n");
    std::string bytes =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\n{\"n\":\r\n4\r\n1}\n{\r\n7\r\n\"n\":2}\n\r\n0\r\n\r\n";
    for (char c : bytes) (void)write_all(pair->theirs.get(), {&c, 1});
  });
  Client client(std::move(pair->ours));
  int sum = 0;
  auto done = client.lines({}, [&](const Json& line) {
    sum = sum * 10 + static_cast<int>(int_or(line, "n"));
    return true;
  });
  server.join();
  EXPECT_TRUE(done);
  EXPECT_EQ(sum, 12);
}

TEST(HttpClient, RejectionBeforeTheEndOfTheBodyIsReceived) {
  TestServer server;
  server.router.post("/", [](Request&, Response& response) -> asio::awaitable<void> {
    response.error(413, "too large for us");
    co_return;
  });
  server.start();
  auto client = server.client();
  ClientRequest request{.method = "POST", .target = "/"};
  int pieces = 0;
  request.body_source = [&]() -> Result<std::string> {
    return ++pieces < 200 ? std::string(65536, 'x') : std::string();
  };
  auto answer = client.call(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().text(), "too large for us");
}

TEST(HttpClient, IdleConnectionClosedByTheServerIsReopened) {
  auto folder = TemporaryDirectory::create("/tmp/stack-http-");
  std::string path = folder->path() + "/s.sock";
  TestServer server({.idle_timeout = std::chrono::milliseconds(1)});
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    response.text(200, "fine");
    co_return;
  });
  ASSERT_TRUE(server.server().listen(std::move(*listen_unix(path))));
  server.start();
  auto client = Client::connect(path);
  ASSERT_TRUE(client);
  for (int i = 0; i < 3; ++i) {
    auto answer = client->call({.target = "/"});
    ASSERT_TRUE(answer) << answer.error().text();
    pollfd closed{client->fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&closed, 1, 10'000), 1);
  }
}

TEST(HttpClient, ConnectionIsReusedBetweenRequests) {
  TestServer server;
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    (void)co_await response.write("streamed");
  });
  server.start();
  auto client = server.client();  // cannot be reopened, because it has no path
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.call({.target = "/"})->body, "streamed");
  EXPECT_EQ(server.activity().connections, 1U);
}

TEST(HttpServer, RandomDamageNeverBreaksTheServer) {
  TestServer server;
  server.router.post("/{a...}", [](Request& request, Response& response) -> asio::awaitable<void> {
    auto body = co_await request.body.read_json(1000);
    if (body)
      response.json(200, *body);
    else
      response.error(body.error());
  });
  server.start();
  const std::string whole =
      "POST /v1.41/a%20b/c?x=1&y=%20 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: x\r\n\r\n"
      "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n";
  unsigned dice = 1;
  auto roll = [&](size_t sides) {
    dice = dice * 1103515245U + 12345U;
    return (dice >> 8) % sides;
  };
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = whole;
    for (size_t hits = roll(4); hits > 0; --hits) bytes[roll(bytes.size())] = static_cast<char>(roll(256));
    Fd fd = server.open();
    (void)write_all(fd.get(), bytes.substr(0, roll(bytes.size() + 1)));
    ::shutdown(fd.get(), SHUT_WR);
    std::string answer = talk(fd, "");
    ASSERT_EQ(answer.find("<timeout>"), std::string::npos) << bytes;
  }
  server.on_loop([] {});
  EXPECT_EQ(server.activity().requests, 0U);
}

}  // namespace
}  // namespace stack::http
