// Docker's own command line against the engine's socket, and `stack` under the name docker: the same commands, the
// same results.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "scenario.h"

namespace stack::e2e {
namespace {

class DockerCli : public Scenario, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (HasFatalFailure()) return;
    if (is_ours()) {
      ASSERT_EQ(run_command({"mkdir", "-p", folder() + "/bin"}).code, 0);
      ASSERT_EQ(::symlink((program_folder() + "/stack").c_str(), (folder() + "/bin/docker").c_str()), 0);
    } else if (run_command({"sh", "-c", "command -v docker"}).code != 0) {
      GTEST_SKIP() << "no docker command here";
    }
    // Starts the engine.
    must({"image", "ls"});
  }
  void TearDown() override {
    if (!IsSkipped() && !HasFatalFailure()) {
      docker({"sh", "-c", "ids=$(docker ps -aq); test -z \"$ids\" || docker rm -f $ids"}, true);
      docker({"network", "prune", "-f"});
    }
    Scenario::TearDown();
  }

  bool is_ours() const { return GetParam() == "stack"; }

  CommandOptions options(const std::string& input = {}) {
    CommandOptions options;
    if (is_ours()) {
      options.env["PATH"] = folder() + "/bin:" + std::getenv("PATH");
      options.env["STACK_ROOT"] = stack().root();
      options.env["STACK_RUN_ROOT"] = stack().run_root();
      options.env["STACK_LIBEXEC"] = program_folder();
    } else {
      options.env["DOCKER_HOST"] = "unix://" + stack().socket();
    }
    options.env["DOCKER_CONFIG"] = folder() + "/.docker";
    options.directory = folder();
    options.input = input;
    return options;
  }
  CommandResult docker(std::vector<std::string> args, bool whole = false, const std::string& input = {}) {
    if (!whole) args.insert(args.begin(), is_ours() ? folder() + "/bin/docker" : "docker");
    return run_command(args, options(input));
  }
  // stdout without its last newline; fails if the exit code is not 0.
  std::string ok(const std::vector<std::string>& args, const std::string& input = {}) {
    CommandResult result = docker(args, false, input);
    EXPECT_EQ(result.code, 0) << result.text();
    if (result.out.ends_with('\n')) result.out.pop_back();
    return result.out;
  }
  // The same for a command other than docker.
  std::string ok_whole(const std::vector<std::string>& args) {
    CommandResult result = run_command(args);
    EXPECT_EQ(result.code, 0) << result.text();
    if (result.out.ends_with('\n')) result.out.pop_back();
    return result.out;
  }
  std::string run_sleeper(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> args{"run", "-d", "--name", name, "--stop-signal", "KILL"};
    args.insert(args.end(), more.begin(), more.end());
    args.insert(args.end(), {kImage, "sleep", "infinity"});
    return ok(args);
  }

  static constexpr const char* kImage = "debian:bookworm-slim";
};

TEST_P(DockerCli, RunsOnceWithInputOutputAndExitCode) {
  EXPECT_EQ(ok({"run", "--rm", kImage, "echo", "hello"}), "hello");
  EXPECT_EQ(ok({"run", "--rm", "-i", kImage, "cat"}, "through\n"), "through");
  EXPECT_EQ(ok({"run", "--rm", "-e", "A=b", "-w", "/tmp", "-u", "1000:1000", "--entrypoint", "sh", kImage,
                "-c", "echo $A $(pwd) $(id -u)"}),
            "b /tmp 1000");
  CommandResult failed = docker({"run", "--rm", kImage, "sh", "-c", "echo to stderr >&2; exit 7"});
  EXPECT_EQ(failed.code, 7);
  EXPECT_EQ(failed.err, "to stderr\n");
  EXPECT_EQ(docker({"run", "--rm", kImage, "no-such-program"}).code, 127);
  EXPECT_EQ(ok({"ps", "-aq"}), "");
}

