#include "http/server/server.h"

#include <gtest/gtest.h>

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "server_fixture.h"

namespace stack::http {
namespace {

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server;
  server.router.get("/{n}", [](Request& request, Response& response) -> asio::awaitable<void> {
    response.text(200, "<" + request.param("n") + ">");
    co_return;
  });
  server.start();
  Fd fd = server.open();
  std::string answer = talk(fd,
                            "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 "
                            "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  size_t one = answer.find("<1>");
  size_t two = answer.find("<2>");
  EXPECT_LT(one, two);
  EXPECT_LT(two, answer.find("<3>"));
  EXPECT_TRUE(answer.ends_with("<3><end>"));
}

TEST(HttpServer, RequestArrivingByteByByteIsAnswered) {
  TestServer server;
  answer_body_length(server);
  server.start();
  Fd fd = server.open();
  for (char c : std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"))
    (void)write_all(fd.get(), {&c, 1});
  EXPECT_NE(talk(fd, "", "\r\n\r\n3").find("200 OK"), std::string::npos);
}

TEST(HttpServer, ChunkedRequestBodyIsReassembled) {
  TestServer server;
  answer_body_length(server);
  server.start();
  auto client = server.client();
  int pieces = 0;
  ClientRequest request{.method = "POST", .target = "/"};
  request.body_source = [&]() -> Result<std::string> {
    return pieces++ < 50 ? std::string(100'000, 'x') : std::string();
  };
  auto answer = client.call(request);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "5000000");
}

TEST(HttpServer, BodyIsReadOnlyOnDemand) {
  TestServer server;
  std::promise<void> gate;
  auto opened = gate.get_future().share();
  server.router.post("/", [](Request& request, Response& response) -> asio::awaitable<void> {
    auto piece = co_await request.body.read();
    response.text(200, piece && piece->size() <= 64 * 1024 ? "bounded" : "unbounded");
  });
  server.start();
  Fd fd = server.open();
  std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n";
  (void)write_all(fd.get(), head + std::string(100'000, 'x'));
  EXPECT_NE(talk(fd, "", "bounded").find("200 OK"), std::string::npos);
}

TEST(HttpServer, UnreadSmallBodyDoesNotDisturbTheNextRequest) {
  TestServer server;
  server.router.post("/", [](Request&, Response& response) -> asio::awaitable<void> {
    response.text(200, "ignored");
    co_return;
  });
  answer_text(server, "next");
  server.start();
  Fd fd = server.open();
  std::string body(200'000, 'G');
  std::thread writer([&] {
    (void)write_all(
        fd.get(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + body + std::string(kGet));
  });
  EXPECT_NE(talk(fd, "", "next").find("ignored"), std::string::npos);
  writer.join();
}

TEST(HttpServer, ExpectContinueIsSentOnlyWhenTheHandlerReads) {
  TestServer server;
  answer_body_length(server);
  server.router.post("/refuse", [](Request&, Response& response) -> asio::awaitable<void> {
    response.error(409, "no");
    co_return;
  });
  server.start();
  Fd fd = server.open();
  std::string first =
      talk(fd, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", "\r\n\r\n");
  EXPECT_EQ(first, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_NE(talk(fd, "abcd", "\r\n\r\n4").find("200 OK"), std::string::npos);
  std::string refused =
      talk(fd, "POST /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(refused.find("100 Continue"), std::string::npos);
  EXPECT_NE(refused.find("Connection: close"), std::string::npos);
}

TEST(HttpServer, StreamedAnswerArrivesPieceByPiece) {
  TestServer server;
  asio::steady_timer gate(server.context(), std::chrono::steady_clock::time_point::max());
  server.router.get("/", [&](Request&, Response& response) -> asio::awaitable<void> {
    (void)co_await response.start(200, "application/json");
    asio::error_code ignored;
    co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    Json one{{"n", 1}};
    (void)co_await response.write_line(one);
    Json two{{"n", 2}};
    (void)co_await response.write_line(two);
  });
  server.start();
  auto client = server.client();
  auto header = client.begin({.target = "/"});
  ASSERT_TRUE(header);  // before the body exists
  EXPECT_EQ(header->headers.get("Transfer-Encoding"), "chunked");
  server.on_loop([&] { gate.expires_at(std::chrono::steady_clock::time_point::min()); });
  auto body = client.finish();
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, "{\"n\":1}\n{\"n\":2}\n");
}

TEST(HttpServer, JsonLinesAreDeliveredOneByOneAndMayBeStopped) {
  TestServer server;
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    for (int n = 0;; ++n) {
      Json line{{"n", n}};
      auto sent = co_await response.write_line(line);
      if (!sent) co_return;
    }
  });
  server.start();
  auto client = server.client();
  int seen = 0;
  auto done = client.lines({.target = "/"}, [&](const Json& line) {
    EXPECT_EQ(int_or(line, "n"), seen);
    return ++seen < 1000;
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(seen, 1000);
}

TEST(HttpServer, AbortedStreamIsAnErrorForTheClient) {
  TestServer server;
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    (void)co_await response.write("half");
    response.abort();
  });
  server.start();
  auto answer = server.client().call({.target = "/"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ECONNRESET);
}

TEST(HttpServer, Http10ClientGetsAnUnchunkedStream) {
  TestServer server;
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    (void)co_await response.write("one");
    (void)co_await response.write("two");
  });
  server.start();
  EXPECT_TRUE(talk(server.open(), "GET / HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nonetwo<end>"));
}

TEST(HttpServer, ErrorsCarryStatusByKindAndMessage) {
  TestServer server;
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    response.error(conflict("name is in use"));
    co_return;
  });
  server.start();
  auto answer = server.client().call({.target = "/"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(answer.error().text(), "name is in use");
}

TEST(HttpServer, ConfiguredFieldsAreInEveryResponse) {
  TestServer server({.headers = {{"Api-Version", "1.50"}, {"Ostype", "linux"}}});
  server.start();
  std::string answer = talk(server.open(), "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Api-Version: 1.50\r\nOstype: linux\r\n"), std::string::npos);
}

TEST(HttpServer, ValuesCannotInjectFields) {
  TestServer server;
  server.router.get("/", [](Request&, Response& response) -> asio::awaitable<void> {
    response.set_header("X-Name", "a\r\nEvil: 1");
    response.text(200, "");
    co_return;
  });
  server.start();
  EXPECT_EQ(talk(server.open(), kGet, "\r\n\r\n").find("\r\nEvil"), std::string::npos);
}

TEST(HttpServer, OversizedHeaderGets431) {
  TestServer server;
  server.start();
  std::string answer =
      talk(server.open(), "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 431 ")) << answer.substr(0, 100);
}

TEST(HttpServer, LargeBodyAfterTheHeaderIsNotAnOversizedHeader) {
  TestServer server({.header_limit = 1024});
  answer_body_length(server);
  server.start();
  Fd fd = server.open();
  std::string body(60'000, 'x');
  EXPECT_NE(
      talk(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + body, "60000").find("200 OK"),
      std::string::npos);
}

TEST(HttpServer, GarbageGets400AndTheConnectionEnds) {
  TestServer server;
  server.start();
  std::string answer = talk(server.open(), "\x16\x03\x01 hello\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(answer.ends_with("<end>"));
}

TEST(HttpServer, BothContentLengthAndChunkedIsRefused) {
  TestServer server;
  answer_body_length(server);
  server.start();
  std::string answer =
      talk(server.open(),
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 "));
}

TEST(HttpServer, AmbiguousHeadersAreRejected) {
  TestServer server;
  answer_text(server, "served");
  server.start();
  const char* const kRefused[] = {
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\nabcd",  // white space before the colon
      "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",              // a folded field
      "GET / HTTP/1.1\r\n Host: x\r\n\r\n",                           // before the first field
      "GET / HTTP/1.1\nHost: x\n\n",                                  // bare LF
      "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",                      // one bare LF
      "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",                      // bare CR
      "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",                        // no Host
      "GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",  // two of them
  };
  for (const char* request : kRefused) {
    std::string answer = talk(server.open(), request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << request << "\n-> " << answer;
    EXPECT_TRUE(answer.ends_with("<end>")) << request;
  }
}

TEST(HttpServer, UnusualButUnambiguousHeadersAreAccepted) {
  TestServer server;
  answer_text(server, "served");
  server.start();
  const char* const kTaken[] = {
      "GET / HTTP/1.0\r\n\r\n",                             // no Host before 1.1
      "\r\nGET / HTTP/1.0\r\n\r\n",                         // an empty line first
      "GET / HTTP/1.0\r\nHost:\r\nEmpty:\r\nA:b \r\n\r\n",  // empty values
  };
  for (const char* request : kTaken) {
    std::string answer = talk(server.open(), request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << request << "\n-> " << answer;
  }
}

TEST(HttpServer, EscapedExceptionIs500AndIsReported) {
  std::string reported;
  ServerOptions options;
  options.on_bug = [&](const std::string& what) { reported = what; };
  TestServer server(options);
  server.router.get("/", [](Request&, Response&) -> asio::awaitable<void> {
    throw std::runtime_error("bug");
    co_return;
  });
  server.start();
  auto answer = server.client().call({.target = "/"});
  EXPECT_EQ(answer.error().text(), "internal error: bug");
  server.on_loop([&] { EXPECT_EQ(reported, "GET /: bug"); });
}

}  // namespace
}  // namespace stack::http
