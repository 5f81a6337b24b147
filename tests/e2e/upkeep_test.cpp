// Unattended operation: updates with rollback, restarts of unhealthy containers, the engine's settings.
#include <sys/stat.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Upkeep : public Scenario {
 protected:
  // An image `name` whose containers are healthy, or not.
  void make_image(const std::string& name, bool healthy) {
    write("Dockerfile", std::string("FROM debian:bookworm-slim\nSTOPSIGNAL SIGKILL\nRUN touch /made-") +
                            (healthy ? "well" : "ill") + "\nHEALTHCHECK --interval=300ms --retries=2 CMD " +
                            (healthy ? "true" : "false") + "\nCMD [\"sleep\", \"infinity\"]\n");
    must_docker({"build", "-q", "-t", name, "."});
  }
  std::string image_id(const std::string& name) {
    return must_docker({"image", "inspect", "-f", "{{.Id}}", name}).out;
  }
};

constexpr const char* kShop = R"(
services:
  web: { image: "app:1" }
)";

TEST_F(Upkeep, UpdateReplacesContainersOfANewerImage) {
  project("shop", kShop);
  make_image("app:1", true);
  must({"up", "-d", "--wait", "--pull", "never"});
  std::string before = container("web").id;
  CommandResult same = must({"update", "--pull", "never"});
  EXPECT_EQ(container("web").id, before) << same.text();
  write("Dockerfile", "FROM app:1\nRUN touch /newer\n");
  must_docker({"build", "-q", "-t", "app:1", "."});
  CommandResult updated = must({"update", "--pull", "never"});
  EXPECT_NE(container("web").id, before) << updated.text();
  EXPECT_EQ(inside("web", "ls /newer"), "/newer");
}

TEST_F(Upkeep, AFailedUpdateRestoresContainersAndImages) {
  project("shop", kShop);
  make_image("app:1", true);
  must({"up", "-d", "--wait", "--pull", "never"});
  std::map<std::string, std::string> before = ids();
  std::string image = image_id("app:1");
  make_image("app:1", false);
  ASSERT_NE(image_id("app:1"), image);
  CommandResult failed = run({"update", "--pull", "never"});
  EXPECT_EQ(failed.code, 1) << failed.text();
  EXPECT_NE(failed.err.find("rolled back"), std::string::npos) << failed.text();
  EXPECT_EQ(ids(), before) << failed.text();
  EXPECT_EQ(container("web").state, "running");
  EXPECT_EQ(image_id("app:1"), image) << "the name belongs to the image that works";
  must({"up", "-d", "--pull", "never"});
  EXPECT_EQ(ids(), before);
}

TEST_F(Upkeep, AnUnhealthyContainerIsRestartedOnlyOnRequest) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'date +%N >>/data/starts; rm -f /tmp/ill; exec sleep infinity'
    stop_signal: SIGKILL
    volumes: ["data:/data"]
    healthcheck: { test: "test ! -e /tmp/ill", interval: 300ms, retries: 2 }
    x-stack: { restart_on: unhealthy }
  other:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    healthcheck: { test: "test ! -e /tmp/ill", interval: 300ms, retries: 2 }
volumes: { data: }
)");
  must({"up", "-d", "--wait"});
  pid_t before = container("other").pid;
  inside("web", "touch /tmp/ill");
  inside("other", "touch /tmp/ill");
  EXPECT_TRUE(eventually(20s, [&] { return inside("web", "wc -l </data/starts") == "2"; }));
  EXPECT_TRUE(eventually(20s, [&] {
    return must({"ps", "--format", "{{.Service}} {{.Health}}"}).out == "other unhealthy\nweb healthy\n";
  })) << must({"ps"}).out;
  EXPECT_EQ(container("other").pid, before);
}

TEST_F(Upkeep, TheEngineUsesItsSettings) {
  project("shop", R"(
services:
  web: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL }
)");
  write("config.yaml",
        "address_pools: [{base: 172.29.0.0/16}]\nlog: {driver: local, options: {max-size: 5m}}\n");
  std::map<std::string, std::string> settings{{"STACK_CONFIG", path("config.yaml")}};
  must({"engine", "stop"});
  CommandResult shown = must({"config", "--engine"}, settings);
  EXPECT_NE(shown.out.find("base: 172.29.0.0/16"), std::string::npos) << shown.out;
  must({"up", "-d"}, settings);
  EXPECT_TRUE(address("web").starts_with("172.29.0.")) << address("web");
  EXPECT_EQ(must_docker({"inspect", "-f", "{{.HostConfig.LogConfig.Type}}", "shop-web-1"}).out, "local\n");
  EXPECT_EQ(must({"plan"}, settings).code, 0) << "defaults are not a change";
}