TEST_P(DockerCli, ShowsStopsAndRemovesContainers) {
  std::string id = run_sleeper("one", {"-p", "18099:80", "-v", "kept:/kept", "--label", "a=b", "-m", "64m"});
  EXPECT_EQ(ok({"ps", "--format", "{{.Names}} {{.Image}} {{.State}} {{.Label \"a\"}}"}),
            std::string("one ") + kImage + " running b");
  EXPECT_EQ(ok({"ps", "-q", "--no-trunc", "--filter", "label=a=b"}), id);
  EXPECT_EQ(ok({"port", "one", "80"}), "0.0.0.0:18099\n[::]:18099");
  EXPECT_EQ(
      ok({"inspect", "-f", "{{.State.Status}} {{.HostConfig.Memory}} {{(index .Mounts 0).Name}}", "one"}),
      "running 67108864 kept");
  EXPECT_NE(ok({"top", "one"}).find("sleep infinity"), std::string::npos);
  EXPECT_NE(ok({"stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", "one"}).find("/ 64MiB"),
            std::string::npos);
  ok({"pause", "one"});
  EXPECT_EQ(ok({"inspect", "-f", "{{.State.Status}}", "one"}), "paused");
  EXPECT_NE(docker({"exec", "one", "true"}).code, 0);
  ok({"unpause", "one"});
  ok({"rename", "one", "two"});
  ok({"update", "-m", "128m", "--memory-swap", "128m", "two"});
  EXPECT_EQ(ok({"inspect", "-f", "{{.HostConfig.Memory}}", "two"}), "134217728");
  ok({"restart", "-t", "1", "two"});
  EXPECT_EQ(ok({"stop", "two"}), "two");
  EXPECT_EQ(ok({"wait", "two"}), "137");
  EXPECT_EQ(ok({"start", "two"}), "two");
  CommandResult running = docker({"rm", "two"});
  EXPECT_NE(running.code, 0) << running.text();
  EXPECT_EQ(ok({"rm", "-f", "two"}), "two");
  EXPECT_EQ(ok({"volume", "ls", "-q"}), "kept");
  ok({"volume", "rm", "kept"});
}

TEST_P(DockerCli, ConcurrentRunsLoseNoOutput) {
  std::string docker = is_ours() ? folder() + "/bin/docker" : "docker";
  std::string script = "for i in $(seq 40); do (test \"$(" + docker + " run --rm " + kImage +
                       " echo line$i)\" = line$i || echo lost $i) & done; wait";
  CommandResult runs = run_command({"sh", "-c", script}, options(""));
  EXPECT_EQ(runs.out, "") << runs.text();
}

TEST_P(DockerCli, AllExposedPortsArePublishedOnRequest) {
  run_sleeper("exposed", {"-P", "--expose", "80", "--expose", "53/udp", "-p", "18098:81"});
  std::string tcp = ok({"port", "exposed", "80/tcp"});
  EXPECT_TRUE(tcp.starts_with("0.0.0.0:")) << tcp;
  EXPECT_TRUE(ok({"port", "exposed", "53/udp"}).starts_with("0.0.0.0:"));
  EXPECT_EQ(ok({"port", "exposed", "81"}), "0.0.0.0:18098\n[::]:18098");
  ok({"rm", "-f", "exposed"});
}

TEST_P(DockerCli, OwnMountsWinOverInheritedOnes) {
  ok({"run", "--name", "donor", "-v", "old:/data", kImage, "sh", "-c", "echo old > /data/f"});
  ok({"run", "--rm", "--volumes-from", "donor", "-v", "new:/data", kImage, "sh", "-c", "echo new > /data/f"});
  EXPECT_EQ(ok({"run", "--rm", "--volumes-from", "donor", kImage, "cat", "/data/f"}), "old");
  EXPECT_EQ(ok({"run", "--rm", "-v", "new:/d", kImage, "cat", "/d/f"}), "new");
  ok({"rm", "donor"});
  ok({"volume", "rm", "old", "new"});
}

TEST_P(DockerCli, VolumePruneRemovesAnonymousVolumes) {
  std::string id = ok({"create", "-v", "/x", kImage, "true"});
  ok({"rm", id});
  ok({"volume", "create", "named"});
  EXPECT_EQ(ok({"volume", "ls", "-q"}).size(), 64U + 1 + 5);
  ok({"volume", "prune", "-f"});
  EXPECT_EQ(ok({"volume", "ls", "-q"}), "named");
  ok({"volume", "rm", "named"});
}

TEST_P(DockerCli, MissingBindSourceIsCreatedAtEachStart) {
  run_sleeper("bound", {"-v", path("made") + ":/made"});
  ok({"stop", "-t", "0", "bound"});
  ASSERT_TRUE(std::filesystem::remove(path("made")));
  ok({"start", "bound"});
  EXPECT_TRUE(std::filesystem::is_directory(path("made")));
  ok({"rm", "-f", "bound"});
}

