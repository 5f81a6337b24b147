#include "http/wire/query.h"

#include <gtest/gtest.h>

#include "http/wire/headers.h"

namespace stack::http {
namespace {

TEST(Query, NamesMayRepeatAndAreDecoded) {
  auto query = Query::parse("t=a%3A1&t=b+c&empty&x=");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->all("t"), (std::vector<std::string>{"a:1", "b c"}));
  EXPECT_TRUE(query->has("empty"));
  EXPECT_EQ(query->get("missing", "fallback"), "fallback");
}

TEST(Query, FlagsFollowDockersRule) {
  auto query = Query::parse("a=1&b=0&c=False&d=yes&e=&f=none&g");
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->flag("a"));
  EXPECT_FALSE(query->flag("b", true));
  EXPECT_FALSE(query->flag("c"));
  EXPECT_TRUE(query->flag("d"));
  EXPECT_FALSE(query->flag("e"));
  EXPECT_FALSE(query->flag("f"));
  EXPECT_FALSE(query->flag("g", true));
  EXPECT_TRUE(query->flag("absent", true));
}

TEST(Query, IntegersAreWholeOrInvalid) {
  auto query = Query::parse("a=-5&b=5x&c=99999999999999999999&d=");
  ASSERT_TRUE(query);
  EXPECT_EQ(*query->integer("a", 0), -5);
  EXPECT_EQ(*query->integer("d", 7), 7);
  EXPECT_EQ(query->integer("b", 0).error().kind(), ErrorKind::Invalid);
  EXPECT_FALSE(query->integer("c", 0));
}

TEST(Query, TextRoundTrips) {
  Query query;
  query.add("a b", "c&d=e/f");
  EXPECT_EQ(query.text(), "?a%20b=c%26d%3De%2Ff");
  EXPECT_EQ(Query::parse(query.text().substr(1))->get("a b"), "c&d=e/f");
}

TEST(Headers, NamesAndTokensIgnoreCase) {
  Headers headers;
  headers.add("Connection", "keep-alive, Upgrade");
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_FALSE(headers.has_token("connection", "up"));
  headers.set("CONNECTION", "close");
  EXPECT_EQ(headers.get("Connection"), "close");
  EXPECT_EQ(headers.items().size(), 1U);
}

}  // namespace
}  // namespace stack::http
