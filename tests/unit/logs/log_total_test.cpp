#include "engine/logs/log_total.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"

namespace stack::logs {
namespace {

TEST(LogTotal, TheOldestRotatedFilesOfAllContainersGoFirst) {
  const std::vector<LogFileSize> files{{"a", 100, 5, false},
                                       {"a.1", 100, 3, true},
                                       {"a.2.gz", 100, 1, true},
                                       {"b", 100, 9, false},
                                       {"b.1", 100, 2, true}};
  EXPECT_EQ(surplus_logs(files, 500), std::vector<std::string>{});
  EXPECT_EQ(surplus_logs(files, 499), std::vector<std::string>{"a.2.gz"});
  EXPECT_EQ(surplus_logs(files, 300), (std::vector<std::string>{"a.2.gz", "b.1"}));
  EXPECT_EQ(surplus_logs(files, 0), (std::vector<std::string>{"a.2.gz", "b.1", "a.1"}))
      << "files in use stay";
}

TEST(LogTotal, OnlyLogFilesAreRemoved) {
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/log-total-");
  ASSERT_TRUE(folder);
  const std::string container = folder->path() + "/c1";
  ASSERT_EQ(::mkdir(container.c_str(), 0700), 0);
  for (const char* name : {"c1-json.log", "c1-json.log.1", "c1-json.log.2.gz", "record", "record.1"})
    ASSERT_TRUE(write_file(container + "/" + name, std::string(10'000, 'x')));
  EXPECT_EQ(trim_logs(folder->path(), 0), 2U);
  for (const char* name : {"c1-json.log", "record", "record.1"})
    EXPECT_TRUE(path_exists(container + "/" + name)) << name;
  EXPECT_EQ(trim_logs(folder->path() + "/none", 0), 0U);
}

}  // namespace
}  // namespace stack::logs
