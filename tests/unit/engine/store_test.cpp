#include "engine/state/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"

using namespace stack;
using namespace stack::engine;

namespace {

struct Folder {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp/stack-store-"));
  const std::string& path() const { return directory.path(); }
  std::string file() const { return path() + "/state.db"; }
};

// Runs a statement on the closed state file.
void alter(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

std::vector<std::string> keys_of(Store& store, Table table) {
  std::vector<std::string> keys;
  auto loaded = store.load_documents(table);
  EXPECT_TRUE(loaded);
  if (loaded)
    for (const auto& [key, document] : loaded->good) keys.push_back(key);
  return keys;
}

std::vector<std::string> keys_of(const Folder& folder, Table table) {
  Result<Store> store = Store::open(folder.path());
  EXPECT_TRUE(store);
  return store ? keys_of(*store, table) : std::vector<std::string>();
}

using Keys = std::vector<std::string>;

}  // namespace

TEST(Store, KeepsDocumentsAcrossReopening) {
  Folder folder;
  {
    auto store = Store::open(folder.path());
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->put(Table::Containers, "b", {{"n", 2}}));
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 1}}));
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 3}}));
    ASSERT_TRUE(store->put(Table::Networks, "a", {{"n", 9}}));
    ASSERT_TRUE(store->remove(Table::Containers, "absent"));
  }
  auto store = Store::open(folder.path());
  ASSERT_TRUE(store);
  auto rows = store->load_documents(Table::Containers);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->good.size(), 2U);
  EXPECT_EQ(rows->good[0].first, "a");
  EXPECT_EQ(rows->good[0].second["n"], 3);
  EXPECT_TRUE(rows->unreadable.empty());
}

TEST(Store, RemovesCopiesThatAKilledEngineWasWriting) {
  Folder folder;
  { ASSERT_TRUE(Store::open(folder.path())->put(Table::Projects, "shop", {{"n", 1}})); }
  const std::string copy = folder.path() + "/projects/shop.record";
  ASSERT_TRUE(path_exists(copy));
  ASSERT_TRUE(ensure_directory(folder.path() + "/containers/a"));
  for (const std::string& left : {copy + ".aB3xYz", folder.path() + "/containers/a/record.aB3xYz"})
    ASSERT_TRUE(write_file(left, "half"));
  ASSERT_TRUE(Store::open(folder.path()));
  EXPECT_TRUE(path_exists(copy));
  EXPECT_FALSE(path_exists(copy + ".aB3xYz"));
  EXPECT_FALSE(path_exists(folder.path() + "/containers/a/record.aB3xYz"));
}

TEST(Store, IsPrivateAndBecomesPrivate) {
  Folder folder;
  ASSERT_TRUE(write_file(folder.file(), "", 0644));
  auto store = Store::open(folder.path());
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->put(Table::Containers, "a", {{"secret", 1}}));
  for (const char* name : {"state.db", "state.db-wal", "state.db-shm", "containers/a/record"}) {
    struct stat info{};
    ASSERT_EQ(::stat((folder.path() + "/" + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << name;
  }
}

TEST(Store, RestoresAnInvalidRowFromItsCopy) {
  Folder folder;
  ASSERT_TRUE(Store::open(folder.path())->put(Table::Containers, "a", {{"n", 1}}));
  alter(folder.file(), "UPDATE containers SET document='{\"n\":'");
  EXPECT_EQ(keys_of(folder, Table::Containers), Keys{"a"});
  // The row itself was repaired.
  ASSERT_TRUE(std::filesystem::remove(folder.path() + "/containers/a/record"));
  EXPECT_EQ(keys_of(folder, Table::Containers), Keys{"a"});
}

TEST(Store, RestoresALostStateFileFromTheCopies) {
  Folder folder;
  {
    auto store = Store::open(folder.path());
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 1}}));
    ASSERT_TRUE(store->put(Table::Containers, "b", {{"n", 2}}));
    ASSERT_TRUE(store->put(Table::Networks, "net", {{"n", 3}}));
    ASSERT_TRUE(store->put(Table::Projects, "../odd name", {{"n", 4}}));
    ASSERT_TRUE(store->remove(Table::Containers, "b"));
  }
  ASSERT_TRUE(std::filesystem::remove(folder.file()));
  auto store = Store::open(folder.path());
  EXPECT_EQ(keys_of(*store, Table::Containers), Keys{"a"});
  EXPECT_EQ(keys_of(*store, Table::Networks), Keys{"net"});
  EXPECT_EQ(keys_of(*store, Table::Projects), Keys{"../odd name"});
}

TEST(Store, MovesAnInvalidDatabaseAside) {
  Folder folder;
  ASSERT_TRUE(Store::open(folder.path())->put(Table::Containers, "a", {{"n", 1}}));
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(folder.file() + suffix);
  ASSERT_TRUE(write_file(folder.file(), std::string(8192, 'x')));
  auto store = Store::open(folder.path());
  ASSERT_TRUE(store) << store.error().text();
  ASSERT_EQ(store->notes().size(), 1U);
  EXPECT_NE(store->notes()[0].find("state.db.damaged-"), std::string::npos) << store->notes()[0];
  EXPECT_EQ(keys_of(*store, Table::Containers), Keys{"a"});
}

TEST(Store, ReadsTheNewerOfRowAndCopy) {
  Folder folder;
  {
    auto store = Store::open(folder.path());
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 1}}));
    ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 2}}));
  }
  // Simulates a lost log: the row is outdated.
  alter(folder.file(), "UPDATE containers SET document='{\"n\":1}', revision=1");
  auto rows = Store::open(folder.path())->load_documents(Table::Containers);
  EXPECT_EQ(rows->good.at(0).second["n"], 2);
}