TEST_P(DockerCli, UnknownOptionsOfABindAreRefused) {
  CommandResult refused = docker({"run", "--rm", "-v", "/tmp:/x:roo", kImage, "true"});
  EXPECT_EQ(refused.code, 125) << refused.text();
  EXPECT_NE(refused.err.find("invalid mode: roo"), std::string::npos) << refused.text();
  EXPECT_EQ(ok({"ps", "-aq"}), "");
}

TEST_P(DockerCli, MountsAreMadeBehindDanglingLinks) {
  write("Dockerfile", std::string("FROM ") + kImage + R"(
RUN rm -f /etc/localtime && ln -s /usr/share/zoneinfo/None/Such /etc/localtime && ln -s /var/made /made && ln -s ../run/x/y /etc/y
)");
  write("zone", "zone\n");
  ok({"build", "-q", "-t", "links", "."});
  EXPECT_EQ(ok({"run", "--rm", "-v", path("zone") + ":/etc/localtime:ro", "-v", "kept:/made/deep", "--tmpfs",
                "/etc/y", "links", "sh", "-c",
                "cat /usr/share/zoneinfo/None/Such; grep -cE ' (/var/made/deep|/run/x/y) ' /proc/mounts"}),
            "zone\n2");
  ok({"volume", "rm", "kept"});
  ok({"rmi", "links"});
}

TEST_P(DockerCli, ExecCopyDiffAndCommit) {
  run_sleeper("box");
  EXPECT_EQ(ok({"exec", "-e", "X=y", "box", "sh", "-c", "echo $X"}), "y");
  EXPECT_EQ(ok({"exec", "-i", "box", "tee", "/tmp/in"}, "typed"), "typed");
  EXPECT_EQ(docker({"exec", "box", "sh", "-c", "exit 5"}).code, 5);
  ASSERT_TRUE(write_file(folder() + "/file", "content\n"));
  ok({"cp", folder() + "/file", "box:/srv/there"});
  EXPECT_EQ(ok({"exec", "box", "cat", "/srv/there"}), "content");
  ok({"cp", "box:/srv/there", folder() + "/back"});
  EXPECT_EQ(read_file(folder() + "/back").value_or(""), "content\n");
  EXPECT_NE(ok({"diff", "box"}).find("A /srv/there"), std::string::npos);
  ok({"commit", "-m", "with a file", "box", "boxed:1"});
  EXPECT_EQ(ok({"run", "--rm", "boxed:1", "cat", "/srv/there"}), "content");
  ok({"rmi", "boxed:1"});
}

TEST_P(DockerCli, LogsAreFollowedToTheEnd) {
  ok({"run", "-d", "--name", "talker", kImage, "sh", "-c",
      "for i in 1 2 3; do echo line $i; sleep 0.3; done; echo end >&2"});
  CommandResult followed = docker({"logs", "-f", "talker"});
  EXPECT_EQ(followed.code, 0);
  EXPECT_EQ(followed.out, "line 1\nline 2\nline 3\n");
  EXPECT_EQ(followed.err, "end\n");
  EXPECT_EQ(ok({"logs", "-n", "1", "talker"}), "");
  EXPECT_EQ(docker({"logs", "-n", "1", "talker"}).err, "end\n");
  EXPECT_NE(ok({"logs", "-t", "talker"}).find("Z line 1"), std::string::npos);
}

TEST_P(DockerCli, NetworksJoinAndLeave) {
  ok({"network", "create", "--subnet", "10.213.0.0/24", "inner"});
  run_sleeper("left", {"--network", "inner", "--network-alias", "first"});
  run_sleeper("right");
  ok({"network", "connect", "--alias", "second", "inner", "right"});
  EXPECT_EQ(ok({"exec", "left", "sh", "-c", "getent hosts second | cut -c 1-9"}), "10.213.0.");
  EXPECT_NE(docker({"network", "rm", "inner"}).code, 0);
  ok({"network", "disconnect", "inner", "right"});
  EXPECT_NE(docker({"exec", "left", "getent", "hosts", "second"}).code, 0);
  ok({"rm", "-f", "left"});
  ok({"network", "rm", "inner"});
}