TEST_F(Upkeep, DevicesAreAppliedAsTheirCdiSpecDescribesThem) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    devices: ["acme.com/fpga=first"]
)");
  write("cdi/acme.yaml", R"(
cdiVersion: 0.6.0
kind: acme.com/fpga
containerEdits:
  env: [ACME=yes]
devices:
  - name: first
    containerEdits:
      deviceNodes: [{path: /dev/acme0, hostPath: /dev/null}]
      mounts: [{hostPath: )" +
                             path("cdi") + R"(, containerPath: /opt/acme, options: [ro, rbind]}]
      hooks:
        - {hookName: createRuntime, path: /bin/sh, args: [sh, -c, "cat >)" +
                             path("state") + R"("]}
        - {hookName: createContainer, path: /bin/sh, args: [sh, -c, "pwd >)" +
                             path("folder") + R"("]}
)");
  write("config.yaml", "cdi_spec_dirs: [" + path("cdi") + "]\n");
  std::map<std::string, std::string> settings{{"STACK_CONFIG", path("config.yaml")}};
  must({"engine", "stop"});
  must({"up", "-d"}, settings);
  EXPECT_NE(file_in(container("web"), "/proc/1/environ").find("ACME=yes"), std::string::npos);
  EXPECT_EQ(inside("web", "stat -c '%F %t:%T' /dev/acme0; ls /opt/acme"),
            "character special file 1:3\nacme.yaml");
  std::string state = *read_file(path("state"));
  EXPECT_NE(state.find("\"status\":\"creating\""), std::string::npos) << state;
  EXPECT_NE(state.find("\"bundle\":\""), std::string::npos) << state;
  EXPECT_TRUE(path_exists(path("folder")));
  write("docker-compose.yml",
        "services: {web: {image: \"debian:bookworm-slim\", devices: [\"acme.com/fpga=other\"]}}\n");
  CommandResult unknown = run({"up", "-d"}, settings);
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.err.find("device acme.com/fpga=other is not described by a CDI spec file"),
            std::string::npos)
      << unknown.text();
  EXPECT_NE(unknown.err.find("available: acme.com/fpga=first"), std::string::npos) << unknown.text();
}

TEST_F(Upkeep, FaultySettingsKeepTheEngineFromStartingAndAreShownWithPositions) {
  project("shop", "services:\n  web: { image: debian:bookworm-slim }\n");
  write("config.yaml", "dns:\n  server: [192.0.2.1]\n");
  std::map<std::string, std::string> settings{{"STACK_CONFIG", path("config.yaml")}};
  must({"engine", "stop"});
  CommandResult shown = run({"config", "--engine"}, settings);
  EXPECT_EQ(shown.code, 1);
  EXPECT_NE(shown.err.find("config.yaml:2:3: unknown setting \"dns.server\""), std::string::npos)
      << shown.text();
  CommandResult up = run({"up", "-d"}, settings);
  EXPECT_EQ(up.code, 1);
  EXPECT_NE(up.err.find("config.yaml:2:3: unknown setting"), std::string::npos) << up.text();
}

TEST_F(Upkeep, AGeneratedUnitNamesProjectFilesAndFolder) {
  project(
      "shop",
      "services:\n  web: { image: debian:bookworm-slim, command: sleep infinity, stop_signal: SIGKILL }\n");
  must({"up", "-d"});
  CommandResult unit = must({"generate", "systemd", "shop"});
  EXPECT_NE(unit.out.find("WorkingDirectory=" + folder() + "/shop\n"), std::string::npos) << unit.out;
  EXPECT_NE(unit.out.find(" -p shop -f " + path("docker-compose.yml") + " up -d --wait\n"), std::string::npos)
      << unit.out;
  EXPECT_EQ(run({"generate", "systemd", "nothing"}).code, 1);
}

// With a program in place of ssh that runs the command on this machine.
TEST_F(Upkeep, AnEngineOfAnotherMachineIsReachedBySsh) {
  project(
      "shop",
      "services:\n  web: { image: debian:bookworm-slim, command: sleep infinity, stop_signal: SIGKILL }\n");
  write("bin/ssh", "#!/bin/sh\necho \"$@\" >>" + path("asked") +
                       "\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexport STACK_ROOT=" +
                       stack().root() + " STACK_RUN_ROOT=" + stack().run_root() +
                       " PATH=" + program_folder() + ":/usr/bin:/bin\nexec \"$@\"\n");
  ASSERT_EQ(::chmod(path("bin/ssh").c_str(), 0755), 0);
  std::map<std::string, std::string> env{{"PATH", path("bin") + ":/usr/bin:/bin"}};
  must({"-H", "ssh://me@server:2222", "up", "-d"}, env);
  EXPECT_EQ(container("web").state, "running");
  EXPECT_EQ(must({"-H", "ssh://me@server", "exec", "-T", "web", "echo", "hello"}, env).out, "hello\n");
  env["STACK_HOST"] = "ssh://server";
  EXPECT_NE(must({"ps"}, env).out.find("shop-web-1"), std::string::npos);
  EXPECT_TRUE(read_file(path("asked"))->starts_with("-T -p 2222 -l me -- server stack __dial\n"));
  CommandResult wrong = run({"-H", "tcp://server", "ps"});
  EXPECT_EQ(wrong.code, 2) << wrong.text();
}

