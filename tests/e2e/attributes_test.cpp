// Attributes of services, each checked from inside the container.
#include <unistd.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Attributes : public Scenario {
 protected:
  // A sleeping service "app" with these lines, and additional text.
  void app(const std::string& lines, const std::string& rest = "") {
    project(
        "attributes",
        "services:\n  app:\n    image: debian:bookworm-slim\n    command: sleep infinity\n    stop_signal: "
        "SIGKILL\n" +
            lines + rest);
  }
  std::string sh(const std::string& script) { return inside("app", script); }
};

TEST_F(Attributes, VolumesWithTheirOptions) {
  app(R"(
    volumes:
      - { type: bind, source: ./made, target: /made, bind: { create_host_path: true } }
      - { type: bind, source: ./shared, target: /slave, bind: { propagation: rslave } }
      - { type: bind, source: ./shared, target: /peer, bind: { propagation: rshared } }
      - { type: bind, source: ./outer, target: /outer, bind: { recursive: disabled } }
      - { type: volume, source: data, target: /etc, volume: { nocopy: true } }
      - { type: volume, source: parts, target: /part, volume: { subpath: inner } }
      - { type: tmpfs, target: /small, tmpfs: { size: 1m, mode: 01770 } }
      - { type: image, source: debian:bookworm-slim, target: /img, image: { subpath: usr/lib } }
  seed:
    image: debian:bookworm-slim
    command: sh -c 'mkdir -p /all/inner && echo deep > /all/inner/file'
    volumes: ["parts:/all"]
)",
      "volumes:\n  data:\n  parts:\n");
  write("outer/file", "outer\n");
  write("shared/mounted/x", "");
  ASSERT_EQ(run_command({"mount", "--bind", path("shared"), path("shared")}).code, 0);
  ASSERT_EQ(run_command({"mount", "--make-shared", path("shared")}).code, 0);
  must({"up", "-d", "seed"});
  ASSERT_TRUE(eventually(10s, [&] { return container("seed").state == "exited"; }));
  must({"up", "-d", "app"});
  ASSERT_EQ(run_command({"mount", "-t", "tmpfs", "tmpfs", path("shared/mounted")}).code, 0);
  EXPECT_EQ(sh("grep -cE ' /(slave|peer)/mounted ' /proc/self/mountinfo"), "2")
      << "mounts of the host arrive";
  EXPECT_EQ(run_command({"umount", "-R", path("shared")}).code, 0);
  EXPECT_TRUE(is_directory(path("made")));
  EXPECT_EQ(sh("cat /outer/file"), "outer");
  EXPECT_EQ(sh("ls /etc | grep -vE '^(hosts|hostname|resolv.conf)$' | wc -l"), "0") << "nocopy";
  EXPECT_EQ(sh("cat /part/file"), "deep");
  EXPECT_EQ(sh("stat -c %a /small; df -k --output=size /small | tail -1 | tr -d ' '"), "1770\n1024");
  EXPECT_EQ(sh("test -e /img/os-release && touch /img/x 2>&1 | grep -c 'Read-only'"), "1");
  Json shown = stack().api("GET", "/containers/" + container("app").id + "/json").body;
  bool image_shown = false;
  for (const Json& mount : shown["Mounts"])
    if (string_or(mount, "Destination") == "/img")
      image_shown = string_or(mount, "Type") == "image" && !bool_or(mount, "RW", true);
  EXPECT_TRUE(image_shown) << to_text(shown["Mounts"]);
}

