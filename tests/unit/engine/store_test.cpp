#include "engine/state/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"

using namespace stack;
using namespace stack::engine;

namespace {

struct Folder {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp/stack-store-"));
  std::string file() const { return directory.path() + "/state.db"; }
};

}  // namespace

TEST(Store, KeepsDocumentsOverReopening) {
  Folder folder;
  {
    auto store = Store::open(folder.file());
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->put(Table::Containers, "b", {{"n", 2}}));
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 1}}));
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 3}}));
    ASSERT_TRUE(store->put(Table::Networks, "a", {{"n", 9}}));
    ASSERT_TRUE(store->remove(Table::Containers, "absent"));
  }
  auto store = Store::open(folder.file());
  ASSERT_TRUE(store);
  auto rows = store->load(Table::Containers);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].first, "a");
  EXPECT_EQ((*rows)[0].second["n"], 3);
}

TEST(Store, IsForItsOwnerAloneAndBecomesSoWhereItWasNot) {
  Folder folder;
  ASSERT_TRUE(write_file(folder.file(), "", 0644));
  auto store = Store::open(folder.file());
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->put(Table::Containers, "a", {{"secret", 1}}));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat info{};
    ASSERT_EQ(::stat((folder.file() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << suffix;
  }
}

TEST(Store, RefusesWhatIsNoDatabase) {
  Folder folder;
  ASSERT_TRUE(write_file(folder.file(), std::string(4096, 'x')));
  auto store = Store::open(folder.file());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().text().find("state store"), std::string::npos);
}
