#include "net/firewall/ruleset_watch.h"

#include "tests/netns/net/lab.h"

namespace stack::net {
namespace {

using lab::Lab;
using lab::must;

class Watch : public testing::Test {
 protected:
  Lab lab_;
  RulesetWatch watch_ = must(RulesetWatch::open(lab_.host(), "stack_test"));
  RulesetChanges drain() { return must(watch_.drain()); }
  void nft(const std::string& command) {
    lab::run_in(lab_.host_netns(), "sh", {"-c", "nft '" + command + "'"});
  }
};

TEST_F(Watch, QuietRulesetHasNoChanges) {
  EXPECT_FALSE(drain().own_table_changed);
  EXPECT_FALSE(drain().foreign_chains_changed);
}

TEST_F(Watch, FlushByAnotherProgramIsDetectedAndRepaired) {
  nft("flush ruleset");
  EXPECT_TRUE(drain().own_table_changed);
  must(lab_.firewall().reset_to({}, {}));
  EXPECT_FALSE(drain().own_table_changed);
}

TEST_F(Watch, PartsRemovedByAnotherProgramAreNoticed) {
  lab_.add_network(lab_.network(1));
  EXPECT_FALSE(drain().own_table_changed);
  for (const char* command : {"flush chain inet stack_test forward", "flush set inet stack_test bridges",
                              "add rule inet stack_test forward drop", "flush table inet stack_test"}) {
    nft(command);
    EXPECT_TRUE(drain().own_table_changed) << command;
    must(lab_.firewall().reset_to({}, {}));
    lab_.add_network(lab_.network(1));
    EXPECT_FALSE(drain().own_table_changed) << command;
  }
}

TEST_F(Watch, OwnChangesAreNotForeignChanges) {
  lab_.add_network(lab_.network(1));
  must(lab_.firewall().reset_to({}, {}));
  const RulesetChanges changes = drain();
  EXPECT_FALSE(changes.own_table_changed);
  EXPECT_FALSE(changes.foreign_chains_changed);
}

TEST_F(Watch, NewChainOfAnotherProgramIsDetected) {
  nft("add table ip filter");
  EXPECT_TRUE(drain().foreign_chains_changed);
  nft("add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }");
  const RulesetChanges changes = drain();
  EXPECT_TRUE(changes.foreign_chains_changed);
  EXPECT_FALSE(changes.own_table_changed);
}

}  // namespace
}  // namespace stack::net