TEST_P(DockerCli, LinksAreNamesOfOtherContainers) {
  run_sleeper("db", {"-e", "USER=me", "--expose", "5432"});
  std::string shown = ok(
      {"run", "--rm", "--name", "web", "--link", "db:store", kImage, "sh", "-c", "env; getent hosts store"});
  std::string address = ok({"inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "db"});
  for (const std::string& line : {std::string("STORE_NAME=/web/store"), std::string("STORE_ENV_USER=me"),
                                  "STORE_PORT_5432_TCP_ADDR=" + address})
    EXPECT_NE(("\n" + shown + "\n").find("\n" + line + "\n"), std::string::npos) << line << " in " << shown;
  EXPECT_NE(shown.find("\n" + address + " "), std::string::npos) << shown;
  ok({"stop", "-t", "0", "db"});
  CommandResult refused = docker({"run", "--rm", "--link", "db:store", kImage, "true"});
  EXPECT_EQ(refused.code, 125) << refused.text();
  EXPECT_NE(refused.err.find("Cannot link to a non running container: /db AS /"), std::string::npos)
      << refused.text();
}

TEST_P(DockerCli, ALinkIsRemovedAndTheContainersStay) {
  run_sleeper("db");
  run_sleeper("web", {"--link", "db:store"});
  EXPECT_EQ(docker({"exec", "web", "getent", "hosts", "store"}).code, 0);
  EXPECT_EQ(ok({"ps", "-q", "--filter", "name=db"}).size(), 12U);
  ok({"rm", "--link", "web/store"});
  EXPECT_NE(docker({"exec", "web", "getent", "hosts", "store"}).code, 0);
  EXPECT_EQ(ok({"ps", "--format", "{{.Names}}"}), "web\ndb");
  EXPECT_NE(docker({"rm", "--link", "web/store"}).err.find("No such link: /web/store"), std::string::npos);
  CommandResult own = docker({"rm", "--link", "web"});
  EXPECT_NE(own.err.find("cannot remove the default link name"), std::string::npos) << own.text();
}

TEST_P(DockerCli, HostnamesAreThoseOfTheSharedNetwork) {
  run_sleeper("owner", {"--hostname", "named"});
  EXPECT_EQ(ok({"run", "--rm", "--network", "container:owner", kImage, "hostname"}), "named");
  EXPECT_EQ(ok({"run", "--rm", "--network", "host", kImage, "hostname"}), ok_whole({"hostname"}));
}

TEST_P(DockerCli, RestartKeepsTheTimeOfTheLastExit) {
  run_sleeper("box");
  EXPECT_EQ(ok({"inspect", "-f", "{{.State.FinishedAt}}", "box"}), "0001-01-01T00:00:00Z");
  ok({"restart", "-t", "0", "box"});
  EXPECT_NE(ok({"inspect", "-f", "{{.State.FinishedAt}}", "box"}), "0001-01-01T00:00:00Z");
}

TEST_P(DockerCli, EventsIncludeVolumesAndNetworks) {
  std::string since = ok_whole({"date", "+%s.%N"});
  ok({"network", "create", "net"});
  ok({"create", "--name", "box", "-v", "/anonymous", kImage, "true"});
  ok({"network", "connect", "net", "box"});
  ok({"network", "disconnect", "net", "box"});
  ok({"rm", "-v", "box"});
  ok({"network", "rm", "net"});
  std::string told = ok({"events", "--since", since, "--until", ok_whole({"date", "+%s.%N"}), "--format",
                         "{{.Type}} {{.Action}}"});
  EXPECT_EQ(told,
            "network create\nvolume create\ncontainer create\nnetwork connect\nnetwork disconnect\n"
            "volume destroy\ncontainer destroy\nnetwork destroy");
}

TEST_P(DockerCli, PruneKeepsTheDefaultNetworkAndRunningContainers) {
  run_sleeper("kept");
  ok({"create", "--name", "gone", kImage, "true"});
  ok({"network", "create", "unused"});
  ok({"container", "prune", "-f"});
  ok({"network", "prune", "-f"});
  EXPECT_EQ(ok({"ps", "-a", "--format", "{{.Names}}"}), "kept");
  ok({"rm", "-f", "kept"});
  ok({"network", "prune", "-f"});
  EXPECT_EQ(ok({"network", "ls", "--format", "{{.Name}}"}), "bridge\nhost\nnone");
}

// An unknown filter must not make a prune remove more.
TEST_P(DockerCli, PruneHonorsItsFilters) {
  ok({"create", "--name", "labeled", "--label", "keep=1", kImage, "true"});
  ok({"volume", "create", "--label", "keep=1", "labeled"});
  ok({"network", "create", "--label", "keep=1", "labeled"});
  for (const std::string kind : {"container", "network"}) {
    ok({kind, "prune", "-f", "--filter", "label!=keep"});
    ok({kind, "prune", "-f", "--filter", "label=other"});
    ok({kind, "prune", "-f", "--filter", "until=1h"});
  }
  ok({"volume", "prune", "-af", "--filter", "label!=keep"});
  for (const std::string kind : {"container", "network", "volume"}) {
    CommandResult unknown = docker({kind, "prune", "-f", "--filter", "bogus=1"});
    EXPECT_NE(unknown.code, 0);
    EXPECT_NE(unknown.err.find("invalid filter 'bogus'"), std::string::npos) << unknown.text();
  }
  EXPECT_EQ(ok({"ps", "-a", "--format", "{{.Names}}"}), "labeled");
  EXPECT_EQ(ok({"volume", "ls", "-q"}), "labeled");
  EXPECT_NE(ok({"network", "ls", "--format", "{{.Name}}"}).find("labeled"), std::string::npos);
  ok({"container", "prune", "-f", "--filter", "label=keep=1"});
  ok({"volume", "prune", "-af", "--filter", "label=keep"});
  ok({"network", "prune", "-f", "--filter", "label=keep"});
  EXPECT_EQ(ok({"ps", "-aq"}) + ok({"volume", "ls", "-q"}), "");
}

TEST_P(DockerCli, ListsAcceptDockersFilters) {
  run_sleeper("first", {"-p", "18098:80", "--label", "tier=front"});
  run_sleeper("second");
  auto names = [&](const std::string& filter) {
    return ok({"ps", "-a", "--format", "{{.Names}}", "--filter", filter});
  };
  EXPECT_EQ(names("before=second"), "first");
  EXPECT_EQ(names("since=first"), "second");
  EXPECT_EQ(names("publish=18098"), "first");
  EXPECT_EQ(names("expose=80/tcp"), "first");
  EXPECT_EQ(names("name=^/first$"), "first");
  EXPECT_EQ(names("label=tier=front"), "first");
  EXPECT_EQ(names(std::string("ancestor=") + kImage), "second\nfirst");
  for (const std::string kind : {"ps", "images"}) {
    CommandResult unknown = docker({kind, "--filter", "bogus=1"});
    EXPECT_NE(unknown.code, 0);
    EXPECT_NE(unknown.err.find("invalid filter 'bogus'"), std::string::npos) << unknown.text();
  }
  EXPECT_EQ(ok({"network", "ls", "--filter", "type=custom", "-q"}), "");
  EXPECT_EQ(ok({"images", "--filter", "reference=deb*:book*", "--format", "{{.Repository}}"}), "debian");
}

TEST_P(DockerCli, BuildsFromATarOfTheContext) {
  ASSERT_TRUE(ensure_directory(folder() + "/context"));
  ASSERT_TRUE(write_file(folder() + "/context/file", "content\n"));
  ASSERT_TRUE(
      write_file(folder() + "/context/Dockerfile",
                 std::string("FROM ") + kImage +
                     "\nARG WHO=nobody\nLABEL who=$WHO\nCOPY file /srv/file\nRUN echo made > /srv/made\n"));
  CommandOptions with = options();
  with.env["DOCKER_BUILDKIT"] = "0";
  CommandResult built = run_command({is_ours() ? folder() + "/bin/docker" : "docker", "build", "-t", "made:1",
                                     "--build-arg", "WHO=me", folder() + "/context"},
                                    with);
  ASSERT_EQ(built.code, 0) << built.text();
  // The classic client prints to stdout, ours to stderr, like Docker's newer one.
  std::string printed = is_ours() ? built.err : built.out;
  EXPECT_NE(printed.find(is_ours() ? "[2/3] COPY file /srv/file" : "Step "), std::string::npos)
      << built.text();
  EXPECT_NE(printed.find("Successfully tagged made:1"), std::string::npos) << built.text();
  EXPECT_EQ(ok({"run", "--rm", "made:1", "cat", "/srv/file", "/srv/made"}), "content\nmade");
  EXPECT_EQ(ok({"inspect", "-f", "{{.Config.Labels.who}}", "made:1"}), "me");
  CommandResult quiet = run_command(
      {is_ours() ? folder() + "/bin/docker" : "docker", "build", "-q", folder() + "/context"}, with);
  EXPECT_TRUE(quiet.out.starts_with("sha256:")) << quiet.text();
  with.input = std::string("FROM ") + kImage + "\nRUN exit 3\n";
  CommandResult failed = run_command({is_ours() ? folder() + "/bin/docker" : "docker", "build", "-"}, with);
  EXPECT_NE(failed.code, 0) << failed.text();
  if (!is_ours()) {
    // Every instruction is a step of the classic builder, and says on a second build that it was cached.
    EXPECT_NE(printed.find("Step 3/5 : LABEL who=$WHO\n"), std::string::npos) << built.text();
    std::string again =
        run_command({"docker", "build", "--build-arg", "WHO=me", folder() + "/context"}, with).out;
    EXPECT_NE(again.find("Step 3/5 : LABEL who=$WHO\n ---> Using cache\nStep 4/5 : COPY file /srv/file\n"
                         " ---> Using cache\n"),
              std::string::npos)
        << again;
    EXPECT_NE(failed.err.find("The command '/bin/sh -c exit 3' returned a non-zero code: 3"),
              std::string::npos)
        << failed.text();
  }
  ok({"builder", "prune", "-f"});
  ok({"image", "prune", "-f"});
}

TEST_P(DockerCli, BuildsInANetworkByName) {
  ok({"network", "create", "net"});
  run_sleeper("server", {"--network", "net", "--network-alias", "target"});
  CommandOptions with = options(std::string("FROM ") + kImage + "\nRUN getent hosts target\n");
  with.env["DOCKER_BUILDKIT"] = "0";
  auto build = [&](const std::string& network) {
    return run_command(
        {is_ours() ? folder() + "/bin/docker" : "docker", "build", "--no-cache", "--network", network, "-"},
        with);
  };
  CommandResult built = build("net");
  EXPECT_EQ(built.code, 0) << built.text();
  EXPECT_NE(build("default").code, 0);
  CommandResult unknown = build("nowhere");
  EXPECT_NE(unknown.code, 0);
  EXPECT_NE(unknown.err.find("network nowhere not found"), std::string::npos) << unknown.text();
  ok({"rm", "-f", "server"});
  ok({"network", "rm", "net"});
  ok({"image", "prune", "-f"});
}

TEST_P(DockerCli, SavesLoadsAndImportsImages) {
  ok({"tag", kImage, "copy:1"});
  ok({"save", "-o", folder() + "/copy.tar", "copy:1"});
  ok({"rmi", "copy:1"});
  EXPECT_EQ(ok({"load", "-i", folder() + "/copy.tar"}), "Loaded image: copy:1");
  EXPECT_EQ(ok({"run", "--rm", "copy:1", "echo", "again"}), "again");
  ASSERT_TRUE(write_file(folder() + "/bad.tar", "abc"));
  EXPECT_NE(docker({"load", "-i", folder() + "/bad.tar"}).code, 0);
  ok({"rmi", "copy:1"});
  run_sleeper("box");
  ok({"export", "-o", folder() + "/box.tar", "box"});
  ok({"import", "--change", "CMD [\"echo\", \"imported\"]", "-m", "from a box", folder() + "/box.tar",
      "imported:1"});
  EXPECT_EQ(ok({"run", "--rm", "imported:1"}), "imported");
  // The image without the change is removed.
  EXPECT_EQ(ok({"images", "-qf", "dangling=true"}), "");
  ok({"rmi", "imported:1"});
  EXPECT_NE(docker({"save", "-o", folder() + "/none.tar", "no-such-image"}).code, 0);
  ok({"image", "prune", "-f"});
}

TEST_P(DockerCli, ImportsFromAUrl) {
  ASSERT_TRUE(ensure_directory(folder() + "/served/etc"));
  ASSERT_TRUE(write_file(folder() + "/served/etc/name", "imported\n"));
  ASSERT_EQ(
      run_command({"tar", "-C", folder() + "/served", "-czf", folder() + "/served/root.tar.gz", "etc"}).code,
      0);
  BackgroundCommand server({"busybox", "httpd", "-f", "-p", "127.0.0.1:8000", "-h", folder() + "/served"});
  const std::string url = "http://127.0.0.1:8000/";
  ASSERT_TRUE(eventually(
      10s, [&] { return run_command({"curl", "-sf", "--noproxy", "*", url + "etc/name"}).code == 0; }));
  std::string id = ok({"import", url + "root.tar.gz", "imported:1"});
  EXPECT_TRUE(id.starts_with("sha256:")) << id;
  EXPECT_EQ(ok({"history", "--format", "{{.Comment}}", "imported:1"}),
            "Imported from " + url + "root.tar.gz");
  CommandResult missing = docker({"import", url + "nothing.tar", "imported:2"});
  EXPECT_NE(missing.code, 0);
  EXPECT_NE(missing.err.find("404"), std::string::npos) << missing.text();
  ok({"rmi", "imported:1"});
}

TEST_P(DockerCli, FailedPullIsReported) {
  CommandResult pulled = docker({"pull", "nowhere/nothing"});
  EXPECT_NE(pulled.code, 0);
  EXPECT_NE(pulled.err.find("cannot reach registry docker.io"), std::string::npos) << pulled.text();
}

// Without an engine, nothing remains in the kernel: neither the default network's bridge nor the table.
TEST_P(DockerCli, EngineRemovesNetworksIfNothingRuns) {
  auto traces = [] {
    return run_command({"sh", "-c", "ip -br link | grep '^br-'; nft list tables | grep stack_"}).out;
  };
  ok({"run", "--rm", kImage, "true"});
  EXPECT_NE(traces(), "");
  must({"engine", "stop"});
  ASSERT_TRUE(eventually(10s, [&] { return traces().empty(); })) << traces();
  // The same after a crash and another run of the engine.
  must({"image", "ls"});
  ok({"run", "--rm", kImage, "true"});
  stack().kill_engine();
  EXPECT_NE(traces(), "");
  must({"image", "ls"});
  must({"engine", "stop"});
  ASSERT_TRUE(eventually(10s, [&] { return traces().empty(); })) << traces();
  // While a container runs, its network stays.
  must({"image", "ls"});
  run_sleeper("alive");
  must({"engine", "stop"});
  EXPECT_NE(traces(), "");
  must({"image", "ls"});
}

// The same templates with both command lines, so what the real one prints is what ours must print.
TEST_P(DockerCli, TemplatesPrintGoValues) {
  run_sleeper("typed", {"-p", "80", "--label", "a.b=c", "-e", "A=1"});
  auto shown = [&](const std::string& format) { return ok({"inspect", "-f", format, "typed"}); };
  EXPECT_EQ(shown("{{if .State.Health}}h{{else}}none{{end}} {{.State.Health}}"), "none <nil>");
  EXPECT_EQ(shown("{{.HostConfig.RestartPolicy}} {{.HostConfig.CapAdd}} {{.HostConfig.LogConfig.Type}}"),
            "{no 0} [] json-file");
  EXPECT_EQ(shown("{{with $x := .State.Status}}{{$x}}{{end}} {{and .State.Running (lt 1 2)}}"),
            "running true");
  EXPECT_EQ(shown("{{range $port, $to := .NetworkSettings.Ports}}{{$port}} {{len $to | lt 0}}{{end}}"),
            "80/tcp true");
  EXPECT_EQ(shown("{{.NetworkSettings.IPAddress}}"), shown("{{.NetworkSettings.Networks.bridge.IPAddress}}"));
  EXPECT_NE(shown("{{.NetworkSettings.IPAddress}}"), "");
  EXPECT_EQ(shown("{{slice .Id 0 12 | len}} {{printf \"%-6s|%03d\" .Name 7}}"), "12 /typed|007");
  CommandResult wrong = docker({"inspect", "-f", "{{.Nope}}", "typed"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err,
            "template parsing error: template: :1:2: executing \"\" at <.Nope>: map has no entry for key "
            "\"Nope\"\n");
  EXPECT_EQ(docker({"inspect", "-f", "{{.Nope", "typed"}).code, 64);
  EXPECT_EQ(ok({"ps", "--format", "table {{.Names}}\\t{{.Label \"a.b\"}}"}), "NAMES     b\ntyped     c");
  EXPECT_EQ(docker({"ps", "--format", "{{.Nope}}"}).err,
            "failed to execute template: template: :1:2: executing \"\" at <.Nope>: can't evaluate field "
            "Nope in type "
            "*formatter.ContainerContext\n");
}

INSTANTIATE_TEST_SUITE_P(Program, DockerCli, ::testing::Values("docker", "stack"),
                         [](const auto& program) { return program.param; });

}  // namespace
}  // namespace stack::e2e
