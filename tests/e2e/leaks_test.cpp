// The leak check itself: it must detect everything left behind.
#include "leaks.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::e2e {
namespace {

TEST(LeakCheck, SeesMountsLinksFirewallProcessesAndRoutes) {
  Snapshot before = take_snapshot();
  EXPECT_EQ(difference(before, take_snapshot()), "") << "nothing happened";
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/stack-leak-");
  ASSERT_TRUE(folder);
  ASSERT_EQ(::mount("none", folder->path().c_str(), "tmpfs", 0, nullptr), 0);
  CommandResult made = run_command(
      {"sh", "-ec",
       "ip link add br-leak type bridge; ip link set br-leak up; ip addr add 10.99.0.1/24 dev br-leak; "
       "nft add table inet leak"});
  ASSERT_EQ(made.code, 0) << made.text();
  {
    BackgroundCommand process({"sleep", "1000"});
    std::string seen = difference(before, take_snapshot());
    for (const char* what : {"left behind: mount /tmp/stack-leak-", "left behind: link br-leak",
                             "table inet leak", "left behind: process", "left behind: rule 10.99.0.0/24"})
      EXPECT_NE(seen.find(what), std::string::npos) << what << " is not in:\n" << seen;
  }
  ASSERT_EQ(::umount(folder->path().c_str()), 0);
  run_command({"sh", "-c", "ip link del br-leak; nft delete table inet leak"});
  std::string left;
  EXPECT_TRUE(eventually(std::chrono::seconds(2), [&] {
    return (left = difference(before, take_snapshot())).empty();
  })) << left;
}

TEST(LeakCheck, SeesFilesInTheRoots) {
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/stack-leak-");
  ASSERT_TRUE(folder);
  StackRoot stack(folder->path() + "/state", folder->path() + "/run");
  ASSERT_TRUE(ensure_directory(stack.root() + "/images"));
  ASSERT_TRUE(ensure_directory(stack.run_root()));
  ASSERT_TRUE(write_file(stack.run_root() + "/stackd.log", ""));
  EXPECT_EQ(left_on_disk(stack), "");
  ASSERT_TRUE(ensure_directory(stack.root() + "/containers/abc"));
  ASSERT_TRUE(write_file(stack.run_root() + "/stack.sock", ""));
  EXPECT_EQ(left_on_disk(stack), "left behind: " + stack.root() +
                                     "/containers/abc\nleft behind: " + stack.run_root() + "/stack.sock\n");
}

}  // namespace
}  // namespace stack::e2e
