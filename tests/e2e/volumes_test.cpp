// Volumes with driver options, ID-mapped binds, and backups, restores, and clones of volumes.
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class VolumeScenario : public Scenario {
 protected:
  // Services `one` and `two` that idle with volume `data` at /data.
  void two_users(const std::string& volume, const std::string& entry = "data:/data") {
    project("vol", R"(
x-user: &user
  image: debian:bookworm-slim
  command: sleep infinity
  stop_signal: SIGKILL
  volumes: [")" + entry +
                       R"("]
services:
  one: *user
  two: *user
volumes:
  data:
)" + volume);
  }
  std::string volume_path() const { return stack_root() + "/volumes/vol_data/_data"; }
  std::string stack_root() const { return const_cast<VolumeScenario*>(this)->stack().root(); }
  void refused(const std::vector<std::string>& args, const std::vector<std::string>& texts) {
    CommandResult result = run(args);
    EXPECT_EQ(result.code, 1) << result.text();
    for (const std::string& text : texts)
      EXPECT_NE(result.err.find(text), std::string::npos)
          << "stderr lacks \"" << text << "\": " << result.text();
  }
  bool mounted() { return run_command({"mountpoint", "-q", volume_path()}).code == 0; }
};

TEST_F(VolumeScenario, TmpfsIsSharedAndSurvivesTheEngine) {
  two_users("    driver_opts: {type: tmpfs, device: tmpfs, o: 'size=1m,mode=0700'}\n");
  must({"up", "-d"});
  EXPECT_EQ(inside("one", "echo shared > /data/file && stat -c %a /data"), "700");
  EXPECT_EQ(inside("two", "cat /data/file"), "shared");
  stack().kill_engine();
  must({"restart", "two"});
  EXPECT_EQ(inside("two", "cat /data/file"), "shared");
  must({"stop"});
  EXPECT_TRUE(eventually(5s, [&] { return !mounted(); }));
  must({"start"});
  EXPECT_EQ(inside("two", "ls /data | wc -l"), "0");
}

TEST_F(VolumeScenario, BindHasASubpathAndIsFilledFromTheImage) {
  two_users("    driver_opts: {type: none, o: bind, device: ./source}\n", "data:/etc/apt");
  ASSERT_TRUE(ensure_directory(path("source")));
  must({"up", "-d"});
  EXPECT_TRUE(path_exists(path("source/sources.list.d")));
  EXPECT_EQ(inside("one", "test -d /etc/apt/sources.list.d && echo yes"), "yes");
  must({"down", "-v"});
  EXPECT_FALSE(mounted());
  EXPECT_TRUE(path_exists(path("source/sources.list.d")));
  ASSERT_TRUE(ensure_directory(path("source/deep/er")));
  project("vol2", R"(
services:
  one:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: [{type: volume, source: data, target: /data, volume: {subpath: deep}}]
volumes:
  data:
    driver_opts: {type: none, o: bind, device: ../vol/source}
)");
  must({"up", "-d"});
  EXPECT_EQ(inside("one", "ls /data"), "er");
}

TEST_F(VolumeScenario, MissingDeviceIsNamedAndLeavesNothing) {
  two_users("    driver_opts: {type: none, o: bind, device: /missing/folder}\n");
  CommandResult up = run({"up", "-d"});
  EXPECT_NE(up.code, 0);
  EXPECT_NE(up.text().find("/missing/folder"), std::string::npos) << up.text();
  EXPECT_FALSE(mounted());
}

TEST_F(VolumeScenario, CopyIntoAStoppedContainerReachesTheDevice) {
  two_users("    driver_opts: {type: none, o: bind, device: ./source}\n");
  ASSERT_TRUE(ensure_directory(path("source")));
  must({"up", "-d"});
  must({"stop"});
  write("file", "x");
  must({"cp", "file", "one:/data/file"});
  EXPECT_EQ(read_file(path("source/file")).value_or(""), "x");
  EXPECT_FALSE(mounted());
}

TEST_F(VolumeScenario, MappedBindGivesFilesToTheOwnerOfTheSource) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  project("idmap", R"(
services:
  root:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: [{type: bind, source: ./source, target: /data, x-stack: {idmap: host-user}}]
  other:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    user: "33:33"
    volumes: [{type: bind, source: ./source, target: /data, x-stack: {idmap: host-user}}]
)");
  ASSERT_TRUE(ensure_directory(path("source")));
  ASSERT_EQ(::chown(path("source").c_str(), 1234, 2345), 0);
  CommandResult up = run({"up", "-d"});
  if (up.text().find("map the ids") != std::string::npos)
    GTEST_SKIP() << "the file system of " << path("source") << " has no ID-mapped mounts";
  ASSERT_EQ(up.code, 0) << up.text();
  EXPECT_EQ(inside("root", "touch /data/one && stat -c %u:%g /data /data/one | tr '\\n' ' '"), "0:0 0:0 ");
  EXPECT_EQ(inside("other", "touch /data/two && stat -c %u:%g /data /data/one /data/two | tr '\\n' ' '"),
            "33:33 33:33 33:33 ");
  for (const char* file : {"one", "two"}) {
    struct stat info{};
    ASSERT_EQ(::stat(path(std::string("source/") + file).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 1234U) << file;
    EXPECT_EQ(info.st_gid, 2345U) << file;
  }
}