TEST_F(Attributes, ReadOnlyBindsHaveTheConfiguredRecursion) {
  app(R"(
    volumes:
      - { type: bind, source: ./outer, target: /default, read_only: true }
      - { type: bind, source: ./outer, target: /all, read_only: true, bind: { recursive: readonly } }
      - { type: bind, source: ./outer, target: /top, read_only: true, bind: { recursive: writable } }
      - { type: bind, source: ./outer, target: /alone, bind: { recursive: disabled } }
)");
  write("outer/inner/x", "");
  ASSERT_EQ(run_command({"mount", "-t", "tmpfs", "tmpfs", path("outer/inner")}).code, 0);
  write("outer/inner/deep", "");
  must({"up", "-d"});
  auto can_write = [&](const std::string& file) {
    return sh("touch " + file + " 2>/dev/null && echo yes || echo no");
  };
  for (const char* mount : {"/default", "/all", "/top"})
    EXPECT_EQ(can_write(std::string(mount) + "/new"), "no") << mount;
  EXPECT_EQ(can_write("/default/inner/new"), "no");
  EXPECT_EQ(can_write("/all/inner/new"), "no");
  EXPECT_EQ(can_write("/top/inner/new"), "yes");
  EXPECT_EQ(sh("ls /top/inner /alone/inner"), "/alone/inner:\nx\n\n/top/inner:\ndeep\nnew");
  must({"down"});
  EXPECT_EQ(run_command({"umount", path("outer/inner")}).code, 0);
}

TEST_F(Attributes, DeviceRulesOpenDevicesThatAreNotPassedIn) {
  app(R"(
    device_cgroup_rules: ["c 10:229 rwm"]
    cap_add: [MKNOD]
)");
  must({"up", "-d"});
  // 10:229 is /dev/fuse; no rule allows 10:237.
  sh("mknod /tmp/allowed c 10 229; mknod /tmp/other c 10 237; echo made");
  EXPECT_EQ(sh("head -c 0 < /tmp/allowed 2>&1 | grep -c 'not permitted'; true"), "0");
  EXPECT_EQ(sh("(head -c 0 < /tmp/other) 2>&1 | grep -c 'not permitted'; true"), "1");
}

TEST_F(Attributes, DownDoesNotRequireSecrets) {
  app("    secrets: [s]\n", "secrets:\n  s: { environment: E2E_SECRET }\n");
  must({"up", "-d"}, {{"E2E_SECRET", "x"}});
  for (const char* command : {"ps", "logs", "stop"}) must({command});
  must({"down"});
}

TEST_F(Attributes, ExternalLinksMustExist) {
  app("    external_links: [nobody-1:db]\n");
  CommandResult refused = run({"up", "-d"});
  EXPECT_EQ(refused.code, 1) << refused.text();
  EXPECT_NE(refused.err.find("container nobody-1 does not exist"), std::string::npos) << refused.text();
  EXPECT_NE(refused.err.find("docker-compose.yml:"), std::string::npos) << refused.text();
}

TEST_F(Attributes, ServicesThatAreNotAttachedAreNotShown) {
  project("att", R"(
services:
  loud:
    image: debian:bookworm-slim
    command: echo from-loud
  quiet:
    image: debian:bookworm-slim
    command: echo from-quiet
    attach: false
)");
  CommandResult up = run({"up"});
  EXPECT_EQ(up.code, 0) << up.text();
  EXPECT_NE(up.text().find("from-loud"), std::string::npos) << up.text();
  EXPECT_EQ(up.text().find("from-quiet"), std::string::npos) << up.text();
  EXPECT_NE(run({"logs"}).text().find("from-quiet"), std::string::npos);
}

TEST_F(Attributes, ConfigsAndSecretsFromEverySource) {
  app(R"(
    configs:
      - { source: from_file, target: /f, uid: "11", gid: "12", mode: 0640 }
      - { source: from_content, target: /c, mode: 0400 }
      - { source: from_environment, target: /e, uid: "13" }
    secrets:
      - { source: hidden, uid: "14", mode: 0440 }
      - from_env
)",
      R"(
configs:
  from_file: { file: ./file.txt }
  from_content: { content: "in the file" }
  from_environment: { environment: FROM_OUTSIDE }
secrets:
  hidden: { file: ./file.txt }
  from_env: { environment: FROM_OUTSIDE }
)");
  write("file.txt", "file\n");
  must({"up", "-d"}, {{"FROM_OUTSIDE", "outside"}});
  EXPECT_EQ(sh("stat -c '%u:%g %a' /f /c /e /run/secrets/hidden /run/secrets/from_env"),
            "11:12 640\n0:0 400\n13:0 444\n14:0 440\n0:0 444");
  EXPECT_EQ(sh("cat /f /run/secrets/hidden; cat /c; echo; cat /e; echo; cat /run/secrets/from_env"),
            "file\nfile\nin the file\noutside\noutside");
}

