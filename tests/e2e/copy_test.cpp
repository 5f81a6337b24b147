// Files in and out of containers: cp, diff, export, commit.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Copy : public Scenario {
 protected:
  void shop(const std::string& more = {}) {
    project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data"]
    tmpfs: ["/scratch"]
)" + more + R"(
volumes:
  data:
)");
  }
  std::string read(const std::string& file) { return read_file(path(file)).value_or("<none>"); }
};

TEST_F(Copy, FollowsDockersRulesOfDestinations) {
  shop();
  must({"up", "-d"});
  write("one.txt", "one\n");
  write("dir/a.txt", "a\n");
  write("dir/deep/b.txt", "b\n");
  // A file: into a folder, under another name, over a file.
  must({"cp", "one.txt", "web:/tmp"});
  must({"cp", "one.txt", "web:/tmp/two.txt"});
  EXPECT_EQ(inside("web", "cat /tmp/one.txt /tmp/two.txt"), "one\none");
  write("one.txt", "new\n");
  must({"cp", "one.txt", "web:/tmp/two.txt"});
  EXPECT_EQ(inside("web", "cat /tmp/two.txt"), "new");
  CommandResult no_folder = run({"cp", "one.txt", "web:/nowhere/"});
  EXPECT_NE(no_folder.code, 0);
  EXPECT_NE(no_folder.err.find("no such directory"), std::string::npos) << no_folder.text();
  CommandResult no_parent = run({"cp", "one.txt", "web:/nowhere/x"});
  EXPECT_NE(no_parent.err.find("Could not find the file /nowhere"), std::string::npos) << no_parent.text();
  // A folder: below an existing folder, otherwise under the given name; only its contents with "/.".
  must({"cp", "dir", "web:/tmp"});
  EXPECT_EQ(inside("web", "cat /tmp/dir/deep/b.txt"), "b");
  must({"cp", "dir", "web:/tmp/other"});
  EXPECT_EQ(inside("web", "cat /tmp/other/a.txt"), "a");
  must({"cp", "dir/.", "web:/srv"});
  EXPECT_EQ(inside("web", "ls /srv"), "a.txt\ndeep");
  CommandResult over_file = run({"cp", "dir", "web:/tmp/one.txt"});
  EXPECT_NE(over_file.err.find("cannot copy directory"), std::string::npos) << over_file.text();
  // The same in the other direction.
  must({"cp", "web:/tmp/dir", "."});
  EXPECT_EQ(read("dir/deep/b.txt"), "b\n");
  must({"cp", "web:/tmp/dir", "named"});
  EXPECT_EQ(read("named/a.txt"), "a\n");
  must({"cp", "web:/tmp/dir/.", "named"});
  EXPECT_EQ(read("named/deep/b.txt"), "b\n");
  must({"cp", "web:/tmp/two.txt", "back.txt"});
  EXPECT_EQ(read("back.txt"), "new\n");
  CommandResult absent = run({"cp", "web:/not/there", "."});
  EXPECT_EQ(absent.code, 1);
  EXPECT_NE(absent.err.find("could not find the file /not/there"), std::string::npos) << absent.text();
}

TEST_F(Copy, SeesVolumesAndMemoryOfRunningContainersAndVolumesOfStoppedOnes) {
  shop();
  must({"up", "-d"});
  write("x", "x\n");
  must({"cp", "x", "web:/data/x"});
  must({"cp", "x", "web:/scratch/x"});
  EXPECT_EQ(inside("web", "cat /data/x /scratch/x"), "x\nx");
  EXPECT_EQ(read_file(stack().root() + "/volumes/shop_data/_data/x").value_or(""), "x\n");
  EXPECT_EQ(inside("web", "echo mine > /root/mine; echo kept > /data/kept"), "");
  must({"stop"});
  must({"cp", "web:/data/kept", "kept"});
  must({"cp", "web:/root/mine", "mine"});
  EXPECT_EQ(read("kept") + read("mine"), "kept\nmine\n");
  write("y", "y\n");
  must({"cp", "y", "web:/data/y"});
  must({"cp", "y", "web:/root/y"});
  must({"start"});
  EXPECT_EQ(inside("web", "cat /data/y /root/y"), "y\ny");
}

