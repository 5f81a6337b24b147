#include "net/dns/answer.h"

#include <gtest/gtest.h>

#include <set>

#include "wire.h"

namespace stack::dns {
namespace {

IpAddress ip(const char* text) { return *parse_ip(text); }

class AnswerTest : public ::testing::Test {
 protected:
  AnswerTest() {
    zone.set_network("front-id", {.name = "demo_Front", .subnets = {*parse_cidr("10.1.0.0/24")}});
    zone.set_network("back-id",
                     {.name = "demo_back", .internal = true, .subnets = {*parse_cidr("10.2.0.0/24")}});
    zone.set_network("other-id", {.name = "other", .subnets = {*parse_cidr("10.3.0.0/24")}});
    zone.set_endpoint("front-id", "e1",
                      {{"demo-web-1", "web", "svc.dotted", "0123456789ab"}, {ip("10.1.0.2")}});
    zone.set_endpoint("front-id", "e2", {{"demo-web-2", "WEB"}, {ip("10.1.0.3"), ip("fd00::3")}});
    zone.set_endpoint("front-id", "e3", {{"demo-old-1", "old"}, {}});
    zone.set_endpoint("back-id", "e4", {{"demo-db-1", "db", "web"}, {ip("10.2.0.9")}});
    zone.set_endpoint("other-id", "e5", {{"secret"}, {ip("10.3.0.4")}});
  }

  Decision decide(const Asked& asked, Transport transport = Transport::Udp) {
    return answer(query(asked), view, zone, transport, random);
  }
  std::string ask(const Asked& asked, Transport transport = Transport::Udp) {
    Decision decision = decide(asked, transport);
    if (decision.kind == Decision::Kind::Forward) return "forward";
    if (decision.kind == Decision::Kind::Drop) return "drop";
    return text_of(decision.reply);
  }