TEST_F(Attributes, NamespacesAreSharedAsConfigured) {
  app(R"(
    hostname: leader
    ipc: shareable
  net: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, network_mode: "service:app", ipc: "service:app", pid: "service:app" }
  named: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, network_mode: "container:attributes-app-1", depends_on: [app] }
  host: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, network_mode: host, uts: host, ipc: host, pid: host, cgroup: host }
  none: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, network_mode: none }
)");
  must({"up", "-d"});
  auto space = [&](const std::string& service, const std::string& kind) {
    return inside(service, "readlink /proc/self/ns/" + kind);
  };
  for (const char* kind : {"net", "ipc", "pid"}) EXPECT_EQ(space("net", kind), space("app", kind)) << kind;
  EXPECT_EQ(space("named", "net"), space("app", "net"));
  EXPECT_NE(space("none", "net"), space("app", "net"));
  EXPECT_EQ(inside("none", "ls /sys/class/net"), "lo");
  for (const char* kind : {"net", "ipc", "pid", "uts", "cgroup"}) {
    char own[64] = {};
    ASSERT_GT(::readlink(("/proc/" + std::to_string(stack().engine_pid()) + "/ns/" + kind).c_str(), own, 63),
              0);
    EXPECT_EQ(space("host", kind), own) << kind;
  }
}

TEST_F(Attributes, LimitsAndKernelSettings) {
  app(R"(
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 64m
    cpus: 0.5
    cpuset: "0"
    cpu_shares: 512
    pids_limit: 50
    shm_size: 8m
    oom_score_adj: 300
    ulimits: { nofile: { soft: 100, hard: 200 }, nproc: 300 }
    sysctls: { net.core.somaxconn: 77, kernel.msgmax: 8000 }
    devices: ["/dev/null:/dev/mine:rw", "/dev/zero"]
    device_cgroup_rules: ["c 10:200 rwm"]
    group_add: ["4321"]
    init: true
)");
  must({"up", "-d"});
  EXPECT_EQ(
      sh("cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"),
      "67108864");
  EXPECT_EQ(sh("cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max"), "50");
  EXPECT_EQ(sh("cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max"),
            "50000");
  EXPECT_EQ(sh("grep Cpus_allowed_list /proc/self/status | cut -f2"), "0");
  EXPECT_EQ(sh("df -k --output=size /dev/shm | tail -1 | tr -d ' '"), "8192");
  EXPECT_EQ(sh("cat /proc/1/oom_score_adj"), "300");
  EXPECT_EQ(sh("ulimit -Sn; ulimit -Hn; grep 'Max processes' /proc/1/limits | tr -s ' ' | cut -d' ' -f3"),
            "100\n200\n300");
  EXPECT_EQ(sh("cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax"), "77\n8000");
  EXPECT_EQ(sh("echo x > /dev/mine && head -c1 /dev/zero | wc -c"), "1");
  EXPECT_EQ(sh("id -G | grep -wc 4321"), "1");
  EXPECT_NE(file_in(container("app"), "/proc/1/cmdline").substr(0, 5), "sleep") << "an init is there";
}

TEST_F(Attributes, SecurityOptions) {
  app(R"(
    security_opt: ["no-new-privileges:true", "seccomp:./seccomp.json"]
    cap_drop: [ALL]
    cap_add: [CHOWN]
  open:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    security_opt: ["systempaths=unconfined", "seccomp=unconfined"]
    userns_mode: host
)");
  write(
      "seccomp.json",
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]})");
  must({"up", "-d"});
  EXPECT_EQ(sh("grep -E 'NoNewPrivs|CapEff' /proc/1/status | cut -f2"), "0000000000000001\n1");
  EXPECT_EQ(sh("mkdir /x 2>&1 | grep -c 'not permitted'"), "1") << "the file's profile";
  EXPECT_EQ(inside("open",
                   "grep -c ' /proc/sys \\| /proc/kcore ' /proc/self/mountinfo; grep Seccomp: /proc/1/status "
                   "| cut -f2"),
            "0\n0");
}

