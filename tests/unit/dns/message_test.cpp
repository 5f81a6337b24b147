#include "net/dns/message.h"

#include <gtest/gtest.h>

#include "net/dns/cache.h"
#include "net/dns/resolv_conf.h"
#include "wire.h"

namespace stack::dns {
namespace {

struct Rr {
  std::string owner;
  uint16_t type = kTypeA;
  uint32_t ttl = 60;
  std::string content = std::string("\x01\x02\x03\x04", 4);
  uint16_t klass = kClassIn;
};

std::string upstream_answer(const std::string& name, Rcode rcode, const std::vector<Rr>& answers,
                            const std::vector<Rr>& authorities = {},
                            const std::vector<Rr>& additionals = {}) {
  std::string out = query({name});
  set_u16(out, 2, static_cast<uint16_t>(kFlagQr | kFlagRd | kFlagRa | static_cast<uint16_t>(rcode)));
  set_u16(out, 6, static_cast<uint16_t>(answers.size()));
  set_u16(out, 8, static_cast<uint16_t>(authorities.size()));
  set_u16(out, 10, static_cast<uint16_t>(additionals.size()));
  for (const auto* section : {&answers, &authorities, &additionals})
    for (const Rr& rr : *section) {
      out += rr.owner == "@" ? std::string("\xC0\x0C") : *wire_name_of(rr.owner);
      put_u16(out, rr.type);
      put_u16(out, rr.klass);
      put_u32(out, rr.ttl);
      put_u16(out, static_cast<uint16_t>(rr.content.size()));
      out += rr.content;
    }
  return out;
}

Rr soa(uint32_t ttl, uint32_t minimum) {
  std::string content("\0\0", 2);
  for (uint32_t value : {1U, 2U, 3U, 4U, minimum}) put_u32(content, value);
  return {"org", kTypeSoa, ttl, content};
}

Query client_query(const Asked& asked) { return parse_query(query(asked)).query; }

TEST(UpstreamReply, LivesAsLongAsItsShortestRecord) {
  auto reply = parse_reply(
      upstream_answer("a.org", Rcode::NoError, {{"@", kTypeA, 300}, {"@", kTypeA, 60}}, {{"org", 2, 30}}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->ttl, 30U);
  EXPECT_EQ(parse_reply(upstream_answer("a.org", Rcode::NoError, {{"@", kTypeA, 0x80000001U}}))->ttl, 0U);
  EXPECT_EQ(parse_reply(upstream_answer("a.org", Rcode::NoError, {{"@", kTypeA, 999'999}}))->ttl, 3600U);
}

// Found by the fuzz target dns_message: the query's name was written over a shorter message.
TEST(UpstreamReply, AnswerToAnotherQueryIsNotPassedOn) {
  auto reply = parse_reply(upstream_answer("o", Rcode::NoError, {}));
  ASSERT_TRUE(reply);
  std::string name = "a-much-longer-name.with.several.labels.example.org";
  std::string passed = reply_for(client_query({name}), *reply, 0, 512);
  EXPECT_EQ(passed, empty_reply(client_query({name}), Rcode::ServFail));
}

TEST(UpstreamReply, NegativeAnswersLiveByTheirSoa) {
  EXPECT_EQ(parse_reply(upstream_answer("a.org", Rcode::NxDomain, {}, {soa(900, 20)}))->ttl, 20U);
  EXPECT_EQ(parse_reply(upstream_answer("a.org", Rcode::NoError, {}, {soa(10, 20)}))->ttl, 10U);
  EXPECT_EQ(parse_reply(upstream_answer("a.org", Rcode::NxDomain, {}, {}))->ttl, 0U);
  EXPECT_EQ(parse_reply(upstream_answer("a.org", Rcode::ServFail, {}, {soa(900, 20)}))->ttl, 0U);
}

TEST(UpstreamReply, GetsTheClientsIdCaseAndAge) {
  auto reply = parse_reply(upstream_answer("a.org", Rcode::NoError, {{"@", kTypeA, 60}}));
  std::string bytes = reply_for(client_query({.name = "A.oRg", .id = 7}), *reply, 15, 512);
  EXPECT_EQ(text_of(bytes), "NOERROR: A.oRg. 45 A 1.2.3.4");
  EXPECT_EQ(read_u16(bytes, 0), 7);
}

TEST(UpstreamReply, OptRecordIsOursAndOnlyForEdnsClients) {
  auto reply = parse_reply(
      upstream_answer("a.org", Rcode::NoError, {{"@", kTypeA, 60}}, {}, {{"", kTypeOpt, 0, "", 4096}}));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->has_edns);
  EXPECT_EQ(text_of(reply_for(client_query({"a.org"}), *reply, 0, 512)), "NOERROR: a.org. 60 A 1.2.3.4");
  EXPECT_EQ(text_of(reply_for(client_query({.name = "a.org", .edns_size = 900}), *reply, 0, 900)),
            "NOERROR: a.org. 60 A 1.2.3.4 | OPT size=1232 ext=0");
}

TEST(UpstreamReply, TooLargeOneKeepsTheRecordsThatFit) {
  std::vector<Rr> many(60, Rr{"@"});
  auto reply = parse_reply(upstream_answer("a.org", Rcode::NoError, many, {{"org", 2}}));
  std::string cut = reply_for(client_query({"a.org"}), *reply, 3, 512);
  EXPECT_LE(cut.size(), 512U);
  EXPECT_GT(cut.size(), 512U - 16);
  EXPECT_EQ(read_u16(cut, 6), (512 - 23) / 16);
  EXPECT_EQ(read_u16(cut, 8), 0);
  EXPECT_TRUE(text_of(cut).starts_with("NOERROR tc: a.org. 57 A 1.2.3.4")) << text_of(cut);
  std::string with_opt = reply_for(client_query({.name = "a.org", .edns_size = 600}), *reply, 0, 600);
  EXPECT_LE(with_opt.size(), 600U);
  EXPECT_TRUE(text_of(with_opt).ends_with("| OPT size=1232 ext=0")) << text_of(with_opt);
}

// RFC 2181 section 9: the answer is complete without them.
TEST(UpstreamReply, DroppedAdditionalRecordsDoNotCountAsTruncation) {
  std::vector<Rr> many(60, Rr{"b.org"});
  auto reply = parse_reply(upstream_answer("a.org", Rcode::NoError, {{"@"}}, {}, many));
  std::string cut = reply_for(client_query({"a.org"}), *reply, 0, 512);
  EXPECT_LE(cut.size(), 512U);
  EXPECT_TRUE(text_of(cut).starts_with("NOERROR: a.org. 60 A 1.2.3.4 | b.org.")) << text_of(cut);
}

TEST(UpstreamReply, TruncatedReplyKeepsCompleteRecords) {
  std::string bytes = upstream_answer("a.org", Rcode::NoError, {{"@"}, {"@"}, {"@"}});
  set_u16(bytes, 2, static_cast<uint16_t>(read_u16(bytes, 2) | kFlagTc));
  auto reply = parse_reply(bytes.substr(0, bytes.size() - 5));
  ASSERT_TRUE(reply);
  EXPECT_EQ(text_of(reply_for(client_query({"a.org"}), *reply, 0, 512)),
            "NOERROR tc: a.org. 60 A 1.2.3.4 a.org. 60 A 1.2.3.4");
}

TEST(UpstreamReply, MalformedRepliesAreRejected) {
  std::string whole =
      upstream_answer("a.org", Rcode::NoError, {{"@", kTypeA, 60}, {"b.a.org", 16, 60, "text"}});
  ASSERT_TRUE(parse_reply(whole));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_reply(whole.substr(0, n))) << n;
  EXPECT_FALSE(parse_reply(query({"a.org"})));
  std::string forward_pointer = upstream_answer("a.org", Rcode::NoError, {{"@"}});
  forward_pointer[forward_pointer.size() - 16] = static_cast<char>(0xFF);
  EXPECT_FALSE(parse_reply(forward_pointer));
}

TEST(UpstreamReply, RandomDamageNeverBreaksAnything) {
  uint64_t dice = 7;
  std::string whole = upstream_answer("a.org", Rcode::NoError, {{"@"}, {"b.org", 16, 60, "text"}},
                                      {soa(9, 9)}, {{"", kTypeOpt, 0, "", 4096}});
  Query asked = client_query({.name = "a.org", .edns_size = 1232});
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole.substr(0, next_random(dice) % (whole.size() + 1));
    for (uint64_t hits = next_random(dice) % 6; hits > 0 && !bytes.empty(); --hits)
      bytes[next_random(dice) % bytes.size()] = static_cast<char>(next_random(dice));
    auto reply = parse_reply(bytes);
    if (!reply || reply->wire_name.size() != asked.question.wire_name.size()) continue;
    ASSERT_GE(reply_for(asked, *reply, 5, 512).size(), kHeaderSize);
  }
}

TEST(ForwardQuery, KeepsOnlyRelevantFlagsAndOptions) {
  Query asked = client_query(
      {.name = "a.org", .type = 65, .flags = static_cast<uint16_t>(kFlagCd | kFlagTc), .edns_size = 4096});
  std::string bytes = forward_query(asked, 99, *wire_name_of("A.Org"), true);
  auto parsed = parse_query(bytes);
  ASSERT_EQ(parsed.kind, ParsedQuery::Kind::Good);
  EXPECT_EQ(parsed.query.id, 99);
  EXPECT_EQ(parsed.query.flags, kFlagRd | kFlagCd);
  EXPECT_EQ(parsed.query.question.type, 65);
  EXPECT_EQ(parsed.query.edns->udp_size, kOurUdpSize);
  EXPECT_FALSE(parse_query(forward_query(asked, 1, *wire_name_of("a.org"), false)).query.edns);
}

TEST(Names, ConvertBothWaysWithinLimits) {
  EXPECT_EQ(*wire_name_of("a.bc"), std::string("\1a\2bc\0", 6));
  EXPECT_EQ(*wire_name_of(""), std::string(1, '\0'));
  EXPECT_FALSE(wire_name_of("a..b"));
  EXPECT_FALSE(wire_name_of(std::string(64, 'a')));
  EXPECT_FALSE(wire_name_of("." + std::string(5, 'a')));
}

TEST(Cache, KeepsEntriesForTheTimeToLiveAndCountsAge) {
  Cache cache(10);
  auto start = Cache::Clock::time_point() + std::chrono::hours(1);
  auto reply = std::make_shared<UpstreamReply>();
  cache.keep("k", reply, 10, start);
  auto hit = cache.find("k", start + std::chrono::milliseconds(4500));
  EXPECT_EQ(hit.reply, reply);
  EXPECT_EQ(hit.age, 4U);
  EXPECT_FALSE(cache.find("k", start + std::chrono::seconds(10)).reply);
  EXPECT_EQ(cache.size(), 0U);
  cache.keep("k", reply, 0, start);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(Cache, EvictsTheLeastRecentlyUsed) {
  Cache cache(2);
  auto now = Cache::Clock::now();
  auto reply = std::make_shared<UpstreamReply>();
  cache.keep("a", reply, 60, now);
  cache.keep("b", reply, 60, now);
  EXPECT_TRUE(cache.find("a", now).reply);
  cache.keep("c", reply, 60, now);
  EXPECT_TRUE(cache.find("a", now).reply);
  EXPECT_FALSE(cache.find("b", now).reply);
  EXPECT_EQ(cache.size(), 2U);
  cache.keep("c", reply, 60, now);
  EXPECT_EQ(cache.size(), 2U);
}

TEST(ResolvConf, UsesTheFirstThreeAddresses) {
  auto servers = parse_resolv_conf(
      "# nameserver 9.9.9.9\nsearch x\n\tnameserver\t1.1.1.1 # no\nnameserver fe80::1%eth0\nnameserver "
      "nonsense\n"
      "nameserver\nnameserver fd00::1\r\nnameserver 8.8.8.8\n");
  ASSERT_EQ(servers.size(), 3U);
  EXPECT_EQ(text_of(servers[0]), "1.1.1.1:53");
  EXPECT_EQ(text_of(servers[1]), "[fe80::1%eth0]:53");
  EXPECT_EQ(text_of(servers[2]), "[fd00::1]:53");
}

}  // namespace
}  // namespace stack::dns