TEST_F(VolumeScenario, WrongIdMapIsRefusedWithItsPlace) {
  project("idmap", R"(
services:
  a:
    image: debian:bookworm-slim
    volumes: [{type: bind, source: ., target: /data, x-stack: {idmap: everyone}}]
)");
  must_fail({"config"}, {"docker-compose.yml:5:", "x-stack.idmap", "host-user"});
}

TEST_F(VolumeScenario, BackupGoesRoundAndRefusesToOverwrite) {
  two_users("");
  must({"up", "-d"});
  inside("one",
         "mkdir /data/d && echo first > /data/d/file && ln /data/d/file /data/link && chown 5:6 /data/link "
         "&& ln -s d /data/s && chmod 1750 /data && mkfifo /data/fifo");
  must({"volume", "backup", "vol_data"});
  refused({"volume", "backup", "vol_data"}, {"vol_data.tar.zst exists", "--force"});
  EXPECT_EQ(run_command({"zstd", "-tq", path("vol_data.tar.zst")}).code, 0);
  inside("one", "echo second > /data/d/file; touch /data/new");
  // Containers run with it.
  refused({"volume", "restore", "vol_data"}, {"vol-", "stop it first"});
  must({"stop"});
  refused({"volume", "restore", "vol_data"}, {"not empty"});
  EXPECT_EQ(read_file(volume_path() + "/d/file").value_or(""), "second\n");
  must({"start"});
  must({"volume", "restore", "--force", "--stop", "vol_data"});
  ASSERT_TRUE(eventually(
      10s, [&] { return container("one").state == "running" && container("two").state == "running"; }));
  EXPECT_EQ(inside("two",
                   "cd /data && cat d/file && test ! -e new && stat -c '%a %u:%g %h' . link && readlink s && "
                   "test -p fifo && echo fifo"),
            "first\n1750 0:0 3\n644 5:6 2\nd\nfifo");
  must({"volume", "restore", "-i", "vol_data.tar.zst", "copy"});
  EXPECT_EQ(read_file(stack_root() + "/volumes/copy/_data/d/file").value_or(""), "first\n");
  must({"volume", "rm", "copy"});
}

TEST_F(VolumeScenario, DamagedBackupChangesNothing) {
  two_users("");
  must({"up", "-d"});
  inside("one", "head -c 3000000 /dev/urandom > /data/file");
  must({"volume", "backup", "--stop", "vol_data"});
  std::string good = read_file(path("vol_data.tar.zst"), 100 << 20).value_or("");
  ASSERT_GT(good.size(), 2'000'000U);
  must({"down"});
  std::string before = run_command({"sh", "-c", "sha256sum < " + volume_path() + "/file"}).out;
  std::string flipped = good;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  std::string no_backup = read_file("/bin/true", 1 << 20).value_or("");
  for (const std::string& bad : {good.substr(0, good.size() / 2), good.substr(0, good.size() - 4), flipped,
                                 no_backup, std::string()}) {
    write("bad.tar.zst", bad);
    CommandResult restored = run({"volume", "restore", "--force", "-i", "bad.tar.zst", "vol_data"});
    EXPECT_NE(restored.code, 0) << bad.size();
    EXPECT_NE(restored.text().find("backup"), std::string::npos) << restored.text();
    EXPECT_NE(run({"volume", "restore", "-i", "bad.tar.zst", "fresh"}).code, 0);
  }
  EXPECT_EQ(run_command({"sh", "-c", "sha256sum < " + volume_path() + "/file"}).out, before);
  EXPECT_EQ(run({"volume", "inspect", "fresh"}).code, 1);
  EXPECT_EQ(run_command({"sh", "-c", "ls -A " + stack_root() + "/volumes"}).out, "vol_data\n");
}

TEST_F(VolumeScenario, CloneIsACopyWithTheLabels) {
  two_users("");
  must({"up", "-d"});
  inside("one", "echo x > /data/file");
  must({"volume", "clone", "--freeze", "vol_data", "twin"});
  EXPECT_EQ(inside("one", "echo y > /data/file; cat /data/file"), "y");
  EXPECT_EQ(read_file(stack_root() + "/volumes/twin/_data/file").value_or(""), "x\n");
  refused({"volume", "clone", "vol_data", "twin"}, {"twin already exists"});
  refused({"volume", "clone", "missing", "other"}, {"no such volume"});
  must({"volume", "rm", "twin"});
}

// The engine dies while containers are stopped or frozen for a copy: they run again.
TEST_F(VolumeScenario, ContainersRunAgainAfterAnInterruptedCopy) {
  two_users("");
  must({"up", "-d"});
  inside("one", "head -c 200000000 /dev/urandom > /data/file");
  for (const char* mode : {"--stop", "--freeze"}) {
    std::string file = std::string("cut") + mode + ".tar.zst";
    std::unique_ptr<BackgroundCommand> backup = start({"volume", "backup", mode, "-o", file, "vol_data"});
    ASSERT_TRUE(eventually(10s, [&] { return path_exists(path(file + ".part")); }));
    ::usleep(300'000);
    stack().kill_engine();
    EXPECT_EQ(backup->wait(60s), 0) << mode << ": it begins again; " << backup->output();
    EXPECT_TRUE(path_exists(path(file)));
    EXPECT_FALSE(path_exists(path(file + ".part")));
    EXPECT_TRUE(eventually(10s, [&] {
      return run({"exec", "-T", "one", "true"}).code == 0 && run({"exec", "-T", "two", "true"}).code == 0;
    })) << mode;
  }
}

}  // namespace
}  // namespace stack::e2e