TEST_F(Attributes, LabelsHooksAndStopSettings) {
  app(R"(
    label_file: ./labels
    labels: { b: own }
    annotations: { note: kept }
    post_start: [{ command: ["sh", "-c", "echo $$HOOK $$(id -u) $$(pwd) > /tmp/started"], user: "99", working_dir: /tmp, environment: { HOOK: one } }]
    pre_stop: [{ command: ["sh", "-c", "echo bye > /kept/stopped"] }]
    volumes: ["./kept:/kept"]
    stop_grace_period: 1500ms
    attach: false
    pull_policy: never
    links: ["db:database"]
  db: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL }
)");
  write("labels", "a=1\nb=2\n");
  write("kept/x", "");
  must({"up", "-d"});
  Json details = stack().api("GET", "/containers/" + container("app").id + "/json").body;
  EXPECT_EQ(details["Config"]["Labels"]["a"], "1");
  EXPECT_EQ(details["Config"]["Labels"]["b"], "own");
  EXPECT_EQ(details["Config"]["StopTimeout"], 2);
  EXPECT_EQ(details["HostConfig"]["Annotations"]["note"], "kept");
  EXPECT_EQ(sh("cat /tmp/started"), "one 99 /tmp");
  EXPECT_EQ(sh("getent hosts database | cut -d' ' -f1"), address("db"));
  must({"stop", "app"});
  EXPECT_EQ(read_file(path("kept/stopped")).value_or(""), "bye\n");
}

TEST_F(Attributes, DependenciesRestartWithTheirDependencyAndOptionalOnesMayFail) {
  app(R"(
    depends_on:
      db: { condition: service_started, restart: true }
      broken: { condition: service_completed_successfully, required: false }
  db: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, environment: { A: "${A:-1}" } }
  broken: { image: "debian:bookworm-slim", command: "false" }
)");
  must({"up", "-d"});
  RunningContainer before = container("app");
  ASSERT_EQ(before.state, "running");
  must({"up", "-d"}, {{"A", "2"}});
  EXPECT_EQ(container("app").id, before.id);
  EXPECT_NE(container("app").pid, before.pid) << "restarted with db";
}

TEST_F(Attributes, UnsupportedSettingsAreReported) {
  app("    storage_opt: { size: 1G }\n");
  CommandResult refused = run({"up", "-d"});
  EXPECT_EQ(refused.code, 1) << refused.text();
  EXPECT_NE(refused.err.find("storage"), std::string::npos) << refused.text();
  app("    runtime: kata\n");
  refused = run({"up", "-d"});
  EXPECT_EQ(refused.code, 1) << refused.text();
  EXPECT_NE(refused.err.find("kata"), std::string::npos) << refused.text();
  app("    platform: linux/s390x\n");
  refused = run({"up", "-d"});
  EXPECT_EQ(refused.code, 1) << refused.text();
  EXPECT_NE(refused.err.find("s390x"), std::string::npos) << refused.text();
}

TEST_F(Attributes, DeployModesAndTheApiSocketWorkOnOneMachine) {
  app(R"(
    use_api_socket: true
    deploy: { mode: global, labels: { of: service } }
  job:
    image: debian:bookworm-slim
    command: sh -c 'echo run >> /kept/runs; test $$(wc -l < /kept/runs) -ge 2'
    volumes: ["./kept:/kept"]
    deploy:
      mode: replicated-job
      resources: { reservations: { cpus: "0.25" } }
      restart_policy: { condition: on-failure, delay: 50ms }
)");
  write("kept/x", "");
  must({"up", "-d", "--wait"});
  EXPECT_EQ(read_file(path("kept/runs")).value_or(""), "run\nrun\n") << "again after its failure, then done";
  EXPECT_EQ(container("job").state, "exited");
  EXPECT_EQ(
      stack().api("GET", "/containers/" + container("job").id + "/json").body["HostConfig"]["CpuShares"],
      256);
  must({"up", "-d"});
  EXPECT_EQ(read_file(path("kept/runs")).value_or(""), "run\nrun\n") << "a job that is done is not run again";
  EXPECT_EQ(sh("test -S /var/run/docker.sock && echo there"), "there");
}

}  // namespace
}  // namespace stack::e2e