TEST(Store, KeepsAndReportsUnreadableRecords) {
  Folder folder;
  ASSERT_TRUE(Store::open(folder.path())->put(Table::Containers, "a", {{"n", 1}}));
  alter(folder.file(), "UPDATE containers SET document='x'");
  std::string copy = folder.path() + "/containers/a/record";
  std::string text = *read_file(copy);
  text[text.size() - 4] = '7';  // one byte of the document
  ASSERT_TRUE(write_file(copy, text));
  for (int round = 0; round < 2; ++round) {
    auto rows = Store::open(folder.path())->load_documents(Table::Containers);
    ASSERT_TRUE(rows);
    EXPECT_TRUE(rows->good.empty());
    ASSERT_EQ(rows->unreadable.size(), 1U) << "round " << round;
    EXPECT_EQ(rows->unreadable[0].key, "a");
    EXPECT_NE(rows->unreadable[0].reason.find("checksum"), std::string::npos) << rows->unreadable[0].reason;
  }
}

TEST(Store, DoesNotReadDocumentsOfANewerLayout) {
  Folder folder;
  ASSERT_TRUE(Store::open(folder.path())->put(Table::Settings, "a", {{"n", 1}}));
  alter(folder.file(), "UPDATE settings SET layout=9");
  auto rows = Store::open(folder.path())->load_documents(Table::Settings);
  ASSERT_EQ(rows->unreadable.size(), 1U);
  EXPECT_NE(rows->unreadable[0].reason.find("newer version"), std::string::npos);
}

TEST(Store, DocumentsRejectedByTheReaderAreKept) {
  Folder folder;
  auto store = Store::open(folder.path());
  ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 1}}));
  Store::Reader<int> refuse = [](const std::string&, const Json&) -> Result<int> {
    return invalid("no spec");
  };
  auto loaded = store->load(Table::Containers, refuse);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->good.empty());
  ASSERT_EQ(loaded->unreadable.size(), 1U);
  EXPECT_EQ(keys_of(*store, Table::Containers), Keys{"a"});
}

TEST(Store, ReadsTheFormerLayoutOfTheFile) {
  Folder folder;
  alter(folder.file(),
        "CREATE TABLE containers(key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE networks(key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE projects(key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE operations(key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE settings(key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
        "INSERT INTO containers VALUES('a','{}');PRAGMA user_version=1");
  auto store = Store::open(folder.path());
  ASSERT_TRUE(store) << store.error().text();
  EXPECT_EQ(keys_of(*store, Table::Containers), Keys{"a"});
  EXPECT_TRUE(path_exists(folder.path() + "/containers/a/record")) << "its copy is made";
}

TEST(Store, RemovedSecretsAreOverwritten) {
  Folder folder;
  const std::string secret = "correct-horse-battery-staple";
  auto store = Store::open(folder.path());
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(store->put(Table::Projects, "p" + std::to_string(i), {{"content", secret}}));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store->remove(Table::Projects, "p" + std::to_string(i)));
  EXPECT_FALSE(store->needs_scrub()) << "just written";
  EXPECT_TRUE(store->needs_scrub());
  ASSERT_TRUE(Store::scrub(folder.path()));
  for (const char* suffix : {"", "-wal"})
    EXPECT_EQ(read_file(folder.file() + suffix)->find(secret), std::string::npos) << "state.db" << suffix;
}

// On a separate small file system that is full.
class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::mount("full", folder_.path().c_str(), "tmpfs", 0, "size=24m") != 0)
      GTEST_SKIP() << "needs root, to mount a small file system";
  }
  void TearDown() override { ::umount2(folder_.path().c_str(), MNT_DETACH); }
  void fill() {
    Result<Fd> file = open_file(folder_.path() + "/filler", O_WRONLY | O_CREAT | O_APPEND);
    ASSERT_TRUE(file);
    std::string block(4096, 'x');
    while (::write(file->get(), block.data(), block.size()) > 0) {
    }
  }
  Folder folder_;
};

TEST_F(FullDisk, OperationsThatFreeSpaceUseTheReserve) {
  auto store = Store::open(folder_.path());
  ASSERT_TRUE(store->put(Table::Containers, "a", {{"n", 1}}));
  ASSERT_EQ(store->reserve().size(), DiskReserve::kSize);
  fill();
  Json large{{"text", std::string(200'000, 'y')}};
  Result<> refused = store->put(Table::Projects, "p", large);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("full"), std::string::npos) << refused.error().text();
  EXPECT_EQ(store->reserve().size(), DiskReserve::kSize) << "nothing that only takes space may use it";
  EXPECT_TRUE(store->put(Table::Operations, "p", large, Space::Reserved));
  EXPECT_LT(store->reserve().size(), DiskReserve::kSize);
  EXPECT_TRUE(store->remove(Table::Containers, "a"));
  ASSERT_EQ(::unlink((folder_.path() + "/filler").c_str()), 0);
  store->reserve().refill();
  EXPECT_EQ(store->reserve().size(), DiskReserve::kSize);
}

TEST_F(FullDisk, TheStoreOpens) {
  ASSERT_TRUE(Store::open(folder_.path())->put(Table::Containers, "a", {{"n", 1}}));
  fill();
  auto store = Store::open(folder_.path());
  ASSERT_TRUE(store) << store.error().text();
  EXPECT_EQ(keys_of(*store, Table::Containers), Keys{"a"});
}
