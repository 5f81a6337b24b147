#include <gtest/gtest.h>
#include <signal.h>

#include "engine/container/container_factory.h"
#include "engine/container/signal_name.h"
#include "engine/logs/log_stream.h"

using namespace stack;
using namespace stack::engine;

TEST(ParseSignal, AcceptsNamesWithAndWithoutPrefixAndNumbers) {
  EXPECT_EQ(*parse_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(*parse_signal("term"), SIGTERM);
  EXPECT_EQ(*parse_signal("9"), SIGKILL);
  EXPECT_EQ(*parse_signal("RTMIN+3"), SIGRTMIN + 3);
  for (const char* text : {"", "NOPE", "0", "999", "RTMIN+99", "-1"})
    EXPECT_FALSE(parse_signal(text)) << text;
}

TEST(ContainerName, FollowsDockersRule) {
  EXPECT_TRUE(check_container_name("shop-web-1"));
  for (const char* name : {"", "a", "-a", "a b", "a/b", "ä1"})
    EXPECT_FALSE(check_container_name(name)) << name;
}