TEST_F(Copy, StreamsAreTarArchives) {
  shop();
  must({"up", "-d"});
  EXPECT_EQ(inside("web", "mkdir -p /s/t; echo 1 > /s/t/f; ln -s t/f /s/l"), "");
  CommandResult out = run({"cp", "web:/s", "-"});
  ASSERT_EQ(out.code, 0) << out.err;
  EXPECT_EQ(run_command({"tar", "t"}, {.directory = "", .env = {}, .input = out.out}).out,
            "s/\ns/l\ns/t/\ns/t/f\n");
  // Compressed as well.
  CommandResult packed = run_command({"gzip"}, {.directory = "", .env = {}, .input = out.out});
  CommandResult in = run({"cp", "-", "web:/opt"}, {}, packed.out);
  ASSERT_EQ(in.code, 0) << in.text();
  EXPECT_EQ(inside("web", "cat /opt/s/l; readlink /opt/s/l"), "1\nt/f");
  CommandResult into_file = run({"cp", "-", "web:/etc/passwd"}, {}, packed.out);
  EXPECT_NE(into_file.err.find("must be a directory"), std::string::npos) << into_file.text();
  CommandResult garbage = run({"cp", "-", "web:/opt"}, {}, std::string(2000, 'x'));
  EXPECT_EQ(garbage.code, 1) << garbage.text();
}

TEST_F(Copy, LinksAreCopiedUnlessFollowedAndStayInside) {
  shop();
  must({"up", "-d"});
  write("secret", "of the host\n");
  EXPECT_EQ(inside("web", "echo in > /real; ln -s /real /link; ln -s " + path("secret") +
                              " /out; "
                              "ln -s /proc/1/root/etc /magic; mkdir /etc2; ln -s /etc2 /tmp/folder"),
            "");
  must({"cp", "web:/link", "link"});
  struct stat info{};
  ASSERT_EQ(::lstat(path("link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  must({"cp", "-L", "web:/link", "followed"});
  EXPECT_EQ(read("followed"), "in\n");
  // The host's path does not exist in the container.
  CommandResult outside = run({"cp", "-L", "web:/out", "stolen"});
  EXPECT_EQ(outside.code, 1);
  EXPECT_EQ(read("stolen"), "<none>");
  EXPECT_EQ(run({"cp", "web:/magic/hostname", "stolen"}).code, 1);
  // A destination that is a link inside is that folder.
  must({"cp", "secret", "web:/tmp/folder"});
  EXPECT_EQ(inside("web", "cat /etc2/secret"), "of the host");
}

TEST_F(Copy, KernelStateIsCopiedAsEmptyDirectories) {
  shop();
  must({"up", "-d"});
  for (const std::string folder : {"proc", "sys", "dev"}) {
    must({"cp", "web:/" + folder, folder});
    EXPECT_TRUE(std::filesystem::is_empty(path(folder))) << folder;
  }
}

// CVE-2018-15664: the path alternates between a link to the host's files and a folder.
TEST_F(Copy, RacingContainerCannotReachTheHost) {
  shop();
  must({"up", "-d"});
  std::string outside = folder() + "/outside";
  ASSERT_TRUE(ensure_directory(outside));
  ASSERT_TRUE(write_file(outside + "/secret", "of the host"));
  EXPECT_EQ(inside("web", "mkdir -p /swap/a /swap/real " + outside + "; echo own > " + outside +
                              "/secret; "
                              "echo own > /swap/real/secret"),
            "");
  std::unique_ptr<BackgroundCommand> racer = start(
      {"exec", "-T", "web", "sh", "-c",
       "cd /swap; while :; do ln -sfn " + outside + " x; ln -sfn /swap/real x; rm -rf x; mkdir x; done"});
  write("evil", "evil\n");
  for (int i = 0; i < 25; ++i) {
    (void)run({"cp", "web:/swap/x/secret", "got"});
    EXPECT_NE(read("got"), "of the host");
    (void)run({"cp", "evil", "web:/swap/x/planted"});
    EXPECT_FALSE(path_exists(outside + "/planted"));
  }
  racer->signal(SIGKILL);
  EXPECT_EQ(read_file(outside + "/secret").value_or(""), "of the host");
}

TEST_F(Copy, CopiesToEveryReplicaWithItsUserAsOwner) {
  shop("    deploy: {replicas: 2}\n    user: \"1000:1000\"\n");
  must({"up", "-d"});
  write("x", "x\n");
  must({"cp", "-a", "x", "web:/tmp/x"});
  must({"cp", "--index", "2", "x", "web:/tmp/second"});
  for (const std::string index : {"1", "2"}) {
    CommandResult owner = run({"exec", "-T", "--index", index, "web", "stat", "-c", "%u:%g", "/tmp/x"});
    EXPECT_EQ(owner.out, "1000:1000\n") << owner.text();
    CommandResult second = run({"exec", "-T", "--index", index, "web", "test", "-e", "/tmp/second"});
    EXPECT_EQ(second.code, index == "2" ? 0 : 1);
  }
}

TEST_F(Copy, ReadOnlyContainersStayReadOnly) {
  shop("    read_only: true\n");
  must({"up", "-d"});
  write("x", "x\n");
  EXPECT_NE(run({"cp", "x", "web:/root/x"}).err.find("read-only"), std::string::npos);
  must({"cp", "x", "web:/data/x"});
  must({"stop"});
  EXPECT_NE(run({"cp", "x", "web:/root/x"}).err.find("read-only"), std::string::npos);
}

TEST_F(Copy, ChangesAreListedLikeInDocker) {
  shop();
  must({"up", "-d"});
  std::string changes = "/containers/" + container("web").id + "/changes";
  EXPECT_EQ(stack().api("GET", changes).body, Json::array()) << "mount points are no changes";
  EXPECT_EQ(inside("web",
                   "echo x > /root/new; rm /etc/debian_version; echo >> /etc/issue; rm -rf /opt; mkdir /opt; "
                   "echo > /opt/o; mkdir /fresh"),
            "");
  std::map<std::string, int> kinds;
  for (const Json& change : stack().api("GET", changes).body)
    kinds[string_or(change, "Path")] = static_cast<int>(int_or(change, "Kind"));
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"/etc", 0},
                                               {"/etc/debian_version", 2},
                                               {"/etc/issue", 0},
                                               {"/fresh", 1},
                                               {"/opt", 0},
                                               {"/opt/o", 1},
                                               {"/root", 0},
                                               {"/root/new", 1}}));
}