TEST_F(Upkeep, ResetRemovesEverythingAfterOneQuestion) {
  project("shop", R"(
services:
  web: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, volumes: ["data:/data"] }
volumes: { data: }
)");
  must({"up", "-d"});
  CommandResult unasked = run({"system", "reset"});
  EXPECT_EQ(unasked.code, 1);
  EXPECT_NE(unasked.err.find("1 container, 1 network, 1 volume with all data"), std::string::npos)
      << unasked.text();
  EXPECT_EQ(container("web").state, "running");
  CommandResult shown = must({"--dry-run", "system", "reset"});
  EXPECT_NE(shown.out.find("would remove 1 container"), std::string::npos);
  must({"system", "reset", "--force"});
  EXPECT_EQ(must({"ls", "-aq"}).out, "");
  EXPECT_EQ(must({"image", "ls", "-q"}).out, "");
  EXPECT_EQ(must({"volume", "ls", "-q"}).out, "");
}

TEST_F(Upkeep, PruneReportsWhatItWouldRemove) {
  project("old", R"(
services:
  web: { image: "app:1", volumes: ["/data"] }
)");
  make_image("app:1", true);
  must({"up", "-d"});
  const std::string volume = must({"volume", "ls", "-q"}).out;
  ASSERT_GE(volume.size(), 64U);
  must({"stop"});
  const std::string id = container("web").id;
  CommandResult report = must({"--dry-run", "system", "prune", "-a", "--volumes"});
  // Also the objects that only the stopped container uses.
  for (const std::string& text :
       {std::string("Would delete Containers:\n") + id, std::string("old_default"), volume.substr(0, 64),
        std::string("untagged: app:1"), std::string("Would delete build cache objects:"),
        std::string("Space that would be reclaimed: ")})
    EXPECT_NE(report.out.find(text), std::string::npos) << text << "\n" << report.text();
  EXPECT_EQ(container("web").id, id);
  EXPECT_EQ(must({"volume", "ls", "-q"}).out, volume);
  EXPECT_EQ(must({"--dry-run", "system", "prune", "-a", "--volumes"}).out, report.out)
      << "nothing was removed";
  EXPECT_EQ(must({"--dry-run", "image", "prune"}).out.find("app:1"), std::string::npos) << "it has a name";
  EXPECT_EQ(must({"--dry-run", "volume", "prune"}).out.find(volume.substr(0, 64)), std::string::npos)
      << "it is used";
  EXPECT_NE(must({"--dry-run", "builder", "prune", "-a"}).out.find("Would delete"), std::string::npos);
  must({"rm", "-f"});
  EXPECT_NE(must({"--dry-run", "volume", "prune"}).out.find(volume.substr(0, 64)), std::string::npos);
  EXPECT_NE(must({"--dry-run", "network", "prune"}).out.find("old_default"), std::string::npos);
  must({"volume", "prune", "-f"});
  EXPECT_EQ(must({"volume", "ls", "-q"}).out, "");
}

TEST_F(Upkeep, AStopThatTakesLongStatesTheReason) {
  project("deaf", R"(
services:
  deaf:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_grace_period: 2s
  fine:
    image: debian:bookworm-slim
    command: sleep infinity
    init: true
)");
  must({"up", "-d"});
  CommandResult stopped = must({"stop"});
  EXPECT_NE(
      stopped.err.find("container deaf-deaf-1 was killed after 2 s, because its first process has no handler "
                       "for SIGTERM; set `init: true`"),
      std::string::npos)
      << stopped.text();
  EXPECT_EQ(stopped.err.find("deaf-fine-1 was killed"), std::string::npos) << stopped.text();
}

TEST_F(Upkeep, ListsPrintJson) {
  project("shop", kShop);
  make_image("app:1", true);
  must({"up", "-d"});
  const std::vector<std::vector<std::string>> lists{{"ls"},
                                                    {"ps"},
                                                    {"images"},
                                                    {"volumes"},
                                                    {"top"},
                                                    {"stats", "--no-stream"},
                                                    {"doctor"},
                                                    {"image", "ls"},
                                                    {"network", "ls"},
                                                    {"volume", "ls"},
                                                    {"system", "df"},
                                                    {"engine", "status"},
                                                    {"plan"},
                                                    {"config"},
                                                    {"version"},
                                                    {"image", "history", "app:1"}};
  for (std::vector<std::string> list : lists) {
    list.insert(list.end(), {"--format", "json"});
    CommandResult result = run(list);
    EXPECT_EQ(result.code, 0) << list[0] << result.text();
    // One value, or one per line.
    bool whole = parse_json(result.out).has_value();
    bool lines = result.out.empty() || parse_json(result.out.substr(0, result.out.find('\n'))).has_value();
    EXPECT_TRUE(whole || lines) << list[0] << result.text();
  }
  EXPECT_EQ(run({"top", "--format", "xml"}).code, 2);
}

}  // namespace
}  // namespace stack::e2e
