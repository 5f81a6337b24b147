#include "net/proxy/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/files.h"
#include "net/proxy/proxy_server.h"
#include "sockets.h"

namespace stack::proxy {
namespace {

TEST(ProxyControl, RequestsRoundTrip) {
  ProxyRequest add;
  add.kind = ProxyRequest::Kind::Add;
  add.name = "abc/tcp/0.0.0.0/80";
  add.target = Target{*parse_ip("fd00::1"), 8080, true};
  std::vector<Fd> fds;
  fds.emplace_back(::dup(0));
  auto read = decode_request(encode(add), std::move(fds));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->name, add.name);
  EXPECT_EQ(read->target, add.target);
  EXPECT_TRUE(read->socket);
  ProxyRequest remove;
  remove.name = "x";
  EXPECT_EQ(decode_request(encode(remove), {})->kind, ProxyRequest::Kind::Remove);
}

TEST(ProxyControl, OtherBytesAreRejected) {
  for (const char* bad : {"", "{", "[]", "{}", R"({"do":"remove"})", R"({"do":"jump","name":"x"})",
                          R"({"do":"add","name":"x","target":null})", R"({"do":7,"name":"x"})",
                          R"({"do":"target","name":"x","target":{"ip":"1.2.3.4","port":70000}})",
                          R"({"do":"target","name":"x","target":{"ip":"nowhere","port":7}})",
                          R"({"do":"target","name":"x","target":[1]})"})
    EXPECT_FALSE(decode_request(bad, {})) << bad;
}

TEST(ProxyControl, GreetingsOfManyPortsFitIntoMessages) {
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) names.push_back(std::string(120, 'n') + std::to_string(i));
  std::vector<std::string> read;
  std::vector<std::string> messages = encode_greetings(names);
  for (const std::string& message : messages) {
    EXPECT_LE(message.size(), kMostControlBytes);
    auto greeting = decode_greeting(message);
    ASSERT_TRUE(greeting);
    read.insert(read.end(), greeting->ports.begin(), greeting->ports.end());
    EXPECT_EQ(greeting->more, &message != &messages.back());
  }
  EXPECT_EQ(read, names);
  EXPECT_EQ(encode_greetings({}).size(), 1U);
}

class ProxyServerTest : public ::testing::Test {
 protected:
  // Longer than sockaddr_un allows.
  std::string path() const { return folder_.path() + "/" + std::string(120, 'p') + "/proxy.sock"; }
  void SetUp() override { ASSERT_TRUE(ensure_directory(directory_name(path()))); }
  Fd connect() {
    auto made = connect_control(path());
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(*made) : Fd();
  }
  void run() {
    context_.restart();
    context_.run_for(std::chrono::milliseconds(30));
  }
  std::string receive(const Fd& engine) {
    run();
    auto message = receive_with_fds(engine.get());
    return message ? message->bytes : message.error().text();
  }
  void send(const Fd& engine, const ProxyRequest& request) {
    int fd = request.socket.get();
    ASSERT_TRUE(send_with_fds(engine.get(), encode(request),
                              request.socket ? std::span<const int>(&fd, 1) : std::span<const int>()));
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::create("/tmp/stack-proxy-test");
  asio::io_context context_{1};
};

TEST_F(ProxyServerTest, KeepsServingWithoutItsEngineAndEndsWithItsLastPort) {
  ASSERT_FALSE(connect_control(path()));
  ProxyServer server(context_, *listen_control(path()));
  Fd engine = connect();
  EXPECT_EQ(decode_greeting(receive(engine))->ports.size(), 0U);
  ProxyRequest add;
  add.kind = ProxyRequest::Kind::Add;
  add.name = "web";
  auto bound = bind_host_port(*parse_ip("127.0.0.1"), {0, 0}, Protocol::Tcp);
  ASSERT_TRUE(bound);
  add.socket = std::move(bound->socket);
  send(engine, add);
  add.socket.reset();
  run();
  engine.reset();
  run();
  EXPECT_FALSE(context_.stopped());
  // The port is still taken, and the next engine learns about it.
  EXPECT_FALSE(bind_host_port(*parse_ip("127.0.0.1"), {bound->port, bound->port}, Protocol::Tcp));
  Fd next = connect();
  EXPECT_EQ(decode_greeting(receive(next))->ports, std::vector<std::string>{"web"});
  ProxyRequest remove;
  remove.name = "web";
  send(next, remove);
  ProxyRequest settle;
  settle.kind = ProxyRequest::Kind::Settle;
  send(next, settle);
  EXPECT_EQ(receive(next), kSettled);
  EXPECT_TRUE(bind_host_port(*parse_ip("127.0.0.1"), {bound->port, bound->port}, Protocol::Tcp));
  next.reset();
  run();
  EXPECT_TRUE(context_.stopped());
}

TEST_F(ProxyServerTest, InvalidMessagesChangeNothing) {
  ProxyServer server(context_, *listen_control(path()));
  Fd engine = connect();
  EXPECT_EQ(decode_greeting(receive(engine))->ports.size(), 0U);
  ASSERT_TRUE(send_with_fds(engine.get(), "rubbish", {}));
  ProxyRequest settle;
  settle.kind = ProxyRequest::Kind::Settle;
  send(engine, settle);
  EXPECT_EQ(receive(engine), kSettled);
}

}  // namespace
}  // namespace stack::proxy
