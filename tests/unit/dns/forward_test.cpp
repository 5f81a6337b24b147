#include <set>

#include "base/files.h"
#include "net/dns/resolv_conf.h"
#include "server_fixture.h"

namespace stack::dns {
namespace {

using std::chrono::milliseconds;

DnsServerOptions quick() { return {.attempt_timeout = milliseconds(20), .total_timeout = milliseconds(200)}; }

TEST_F(ServerTest, LocalNamesNeverReachTheUpstream) {
  auto& up = upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start();
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.0.0.2");
  EXPECT_TRUE(up.asked.empty());
}

TEST_F(ServerTest, OtherNamesAreForwardedAndCached) {
  auto& up = upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start();
  EXPECT_EQ(ask({"Example.ORG"}), "NOERROR: Example.ORG. 60 A 9.9.9.9");
  EXPECT_EQ(ask({"example.org"}), "NOERROR: example.org. 60 A 9.9.9.9");
  EXPECT_EQ(up.asked.size(), 1U);
  EXPECT_EQ(ask({"example.org", kTypeAaaa}), "NOERROR: example.org. 60 A 9.9.9.9");  // another query
  EXPECT_EQ(up.asked.size(), 2U);
  EXPECT_EQ(server->statistics().cached, 1U);
}

TEST_F(ServerTest, QueriesHaveRandomIdsPortsAndCase) {
  auto& up = upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start();
  std::set<uint16_t> ids;
  std::set<std::string> names;
  for (int i = 0; i < 40; ++i)
    (void)ask({"host" + std::to_string(i % 10) + std::to_string(i / 10) + ".example.org"});
  for (const std::string& asked : up.asked) {
    ids.insert(read_u16(asked, 0));
    names.insert(parse_query(asked).query.question.wire_name.substr(8));
  }
  EXPECT_GT(ids.size(), 35U);
  EXPECT_GT(names.size(), 30U);
  EXPECT_GT(std::set<uint16_t>(up.ports.begin(), up.ports.end()).size(), 3U);
}

TEST_F(ServerTest, MergedQueriesGetTheirOwnIdsAndCase) {
  bool open = false;
  upstream([&](auto& asked, auto) -> std::optional<std::string> {
    if (open) return answer_with(asked, {"9.9.9.9"});
    return std::nullopt;
  });
  start({.attempt_timeout = milliseconds(60), .total_timeout = milliseconds(5000)});
  auto one = send({.name = "example.org", .id = 1});
  auto two = send({.name = "EXAMPLE.org", .id = 2});
  run_until([&] { return server->statistics().merged == 1; });
  open = true;  // the second attempt is answered
  run_until([&] { return one->reply && two->reply; });
  ASSERT_TRUE(one->reply && two->reply);
  EXPECT_EQ(text_of(*one->reply), "NOERROR: example.org. 60 A 9.9.9.9");
  EXPECT_EQ(text_of(*two->reply), "NOERROR: EXAMPLE.org. 60 A 9.9.9.9");
  EXPECT_EQ(read_u16(*two->reply, 0), 2);
  EXPECT_EQ(server->statistics().forwarded, 1U);
}

TEST_F(ServerTest, SilentServerIsSkippedAndAvoidedAfterward) {
  auto& dead = upstream([](auto&, auto) { return std::nullopt; });
  auto& alive = upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start({.attempt_timeout = milliseconds(20)});
  EXPECT_EQ(ask({"a.org"}), "NOERROR: a.org. 60 A 9.9.9.9");
  EXPECT_EQ(dead.asked.size(), 1U);
  EXPECT_EQ(ask({"b.org"}), "NOERROR: b.org. 60 A 9.9.9.9");
  EXPECT_EQ(dead.asked.size(), 1U);
  EXPECT_EQ(alive.asked.size(), 2U);
}

TEST_F(ServerTest, FailingServerIsSkippedImmediately) {
  upstream([](auto& asked, auto) { return refuse_with(asked, Rcode::ServFail); });
  upstream([](auto& asked, auto) { return refuse_with(asked, Rcode::Refused); });
  upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start({.attempt_timeout = milliseconds(9000), .total_timeout = milliseconds(9500)});
  EXPECT_EQ(ask({"a.org"}), "NOERROR: a.org. 60 A 9.9.9.9");
}

TEST_F(ServerTest, ClosedPortIsSkippedImmediately) {
  upstream([](auto&, auto) { return std::nullopt; });
  upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start({.attempt_timeout = milliseconds(9000), .total_timeout = milliseconds(9500)});
  upstreams.front()->close();
  EXPECT_EQ(ask({"a.org"}), "NOERROR: a.org. 60 A 9.9.9.9");
}

TEST_F(ServerTest, NoSuchNameIsReturnedWithoutAskingOtherServers) {
  upstream([](auto& asked, auto) { return refuse_with(asked, Rcode::NxDomain); });
  auto& second = upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start();
  EXPECT_EQ(ask({"a.org"}), "NXDOMAIN:");
  EXPECT_TRUE(second.asked.empty());
}

TEST_F(ServerTest, SilenceOfAllServersIsServFailInTimeAndCached) {
  auto& up = upstream([](auto&, auto) { return std::nullopt; });
  start(quick());
  EXPECT_EQ(ask({"a.org"}), "SERVFAIL:");
  size_t asked = up.asked.size();
  EXPECT_GT(asked, 3U);  // datagrams may be lost: it retried
  EXPECT_EQ(ask({.name = "a.org", .edns_size = 1232}), "SERVFAIL: | OPT size=1232 ext=0");
  EXPECT_EQ(up.asked.size(), asked);
}

TEST_F(ServerTest, NoServersAtAllIsServFail) {
  start();
  EXPECT_EQ(ask({"a.org"}), "SERVFAIL:");
}

TEST_F(ServerTest, TruncatedAnswersAreFetchedOverTcp) {
  auto& up = upstream([](auto& asked, Transport transport) -> std::optional<std::string> {
    if (transport == Transport::Udp) return answer_with(asked, {"1.1.1.1"}, 60, kFlagTc);
    return answer_with(asked, {"9.9.9.9", "9.9.9.8"});
  });
  start();
  EXPECT_EQ(ask({"a.org"}), "NOERROR: a.org. 60 A 9.9.9.8 a.org. 60 A 9.9.9.9");
  EXPECT_EQ(up.asked.size(), 2U);
}

TEST_F(ServerTest, TruncatedAnswerIsUsedIfTcpFails) {
  upstream([](auto& asked, Transport transport) -> std::optional<std::string> {
    if (transport == Transport::Udp) return answer_with(asked, {"1.1.1.1"}, 60, kFlagTc);
    return "rubbish";
  });
  start(quick());
  EXPECT_EQ(ask({"a.org"}), "NOERROR tc: a.org. 60 A 1.1.1.1");
}

TEST_F(ServerTest, ServerWithoutEdnsIsQueriedWithoutIt) {
  auto& up = upstream([](auto& asked, auto) {
    return parse_query(asked).query.edns ? refuse_with(asked, Rcode::FormErr)
                                         : answer_with(asked, {"9.9.9.9"});
  });
  start({.attempt_timeout = milliseconds(9000), .total_timeout = milliseconds(9500)});
  EXPECT_EQ(ask({"a.org"}), "NOERROR: a.org. 60 A 9.9.9.9");
  EXPECT_EQ(ask({"b.org"}), "NOERROR: b.org. 60 A 9.9.9.9");
  EXPECT_EQ(up.asked.size(), 3U);  // learned from the first
}

TEST_F(ServerTest, ForgedAnswersAreIgnored) {
  upstream([](auto& asked, auto) -> std::optional<std::string> {
    std::string other_name = answer_with(query({"evil.org"}), {"6.6.6.6"});
    set_u16(other_name, 0, read_u16(asked, 0));
    return other_name;
  });
  start(quick());
  EXPECT_EQ(ask({"a.org"}), "SERVFAIL:");
}

TEST_F(ServerTest, AnswerInAnotherCaseIsConfirmedOverTcp) {
  auto lower_case = [](std::string asked) {
    std::string name = *wire_name_of(parse_query(asked).query.question.name);
    asked.replace(kHeaderSize, name.size(), name);
    return asked;
  };
  auto& up = upstream([&](auto& asked, auto transport) {
    return answer_with(lower_case(asked), {transport == Transport::Tcp ? "9.9.9.9" : "6.6.6.6"});
  });
  start();
  EXPECT_EQ(ask({"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org"}),
            "NOERROR: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org. 60 A 9.9.9.9");
  EXPECT_EQ(up.asked.size(), 2U);
}

// The behavior of servers that compare names byte by byte, for other letter cases of a known name.
class ExactCase : public ServerTest {
 protected:
  static constexpr const char* kName = "a-long-enough-name-to-change.example.org";
  static constexpr const char* kAnswer = "NOERROR: a-long-enough-name-to-change.example.org. 60 A 9.9.9.9";

