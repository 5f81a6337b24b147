#include "volumes/volume_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"

namespace stack::volumes {
namespace {

class Volumes : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<TemporaryDirectory> made = TemporaryDirectory::create("/tmp/stack-volumes-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
  }
  std::string root() const { return folder_->path() + "/volumes"; }
  std::unique_ptr<VolumeStore> open() const {
    Result<std::unique_ptr<VolumeStore>> store = VolumeStore::open(root());
    EXPECT_TRUE(store) << store.error().text();
    return std::move(*store);
  }
  static VolumeSpec named(const std::string& name) {
    VolumeSpec spec;
    spec.name = name;
    return spec;
  }
  std::optional<TemporaryDirectory> folder_;
};

// Docker 2021-41091: set-user-id files in a volume, run by other users of the machine.
TEST_F(Volumes, FolderIsMadeInaccessibleToOtherUsers) {
  ASSERT_TRUE(ensure_directory(root(), 0711));
  ASSERT_EQ(::chmod(root().c_str(), 0711), 0);
  ASSERT_TRUE(open()->create(named("v")));
  struct stat info{};
  ASSERT_EQ(::stat(root().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700u);
}

TEST_F(Volumes, CreatedVolumeExistsAfterReopening) {
  VolumeSpec spec = named("shop_db");
  spec.labels = {{"com.docker.compose.project", "shop"}};
  spec.options = {{"type", "tmpfs"}, {"device", "tmpfs"}};
  Result<Volume> created = open()->create(spec);
  ASSERT_TRUE(created) << created.error().text();
  EXPECT_TRUE(is_directory(created->mountpoint));
  std::optional<Volume> found = open()->find("shop_db");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->labels, spec.labels);
  EXPECT_EQ(found->options, spec.options);
  EXPECT_EQ(found->created, created->created);
  EXPECT_EQ(found->mountpoint, root() + "/shop_db/_data");
  EXPECT_FALSE(found->anonymous);
}

TEST_F(Volumes, CreatingAgainReturnsTheFirstAndKeepsItsData) {
  std::unique_ptr<VolumeStore> store = open();
  VolumeSpec spec = named("v");
  spec.labels = {{"a", "1"}};
  Result<Volume> first = store->create(spec);
  ASSERT_TRUE(first);
  ASSERT_TRUE(write_file(first->mountpoint + "/x", "kept"));
  spec.labels = {{"a", "2"}};
  Result<Volume> second = store->create(spec);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->labels.at("a"), "1");
  EXPECT_EQ(*read_file(second->mountpoint + "/x"), "kept");
}

TEST_F(Volumes, AnonymousVolumesGetAUniqueId) {
  std::unique_ptr<VolumeStore> store = open();
  Result<Volume> a = store->create({});
  Result<Volume> b = store->create({});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->name.size(), 64U);
  EXPECT_NE(a->name, b->name);
  EXPECT_TRUE(open()->find(a->name)->anonymous);
}

TEST_F(Volumes, EachChangeIsReportedOnce) {
  std::unique_ptr<VolumeStore> store = open();
  std::vector<std::string> told;
  store->on_change([&](VolumeStore::Change change, const Volume& volume) {
    told.push_back((change == VolumeStore::Change::Created ? "created " : "removed ") + volume.name + " " +
                   volume.driver);
  });
  ASSERT_TRUE(store->create(named("v")));
  ASSERT_TRUE(store->create(named("v")));
  std::string anonymous = store->create({})->name;
  EXPECT_FALSE(store->create(named("../x")));
  EXPECT_FALSE(store->remove("v", std::vector<std::string>{"user"}));
  ASSERT_TRUE(store->remove("v", {}));
  EXPECT_FALSE(store->remove("v", {}));
  EXPECT_EQ(told, (std::vector<std::string>{"created v local", "created " + anonymous + " local",
                                            "removed v local"}));
}

TEST_F(Volumes, InvalidNamesAndDriversAreRejectedAndLeaveNothing) {
  std::unique_ptr<VolumeStore> store = open();
  EXPECT_EQ(store->create(named("../x")).error().kind(), ErrorKind::Invalid);
  VolumeSpec spec = named("v");
  spec.driver = "rexray";
  EXPECT_EQ(store->create(spec).error().text(), "volume v: volume driver \"rexray\" not found");
  EXPECT_TRUE(store->list().empty());
  EXPECT_FALSE(path_exists(root() + "/v"));
}

TEST_F(Volumes, ListIsSortedByName) {
  std::unique_ptr<VolumeStore> store = open();
  for (const char* name : {"b", "c", "a"}) ASSERT_TRUE(store->create(named(name)));
  std::string names;
  for (const Volume& volume : store->list()) names += volume.name;
  EXPECT_EQ(names, "abc");
}

TEST_F(Volumes, VolumeInUseIsNotRemovedAndItsUsersAreNamed) {
  std::unique_ptr<VolumeStore> store = open();
  ASSERT_TRUE(store->create(named("v")));
  const std::vector<std::string> users{"shop-db-1", "shop-backup-1"};
  Result<> refused = store->remove("v", users);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(refused.error().text(), "remove v: volume is in use - [shop-db-1, shop-backup-1]");
  EXPECT_TRUE(store->find("v"));
}

TEST_F(Volumes, RemovedVolumeIsDeletedFromDisk) {
  std::unique_ptr<VolumeStore> store = open();
  ASSERT_TRUE(store->create(named("v")));
  ASSERT_TRUE(store->remove("v", {}));
  EXPECT_FALSE(path_exists(root() + "/v"));
  EXPECT_FALSE(open()->find("v"));
  EXPECT_EQ(store->remove("v", {}).error().kind(), ErrorKind::NotFound);
}

TEST_F(Volumes, LeftoversOfACrashAreSweptOnOpening) {
  open();
  ASSERT_TRUE(ensure_directory(root() + "/.new-12/_data"));
  ASSERT_TRUE(ensure_directory(root() + "/.gone-34/_data"));
  EXPECT_TRUE(open()->list().empty());
  EXPECT_FALSE(path_exists(root() + "/.new-12"));
  EXPECT_FALSE(path_exists(root() + "/.gone-34"));
}

TEST_F(Volumes, UnreadableDescriptionDoesNotLoseTheData) {
  Result<Volume> created = open()->create(named("v"));
  ASSERT_TRUE(created);
  ASSERT_TRUE(write_file(root() + "/v/volume.json", "{torn"));
  std::optional<Volume> found = open()->find("v");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->driver, "local");
}

}  // namespace
}  // namespace stack::volumes