  Zone zone;
  View view{{"front-id", "back-id"}, {}};
  uint64_t random = 1;
};

TEST_F(AnswerTest, NameResolvesToAllAddressesOnTheFirstMatchingNetwork) {
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.1.0.2 web. 5 A 10.1.0.3");
  EXPECT_EQ(ask({"demo-web-1"}), "NOERROR aa: demo-web-1. 5 A 10.1.0.2");
  EXPECT_EQ(ask({"0123456789ab"}), "NOERROR aa: 0123456789ab. 5 A 10.1.0.2");
  EXPECT_EQ(ask({"db"}), "NOERROR aa: db. 5 A 10.2.0.9");
}

TEST_F(AnswerTest, OrderOfTheViewDecides) {
  view.networks = {"back-id", "front-id"};
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.2.0.9");
}

TEST_F(AnswerTest, CaseIsIgnoredInBothPartsAndKeptInTheAnswer) {
  EXPECT_EQ(ask({"WeB.DEMO_fronT"}), "NOERROR aa: WeB.DEMO_fronT. 5 A 10.1.0.2 WeB.DEMO_fronT. 5 A 10.1.0.3");
}

TEST_F(AnswerTest, NetworkSuffixPicksTheNetwork) {
  EXPECT_EQ(ask({"web.demo_back"}), "NOERROR aa: web.demo_back. 5 A 10.2.0.9");
  EXPECT_EQ(ask({"svc.dotted"}), "NOERROR aa: svc.dotted. 5 A 10.1.0.2");
  EXPECT_EQ(ask({"svc.dotted.demo_front"}), "NOERROR aa: svc.dotted.demo_front. 5 A 10.1.0.2");
}

TEST_F(AnswerTest, NetworksOutsideTheViewAreInvisible) {
  EXPECT_EQ(ask({"secret"}), "forward");
  EXPECT_EQ(ask({"secret.other"}), "forward");
}

TEST_F(AnswerTest, OtherFamilyIsNoDataWithSoa) {
  EXPECT_EQ(ask({"demo-web-1", kTypeAaaa}), "NOERROR aa: | demo-web-1. 1 SOA");
  EXPECT_EQ(ask({"web", kTypeAaaa}), "NOERROR aa: web. 5 AAAA fd00::3");
}

TEST_F(AnswerTest, OtherTypesOfAnExistingNameAreNoDataAndNeverForwarded) {
  for (uint16_t type : std::initializer_list<uint16_t>{15, 16, 5, 2, 6, 33, 65, 257, 12})
    EXPECT_EQ(ask({"web", type}), "NOERROR aa: | web. 1 SOA") << type;
}

TEST_F(AnswerTest, AnyReturnsOneFamily) {
  EXPECT_EQ(ask({"demo-web-1", kTypeAny}), "NOERROR aa: demo-web-1. 5 A 10.1.0.2");
}

TEST_F(AnswerTest, AddressesAreShuffled) {
  std::set<std::string> orders;
  for (int i = 0; i < 64; ++i) orders.insert(decide({"web"}).reply);
  EXPECT_EQ(orders.size(), 2U);
}

TEST_F(AnswerTest, StoppedContainersNameIsNotForwarded) {
  EXPECT_EQ(ask({"old"}), "NXDOMAIN aa: | . 1 SOA");
  EXPECT_EQ(ask({"old.demo_front"}), "NXDOMAIN aa: | demo_front. 1 SOA");
}

TEST_F(AnswerTest, StoppedReplicaIsLeftOutAndRunningOneOnALaterNetworkIsFound) {
  zone.set_endpoint("front-id", "e1", {{"demo-web-1", "web"}, {}});
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.1.0.3");
  zone.set_endpoint("front-id", "e2", {{"demo-web-2", "web"}, {}});
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.2.0.9");
}

TEST_F(AnswerTest, UnknownNamesAreForwardedUnlessTheyNameAnInternalNetwork) {
  EXPECT_EQ(ask({"example.org"}), "forward");
  EXPECT_EQ(ask({"typo"}), "forward");
  EXPECT_EQ(ask({"typo.demo_front"}), "forward");
  EXPECT_EQ(ask({"typo.demo_back"}), "NXDOMAIN aa: | demo_back. 1 SOA");
  EXPECT_EQ(ask({"demo_back"}), "NXDOMAIN aa: | . 1 SOA");
  EXPECT_EQ(ask({"xdemo_back"}), "forward");
}

TEST_F(AnswerTest, InternalOnlyContainerNeverForwards) {
  view.networks = {"back-id"};
  EXPECT_EQ(ask({"example.org"}), "NXDOMAIN aa: | org. 1 SOA");
  EXPECT_EQ(ask({"example.org", 16}), "NXDOMAIN aa: | org. 1 SOA");
  EXPECT_EQ(ask({"8.8.8.8.in-addr.arpa", kTypePtr}), "NXDOMAIN aa: | 8.8.8.in-addr.arpa. 1 SOA");
  EXPECT_EQ(ask({"db"}), "NOERROR aa: db. 5 A 10.2.0.9");
  view.networks.clear();
  EXPECT_EQ(ask({"example.org"}), "NXDOMAIN aa: | org. 1 SOA");
}

TEST_F(AnswerTest, ReverseQueriesReturnContainerAndNetwork) {
  EXPECT_EQ(ask({"2.0.1.10.in-addr.arpa", kTypePtr}),
            "NOERROR aa: 2.0.1.10.in-addr.arpa. 5 PTR demo-web-1.demo_Front.");
  std::string v6 = "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
  EXPECT_EQ(ask({v6, kTypePtr}), "NOERROR aa: " + v6 + ". 5 PTR demo-web-2.demo_Front.");
  EXPECT_EQ(ask({"2.0.1.10.in-addr.arpa", kTypeA}), "NOERROR aa: | 2.0.1.10.in-addr.arpa. 1 SOA");
}

TEST_F(AnswerTest, ReverseQueriesAreForwardedExceptForOurSubnets) {
  EXPECT_EQ(ask({"77.0.1.10.in-addr.arpa", kTypePtr}), "NXDOMAIN aa: | 0.1.10.in-addr.arpa. 1 SOA");
  EXPECT_EQ(ask({"4.0.3.10.in-addr.arpa", kTypePtr}), "forward");
  EXPECT_EQ(ask({"8.8.8.8.in-addr.arpa", kTypePtr}), "forward");
  EXPECT_EQ(ask({"1.0.0.127.in-addr.arpa", kTypePtr}),
            "NOERROR aa: 1.0.0.127.in-addr.arpa. 5 PTR localhost.");
}

TEST_F(AnswerTest, MalformedReverseNamesAreOrdinaryNames) {
  for (const char* name : {"256.0.1.10.in-addr.arpa", "2.0.1.in-addr.arpa", "1.2.0.1.10.in-addr.arpa",
                           "x.0.1.10.in-addr.arpa", "0002.0.1.10.in-addr.arpa", "ip6.arpa", "in-addr.arpa"})
    EXPECT_EQ(ask({name, kTypePtr}), "forward") << name;
}

TEST_F(AnswerTest, LocalhostIsAnsweredLocally) {
  EXPECT_EQ(ask({"localhost"}), "NOERROR aa: localhost. 5 A 127.0.0.1");
  EXPECT_EQ(ask({"a.LocalHost", kTypeAaaa}), "NOERROR aa: a.LocalHost. 5 AAAA ::1");
  EXPECT_EQ(ask({"localhost", 16}), "NOERROR aa: | localhost. 1 SOA");
  EXPECT_EQ(ask({"notlocalhost"}), "forward");
  EXPECT_EQ(ask({"x.invalid"}), "NXDOMAIN aa: | invalid. 1 SOA");
}

TEST_F(AnswerTest, LinksComeBeforeNames) {
  view.links = {{"database", "demo-db-1"}, {"web", "db"}, {"gone", "nobody"}, {"self", "self"}};
  EXPECT_EQ(ask({"DataBase"}), "NOERROR aa: DataBase. 5 A 10.2.0.9");
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.2.0.9");
  EXPECT_EQ(ask({"gone"}), "forward");
  EXPECT_EQ(ask({"self"}), "forward");
}

TEST_F(AnswerTest, HeaderCopiesIdAndRecursionDesired) {
  Decision decision = decide({.name = "web", .id = 0xBEEF, .flags = 0});
  EXPECT_EQ(read_u16(decision.reply, 0), 0xBEEF);
  EXPECT_EQ(read_u16(decision.reply, 2) & kFlagRd, 0);
  EXPECT_NE(read_u16(decision.reply, 2) & kFlagRa, 0);
}

TEST_F(AnswerTest, EdnsIsEchoedWithOurSize) {
  EXPECT_EQ(ask({.name = "demo-web-1", .edns_size = 4096}),
            "NOERROR aa: demo-web-1. 5 A 10.1.0.2 | OPT size=1232 ext=0");
  EXPECT_EQ(ask({.name = "demo-web-1", .edns_size = 1232, .edns_version = 1}),
            "NOERROR: | OPT size=1232 ext=1");
}

TEST_F(AnswerTest, OtherClassesAreRefused) {
  EXPECT_EQ(ask({"web", kTypeA, 3}), "REFUSED:");
  EXPECT_EQ(ask({"web", kTypeA, kClassAny}), "NOERROR aa: web. 5 A 10.1.0.2 web. 5 A 10.1.0.3");
}

TEST_F(AnswerTest, AnswersAreLimitedToTheClientsSizeAtRecords) {
  std::vector<IpAddress> many;
  for (uint32_t i = 0; i < 200; ++i) many.push_back(IpAddress::v4(0x0A010000 + i));
  zone.set_endpoint("front-id", "many", {{"many"}, many});
  Decision small = decide({"many"});
  EXPECT_LE(small.reply.size(), 512U);
  EXPECT_NE(read_u16(small.reply, 2) & kFlagTc, 0);
  EXPECT_EQ(read_u16(small.reply, 6), (512 - 12 - 6 - 4) / 16);
  Decision edns = decide({.name = "many", .edns_size = 1232});
  EXPECT_LE(edns.reply.size(), 1232U);
  EXPECT_EQ(read_u16(edns.reply, 10), 1);
  Decision whole = decide({.name = "many", .edns_size = 4096});
  EXPECT_EQ(read_u16(whole.reply, 6), 200);
  EXPECT_EQ(read_u16(whole.reply, 2) & kFlagTc, 0);
  EXPECT_EQ(read_u16(decide({"many"}, Transport::Tcp).reply, 6), 200);
}

TEST_F(AnswerTest, OddLabelsNeverMatchOurNames) {
  zone.set_endpoint("front-id", "dots", {{"a.b"}, {ip("10.1.0.50")}});
  std::string bytes = query({"x"}).substr(0, kHeaderSize);
  bytes += std::string("\3a.b\0\0\1\0\1", 9);  // one label "a.b"
  EXPECT_EQ(answer(bytes, view, zone, Transport::Udp, random).kind, Decision::Kind::Forward);
}

TEST_F(AnswerTest, RemovedEndpointsAndNetworksAreForgotten) {
  zone.remove_endpoint("front-id", "e1");
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.1.0.3");
  EXPECT_EQ(ask({"demo-web-1"}), "forward");
  EXPECT_EQ(ask({"2.0.1.10.in-addr.arpa", kTypePtr}), "NXDOMAIN aa: | 0.1.10.in-addr.arpa. 1 SOA");
  zone.remove_network("front-id");
  EXPECT_EQ(ask({"web"}), "NOERROR aa: web. 5 A 10.2.0.9");
  EXPECT_FALSE(zone.set_endpoint("front-id", "e9", {{"x"}, {ip("10.1.0.9")}}));
}

TEST_F(AnswerTest, ReassignedAddressBelongsToTheNewEndpoint) {
  zone.set_endpoint("front-id", "new", {{"new"}, {ip("10.1.0.2")}});
  zone.remove_endpoint("front-id", "e1");
  EXPECT_EQ(ask({"2.0.1.10.in-addr.arpa", kTypePtr}),
            "NOERROR aa: 2.0.1.10.in-addr.arpa. 5 PTR new.demo_Front.");
}

// --- malformed input ---

TEST_F(AnswerTest, ShortMessagesAndAnswersAreDropped) {
  std::string whole = query({"web"});
  for (size_t n = 0; n < kHeaderSize; ++n)
    EXPECT_EQ(answer(whole.substr(0, n), view, zone, Transport::Udp, random).kind, Decision::Kind::Drop);
  EXPECT_EQ(ask({.name = "web", .flags = kFlagQr}), "drop");
}

TEST_F(AnswerTest, OtherOperationsAreNotImplemented) {
  for (int opcode : {1, 2, 4, 5, 15}) {
    Decision decision = decide({.name = "web", .flags = static_cast<uint16_t>(opcode << 11 | kFlagRd)});
    EXPECT_EQ(text_of(decision.reply), "NOTIMP:");
    EXPECT_EQ(decision.reply.size(), kHeaderSize);
    EXPECT_NE(read_u16(decision.reply, 2) & kFlagRd, 0);
  }
}

TEST_F(AnswerTest, AnyOtherNumberOfQuestionsIsAFormatError) {
  for (uint16_t count : std::initializer_list<uint16_t>{0, 2, 65535}) {
    std::string bytes = query({"web"});
    set_u16(bytes, 4, count);
    EXPECT_EQ(text_of(answer(bytes, view, zone, Transport::Udp, random).reply), "FORMERR:");
  }
}

TEST_F(AnswerTest, EveryTruncationOfAQueryIsAFormatError) {
  std::string whole = query({.name = "web.demo_front", .edns_size = 1232});
  for (size_t n = kHeaderSize; n < whole.size(); ++n)
    EXPECT_EQ(text_of(answer(whole.substr(0, n), view, zone, Transport::Udp, random).reply), "FORMERR:") << n;
}

TEST_F(AnswerTest, PointersInAQuestionAreAFormatError) {
  std::string bytes = query({"web"}).substr(0, kHeaderSize);
  bytes += std::string("\xC0\x0C\0\1\0\1", 6);
  EXPECT_EQ(text_of(answer(bytes, view, zone, Transport::Udp, random).reply), "FORMERR:");
}

TEST_F(AnswerTest, TwoOptRecordsOrAnOwnedOneAreAFormatError) {
  std::string two = query({.name = "web", .edns_size = 1232}) + opt_record(1232, 0);
  set_u16(two, 10, 2);
  EXPECT_EQ(text_of(answer(two, view, zone, Transport::Udp, random).reply), "FORMERR:");
  std::string owned = query({"web"}) + "\1a" + opt_record(1232, 0);
  set_u16(owned, 10, 1);
  EXPECT_EQ(text_of(answer(owned, view, zone, Transport::Udp, random).reply), "FORMERR:");
}

TEST_F(AnswerTest, NamesBeyondTheLimitsAreAFormatError) {
  std::string head = query({"web"}).substr(0, kHeaderSize);
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "\1a";
  EXPECT_EQ(answer(head + longest + std::string("\0\0\1\0\1", 5), view, zone, Transport::Udp, random).kind,
            Decision::Kind::Forward);
  std::string beyond = longest + "\1a";
  EXPECT_EQ(
      text_of(answer(head + beyond + std::string("\0\0\1\0\1", 5), view, zone, Transport::Udp, random).reply),
      "FORMERR:");
  std::string label = head + static_cast<char>(64) + std::string(64, 'a') + std::string("\0\0\1\0\1", 5);
  EXPECT_EQ(text_of(answer(label, view, zone, Transport::Udp, random).reply), "FORMERR:");
}

TEST_F(AnswerTest, RandomDamageNeverBreaksAnything) {
  uint64_t dice = 42;
  std::string whole = query({.name = "web.demo_front", .edns_size = 1232});
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole.substr(0, next_random(dice) % (whole.size() + 1));
    for (uint64_t hits = next_random(dice) % 6; hits > 0 && !bytes.empty(); --hits)
      bytes[next_random(dice) % bytes.size()] = static_cast<char>(next_random(dice));
    Decision decision = answer(bytes, view, zone, Transport::Udp, random);
    if (decision.kind == Decision::Kind::Reply) {
      ASSERT_GE(decision.reply.size(), kHeaderSize);
      ASSERT_EQ(decision.reply.substr(0, 2), bytes.substr(0, 2));
      ASSERT_NE(read_u16(decision.reply, 2) & kFlagQr, 0);
    }
  }
}

}  // namespace
}  // namespace stack::dns