  // Whether the queried name is as written, not in random case, over UDP or TCP.
  static bool is_as_written(const std::string& asked) {
    return parse_query(asked).query.question.wire_name == *wire_name_of(kName);
  }
  // Queries twice: the second query depends on the state left by the first.
  void expect_answers(Respond respond) {
    upstream(std::move(respond));
    start({.attempt_timeout = milliseconds(100), .total_timeout = milliseconds(2000)});
    EXPECT_EQ(ask({kName}), kAnswer);
    EXPECT_EQ(ask({kName}), kAnswer);
    EXPECT_EQ(server->statistics().cached, 1U);
  }
};

TEST_F(ExactCase, DenialIsNotTrusted) {
  expect_answers([](auto& asked, auto) {
    return is_as_written(asked) ? answer_with(asked, {"9.9.9.9"}) : refuse_with(asked, Rcode::NxDomain);
  });
  // Remembered from now on.
  size_t before = upstreams.front()->asked.size();
  EXPECT_EQ(ask({kName, kTypeAaaa}), kAnswer);
  EXPECT_EQ(upstreams.front()->asked.size(), before + 1);
}

TEST_F(ExactCase, EmptyAnswerIsNotTrusted) {
  expect_answers([](auto& asked, auto) {
    return is_as_written(asked) ? answer_with(asked, {"9.9.9.9"}) : refuse_with(asked, Rcode::NoError);
  });
}

TEST_F(ExactCase, RefusalIsNotTrusted) {
  for (Rcode rcode : {Rcode::Refused, Rcode::ServFail, Rcode::NotImp}) {
    upstreams.clear();
    expect_answers([rcode](auto& asked, auto) {
      return is_as_written(asked) ? answer_with(asked, {"9.9.9.9"}) : refuse_with(asked, rcode);
    });
  }
}

TEST_F(ExactCase, SilenceIsNotTrusted) {
  expect_answers([](auto& asked, auto) -> std::optional<std::string> {
    if (is_as_written(asked)) return answer_with(asked, {"9.9.9.9"});
    return std::nullopt;
  });
}

TEST_F(ExactCase, AnswerInLowerCaseWithoutTcpIsAccepted) {
  expect_answers([](auto& asked, Transport transport) -> std::optional<std::string> {
    if (transport == Transport::Tcp) return "rubbish";
    std::string lowered = asked;
    std::string name = *wire_name_of(kName);
    lowered.replace(kHeaderSize, name.size(), name);
    return answer_with(lowered, {"9.9.9.9"});
  });
}

TEST_F(ExactCase, DenialOfTheNameAsWrittenIsTrusted) {
  auto& up = upstream([](auto& asked, auto) { return refuse_with(asked, Rcode::NxDomain); });
  start();
  EXPECT_EQ(ask({kName}), "NXDOMAIN:");
  EXPECT_EQ(up.asked.size(), 2U);
  EXPECT_TRUE(is_as_written(up.asked.back()));
}

TEST_F(ServerTest, ContainersOwnServersReplaceTheHosts) {
  auto& host = upstream([](auto& asked, auto) { return answer_with(asked, {"1.1.1.1"}); });
  start();
  auto& own = upstream([](auto& asked, auto) { return answer_with(asked, {"2.2.2.2"}); });
  add_client("own", {own.address()});
  EXPECT_EQ(ask({"a.org"}), "NOERROR: a.org. 60 A 2.2.2.2");
  EXPECT_TRUE(host.asked.empty());
}

TEST_F(ServerTest, QueriesBeyondTheClientsLimitFailImmediately) {
  upstream([](auto&, auto) { return std::nullopt; });
  start({.in_flight_per_client = 2,
         .attempt_timeout = milliseconds(9000),
         .total_timeout = milliseconds(9500)});
  auto one = send({"a.org"});
  auto two = send({"b.org"});
  run_until([&] { return server->statistics().forwarded == 2; });
  EXPECT_EQ(ask({"c.org"}), "SERVFAIL:");
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.0.0.2");
}

TEST_F(ServerTest, QueriesSentBeforeTheSocketsAreAdoptedAreAnswered) {
  start();
  DnsSockets sockets = loopback_sockets();
  auto copy = sockets.udp.duplicate();  // the copy that another process keeps
  port = sockets.udp_port;
  auto waiting = send({"web"});
  ASSERT_TRUE(server->add_client(ContainerId("late"), std::move(sockets), {{{"n"}, {}}, {}}));
  run_until([&] { return waiting->reply.has_value(); });
  ASSERT_TRUE(waiting->reply);
  server->remove_client(ContainerId("late"));
  auto again = send({"web"});
  auto kept = adopt_dns_sockets(std::move(*copy), loopback_socket(SOCK_STREAM));
  ASSERT_TRUE(server->add_client(ContainerId("late"), std::move(*kept), {{{"n"}, {}}, {}}));
  run_until([&] { return again->reply.has_value(); });
  EXPECT_TRUE(again->reply);
}

TEST_F(ServerTest, ZoneChangesApplyFromTheNextQuery) {
  start();
  server->zone().set_endpoint("n", "e", {{"web"}, {*parse_ip("10.0.0.3")}});
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.0.0.3");
  server->zone().set_network("m", {.name = "more"});
  server->zone().set_endpoint("m", "x", {{"db"}, {*parse_ip("10.0.1.3")}});
  server->update_client(ContainerId("c"), {{{"n", "m"}, {}}, {}});
  EXPECT_EQ(ask({"db.more"}), "NOERROR aa: db.more. 5 A 10.0.1.3");
}

TEST_F(ServerTest, RemovedClientWithQueriesInFlightIsForgotten) {
  auto& up = upstream([](auto&, auto) { return std::nullopt; });
  start(quick());
  auto pending = send({"a.org"});
  run_until([&] { return up.asked.size() == 1; });
  server->remove_client(ContainerId("c"));
  EXPECT_FALSE(server->has_client(ContainerId("c")));
  run_until([&] { return server->statistics().failed > 0 || up.asked.size() > 3; });
  EXPECT_FALSE(pending->reply);
}

std::string framed(const std::string& message) {
  std::string out;
  put_u16(out, static_cast<uint16_t>(message.size()));
  return out + message;
}

TEST_F(ServerTest, TcpAnswersPipelinedQueries) {
  upstream([](auto& asked, auto) { return answer_with(asked, {"9.9.9.9"}); });
  start();
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), tcp_port});
  std::string all = framed(query({.name = "a.org", .id = 1})) + framed(query({.name = "web", .id = 2})) +
                    framed(query({.name = "web", .type = 16, .id = 3}));
  for (char c : all) asio::write(socket, asio::buffer(&c, 1));
  std::string received;
  std::array<char, 4096> buffer;
  std::set<uint16_t> ids;
  std::function<void()> read = [&] {
    socket.async_receive(asio::buffer(buffer), [&](asio::error_code problem, size_t n) {
      received.append(buffer.data(), n);
      while (received.size() >= 2 && received.size() >= 2U + read_u16(received, 0)) {
        ids.insert(read_u16(received, 2));
        received.erase(0, 2U + read_u16(received, 0));
      }
      if (!problem) read();
    });
  };
  read();
  run_until([&] { return ids.size() == 3; });
  EXPECT_EQ(ids, (std::set<uint16_t>{1, 2, 3}));
  socket.close();
  run_until([&] { return true; });
}

