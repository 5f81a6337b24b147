#include "engine/logs/folder_watch.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"

namespace stack::engine {
namespace {

class FolderWatchTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder->path() + "/" + name, std::ios::app) << text;
  }
  // Runs the loop until events must have arrived.
  void settle() {
    io.restart();
    io.run_for(std::chrono::milliseconds(60));
  }

  asio::io_context io;
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/stack-watch-");
};

TEST_F(FolderWatchTest, OneInstanceServesAllSubscribers) {
  FolderWatch watch(io);
  std::vector<FolderWatch::Subscription> subscriptions;
  int calls = 0;
  // Root may usually have 128 instances.
  for (int i = 0; i < 1000; ++i) {
    auto subscription = watch.watch(folder->path(), [&] { ++calls; });
    ASSERT_TRUE(subscription) << i << ": " << subscription.error().text();
    subscriptions.push_back(std::move(*subscription));
  }
  write("log", "a");
  settle();
  EXPECT_GE(calls, 1000);
}

TEST_F(FolderWatchTest, EndedSubscriptionIsNotCalled) {
  FolderWatch watch(io);
  int first = 0;
  int second = 0;
  auto one = watch.watch(folder->path(), [&] { ++first; });
  auto two = watch.watch(folder->path(), [&] { ++second; });
  ASSERT_TRUE(one && two);
  *one = {};
  write("log", "a");
  settle();
  EXPECT_EQ(first, 0);
  EXPECT_GE(second, 1);
}

TEST_F(FolderWatchTest, FolderCanBeWatchedAgainAndMissingOneIsAnError) {
  FolderWatch watch(io);
  {
    auto passing = watch.watch(folder->path(), [] {});
  }
  int calls = 0;
  auto again = watch.watch(folder->path(), [&] { ++calls; });
  ASSERT_TRUE(again);
  write("log", "a");
  settle();
  EXPECT_GE(calls, 1);
  EXPECT_FALSE(watch.watch(folder->path() + "/missing", [] {}));
}

TEST_F(FolderWatchTest, SubscriptionMayOutliveTheWatch) {
  FolderWatch::Subscription left;
  {
    FolderWatch watch(io);
    left = std::move(*watch.watch(folder->path(), [] {}));
  }
  left = {};
}

}  // namespace
}  // namespace stack::engine
