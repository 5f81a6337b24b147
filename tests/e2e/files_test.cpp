// Volumes, binds, tmpfs, configs, and secrets, as seen by the container's first process.
#include <sys/stat.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Files : public Scenario {
 protected:
  static struct stat stat_in(const RunningContainer& container, const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(("/proc/" + std::to_string(container.pid) + "/root" + path).c_str(), &info), 0) << path;
    return info;
  }
};

TEST_F(Files, VolumesOfAllKindsAreMounted) {
  example("volumes");
  must({"up", "-d", "--build"});
  RunningContainer app = container("app");
  ASSERT_GT(app.pid, 0);
  // Filled from the image, including owner and mode.
  EXPECT_EQ(file_in(app, "/named/seed"), "from the image\n");
  EXPECT_EQ(stat_in(app, "/named").st_uid, 1000U);
  EXPECT_EQ(stat_in(app, "/named").st_mode & 07777, 0750U);
  EXPECT_EQ(file_in(app, "/bind/readme.txt"), "A file of the host.\n");
  EXPECT_EQ(file_in(app, "/readme.txt"), "A file of the host.\n");
  EXPECT_EQ(
      inside("app",
             "stat -f -c %T /scratch; stat -c %a /scratch; stat -f -c %T /run/app; stat -c %a /run/app"),
      "tmpfs\n1777\ntmpfs\n700");
  EXPECT_EQ(inside("app", "df -k /scratch | awk 'NR==2{print $2}'"), "16384");
  // Only the intended paths are writable.
  EXPECT_EQ(
      inside(
          "app",
          "echo 1 > /named/a && echo 1 > /anonymous/a && echo 1 > /bind/a && echo 1 > /scratch/a && echo ok"),
      "ok");
  EXPECT_TRUE(path_exists(path("bind/a")));
  EXPECT_NE(inside("app", "echo 1 > /etc/x").find("Read-only"), std::string::npos);
  EXPECT_NE(inside("app", "echo 1 > /readme.txt").find("Read-only"), std::string::npos);
  // A host path that is not mounted does not exist in the container.
  EXPECT_EQ(file_in(app, path("docker-compose.yml")), "(missing)");
}

TEST_F(Files, NamedVolumeOutlivesDownButDownWithVolumesRemovesAnonymousOnes) {
  example("volumes");
  must({"up", "-d", "--build"});
  EXPECT_EQ(inside("app", "echo 1 > /named/mine && rm /named/seed && echo ok"), "ok");
  must({"down"});
  EXPECT_TRUE(path_exists(stack().root() + "/volumes/volumes_named/_data/mine"));
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "ls /named"), "mine") << "a volume with content is not filled again";
  must({"down", "-v"});
  EXPECT_FALSE(path_exists(stack().root() + "/volumes/volumes_named"));
  EXPECT_TRUE(stack().api("GET", "/volumes").body.value("Volumes", Json::array()).empty());
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "ls /named"), "seed");
}

TEST_F(Files, RecreatedContainerKeepsItsAnonymousVolume) {
  example("volumes");
  must({"up", "-d", "--build"});
  EXPECT_EQ(inside("app", "echo kept > /anonymous/x && echo ok"), "ok");
  must({"up", "-d", "--force-recreate"});
  EXPECT_EQ(inside("app", "cat /anonymous/x"), "kept");
  must({"up", "-d", "--force-recreate", "--renew-anon-volumes"});
  EXPECT_EQ(inside("app", "ls /anonymous"), "");
}

TEST_F(Files, ConfigsAndSecretsAreFilesWithTheirOwnersAndModes) {
  example("configs-secrets");
  must({"up", "-d"});
  RunningContainer app = container("app");
  EXPECT_EQ(file_in(app, "/etc/app/settings.ini"), "[app]\nworkers = 4\n");
  EXPECT_EQ(file_in(app, "/banner"), "Welcome to configs-secrets\n");
  EXPECT_EQ(file_in(app, "/run/secrets/db_password"), "correct horse battery staple\n");
  EXPECT_EQ(file_in(app, "/run/secrets/api-token"), "not-a-real-token");
  EXPECT_EQ(stat_in(app, "/run/secrets/api-token").st_uid, 1000U);
  EXPECT_EQ(stat_in(app, "/run/secrets/api-token").st_mode & 07777, 0400U);
  // No description of the container shows a secret's content.
  ApiAnswer details = stack().api("GET", "/containers/" + app.id + "/json");
  EXPECT_EQ(to_text(details.body).find("not-a-real-token"), std::string::npos);
}

TEST_F(Files, ChangedConfigContentRecreatesTheService) {
  example("configs-secrets");
  must({"up", "-d"});
  std::string before = container("app").id;
  must({"up", "-d"});
  EXPECT_EQ(container("app").id, before);
  write("settings.ini", "[app]\nworkers = 8\n");
  must({"up", "-d"});
  EXPECT_NE(container("app").id, before);
  EXPECT_EQ(file_in(container("app"), "/etc/app/settings.ini"), "[app]\nworkers = 8\n");
}

TEST_F(Files, LimitsUserAndEnvironmentReachTheProcess) {
  project("process", R"(
services:
  app:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    user: "1000:1001"
    working_dir: /var/tmp
    environment: {GREETING: "hello world"}
    env_file: [extra.env]
    ulimits: {nofile: {soft: 1000, hard: 2000}}
    mem_limit: 64m
    pids_limit: 50
    cap_drop: [ALL]
    read_only: true
    sysctls: {net.ipv4.ip_unprivileged_port_start: "80"}
    labels: {tier: back}
)");
  write("extra.env", "# comment\nFROM_FILE='quoted value'\n");
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "id -u; id -g; pwd; echo $GREETING; echo $FROM_FILE; ulimit -Sn; ulimit -Hn"),
            "1000\n1001\n/var/tmp\nhello world\nquoted value\n1000\n2000");
  EXPECT_EQ(inside("app", "grep -E '^Cap(Eff|Bnd|Inh)' /proc/1/status | awk '{print $2}' | sort -u"),
            "0000000000000000");
  EXPECT_EQ(inside("app", "grep ^Seccomp: /proc/1/status | awk '{print $2}'"), "2");
  EXPECT_EQ(inside("app", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "80");
  EXPECT_NE(inside("app", "touch /x").find("Read-only"), std::string::npos);
  EXPECT_EQ(inside("app", "ls /proc/self/fd | wc -w"), "4")
      << "0, 1, 2 and ls's own; nothing of ours leaks in";
}

}  // namespace
}  // namespace stack::e2e