TEST_F(ServerTest, InvalidTcpDataEndsTheConnection) {
  start();
  for (const std::string& rubbish :
       {std::string("\0\0", 2), std::string("\0\3abc", 5), framed(answer_with(query({"x"}), {}))}) {
    asio::ip::tcp::socket socket(context);
    socket.connect({asio::ip::address_v4::loopback(), tcp_port});
    asio::write(socket, asio::buffer(rubbish));
    bool ended = false;
    std::array<char, 64> buffer;
    socket.async_receive(asio::buffer(buffer),
                         [&](asio::error_code problem, size_t) { ended = problem.value() != 0; });
    run_until([&] { return ended; });
    EXPECT_TRUE(ended);
  }
}

TEST(ResolvConfWatch, FollowsReplacedRemovedAndLinkedFiles) {
  asio::io_context context;
  auto folder = TemporaryDirectory::create("/tmp/stack-resolv-");
  std::string path = folder->path() + "/resolv.conf";
  std::string stub = folder->path() + "/run/resolv.conf";
  ASSERT_TRUE(ensure_directory(directory_name(stub)));
  ASSERT_TRUE(write_file(path, "nameserver 1.1.1.1\n"));
  std::vector<std::string> seen;
  ResolvConfWatch watch(context, path, stub, [&](const std::vector<UpstreamAddress>& servers) {
    seen.push_back(servers.empty() ? "none" : servers.front().ip.text());
  });
  ASSERT_EQ(watch.current().size(), 1U);
  size_t steps = 0;
  auto wait = [&] {
    ++steps;
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (seen.size() < steps && std::chrono::steady_clock::now() < end)
      context.run_one_for(std::chrono::milliseconds(100));
  };
  ASSERT_TRUE(write_file_atomic(path, "nameserver 2.2.2.2\n"));
  wait();
  ASSERT_EQ(::unlink(path.c_str()), 0);
  wait();
  ASSERT_TRUE(write_file(path, "nameserver 127.0.0.53\n"));
  wait();
  ASSERT_TRUE(write_file(stub, "nameserver 3.3.3.3\n"));
  wait();
  EXPECT_EQ(seen, (std::vector<std::string>{"2.2.2.2", "none", "127.0.0.53", "3.3.3.3"}));
}

}  // namespace
}  // namespace stack::dns