TEST_F(Copy, ExportIsTheWholeTreeWithoutVolumes) {
  shop();
  must({"up", "-d"});
  EXPECT_EQ(inside("web", "echo x > /root/new; rm /etc/debian_version; echo v > /data/v"), "");
  must({"export", "-o", "web.tar", "web"});
  std::string list = run_command({"tar", "tf", path("web.tar")}).out;
  EXPECT_NE(list.find("root/new\n"), std::string::npos);
  EXPECT_NE(list.find("bin"), std::string::npos);
  EXPECT_EQ(list.find("etc/debian_version"), std::string::npos);
  EXPECT_EQ(list.find("data/v"), std::string::npos);
  EXPECT_EQ(list.find(".wh."), std::string::npos);
  EXPECT_FALSE(path_exists(path("web.tar.part")));
}

TEST_F(Copy, CommitCreatesAnImageOfTheCurrentContainer) {
  shop();
  must({"up", "-d"});
  EXPECT_EQ(inside("web", "echo patched > /root/mark; rm /etc/debian_version"), "");
  CommandResult made = must({"commit", "-m", "after the repair", "-a", "Jane", "-c", "ENV COLOR=red", "-c",
                             "CMD [\"cat\", \"/root/mark\"]", "web", "shop-web:patched"});
  EXPECT_TRUE(made.out.starts_with("sha256:")) << made.text();
  Json image = stack().api("GET", "/images/shop-web:patched/json").body;
  EXPECT_EQ(image["Id"], made.out.substr(0, made.out.size() - 1));
  EXPECT_EQ(string_or(image, "Author"), "Jane");
  std::string history = to_text(stack().api("GET", "/images/shop-web:patched/history").body);
  EXPECT_NE(history.find("after the repair"), std::string::npos) << history;
  // It keeps running, unharmed.
  EXPECT_EQ(inside("web", "cat /root/mark"), "patched");
  project("patched", "services:\n  again:\n    image: shop-web:patched\n");
  CommandResult ran = run({"run", "--rm", "-T", "again"});
  EXPECT_EQ(ran.out, "patched\n") << ran.text();
  CommandResult gone =
      run({"run", "--rm", "-T", "again", "sh", "-c", "ls /etc/debian_version; echo $COLOR; ls /data"});
  EXPECT_EQ(gone.out, "red\n") << gone.text();
  EXPECT_NE(gone.err.find("/data"), std::string::npos) << "the volume's mount point is not part of the image";
  CommandResult bad = run({"-p", "shop", "commit", "-c", "RUN rm -rf /", "web"});
  EXPECT_NE(bad.err.find("RUN is not a valid change command"), std::string::npos) << bad.text();
}

}  // namespace
}  // namespace stack::e2e
