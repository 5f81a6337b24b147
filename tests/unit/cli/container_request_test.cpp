// The options of `docker run` and their request body, as sent by Docker's client.
#include <gtest/gtest.h>

#include "cli/commands/docker/container_flags.h"
#include "cli/commands/docker/container_request.h"
#include "cli/commands/docker/mount_flag.h"
#include "cli/commands/docker/publish_flag.h"

namespace stack::cli::docker_cli {
namespace {

Session test_session() { return Session(Globals(), {{"HOME", "/home/a"}, {"TOKEN", "t"}}, "/work/here"); }

Result<Json> body_of(const std::vector<std::string>& words) {
  Arguments arguments, outer;
  Result<> parsed = parse_flags({container_flags(), {}, true}, words, arguments, outer);
  if (!parsed) return std::move(parsed).error();
  Session session = test_session();
  return container_body(session, arguments);
}

Json body(const std::vector<std::string>& words) {
  Result<Json> made = body_of(words);
  EXPECT_TRUE(made) << (made ? "" : made.error().text());
  return made ? *made : Json();
}

std::string refusal(const std::vector<std::string>& words) {
  Result<Json> made = body_of(words);
  return made ? "accepted: " + to_text(*made) : made.error().text();
}

TEST(DockerRun, ImageAndCommandFollowTheFlags) {
  Json made = body({"--rm", "-it", "debian", "sh", "-c", "ls -l"});
  EXPECT_EQ(made["Image"], "debian");
  EXPECT_EQ(made["Cmd"], Json({"sh", "-c", "ls -l"}));
  EXPECT_EQ(made["Tty"], true);
  EXPECT_EQ(made["OpenStdin"], true);
  EXPECT_EQ(made["StdinOnce"], true);
  EXPECT_EQ(made["HostConfig"]["AutoRemove"], true);
}

TEST(DockerRun, StreamsFollowAttachAndInteractive) {
  Json plain = body({"debian"});
  EXPECT_EQ(plain["AttachStdin"], false);
  EXPECT_EQ(plain["AttachStdout"], true);
  Json chosen = body({"-a", "STDERR", "debian"});
  EXPECT_EQ(chosen["AttachStdout"], false);
  EXPECT_EQ(chosen["AttachStderr"], true);
  EXPECT_NE(refusal({"-a", "fd3", "debian"}).find("valid streams are STDIN, STDOUT and STDERR"),
            std::string::npos);
}

TEST(DockerRun, EnvironmentWithoutAValueUsesTheCallers) {
  EXPECT_EQ(body({"-e", "A=1", "-e", "TOKEN", "-e", "MISSING", "x"})["Env"], Json({"A=1", "TOKEN=t"}));
}

TEST(DockerRun, EmptyEntrypointClearsTheImages) {
  EXPECT_EQ(body({"--entrypoint", "", "x"})["Entrypoint"], Json({""}));
  EXPECT_EQ(body({"--entrypoint", "/bin/sh", "x"})["Entrypoint"], Json({"/bin/sh"}));
  EXPECT_FALSE(body({"x"}).contains("Entrypoint"));
}

struct PublishCase {
  const char* text;
  const char* bindings;
};

TEST(DockerRun, PublishedPorts) {
  const PublishCase cases[] = {
      {"80", R"({"80/tcp":[{"HostIp":"","HostPort":""}]})"},
      {"8080:80", R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}]})"},
      {"8080:80/UDP", R"({"80/udp":[{"HostIp":"","HostPort":"8080"}]})"},
      {"127.0.0.1:8080:80", R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]})"},
      {"127.0.0.1::80", R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":""}]})"},
      {"[::1]:8080:80", R"({"80/tcp":[{"HostIp":"::1","HostPort":"8080"}]})"},
      {"8000-8001:80-81",
       R"({"80/tcp":[{"HostIp":"","HostPort":"8000"}],"81/tcp":[{"HostIp":"","HostPort":"8001"}]})"},
      {"8000-8010:80", R"({"80/tcp":[{"HostIp":"","HostPort":"8000-8010"}]})"},
  };
  for (const PublishCase& one : cases) {
    Json exposed = Json::object(), bindings = Json::object();
    Result<> parsed = parse_publish_flag(one.text, exposed, bindings);
    ASSERT_TRUE(parsed) << one.text << ": " << parsed.error().text();
    EXPECT_EQ(to_text(bindings), one.bindings) << one.text;
    EXPECT_EQ(exposed.size(), bindings.size());
  }
}

TEST(DockerRun, InvalidPortsAreRejectedWithDockersText) {
  const std::pair<const char*, const char*> cases[] = {
      {"x:y:z:w", "invalid IP address: x:y"},
      {"8080:", "no port specified: 8080:<empty>"},
      {"8080:0", "invalid containerPort: 0"},
      {"70000:80", "invalid hostPort: 70000"},
      {"80/icmp", "invalid proto: icmp"},
      {"8000-8001:80-82", "invalid ranges specified for container and host Ports: 80-82 and 8000-8001"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(refusal({"-p", text, "x"}), expected);
}

TEST(DockerRun, VolumesAreBindsOrAnonymous) {
  Json made = body({"-v", "/data", "-v", "named:/var", "-v", "./src:/app:ro", "--tmpfs", "/t:size=1m", "x"});
  EXPECT_EQ(made["Volumes"], Json::parse(R"({"/data":{}})"));
  EXPECT_EQ(made["HostConfig"]["Binds"], Json({"named:/var", "/work/here/src:/app:ro"}));
  EXPECT_EQ(made["HostConfig"]["Tmpfs"], Json::parse(R"({"/t":"size=1m"})"));
}

TEST(DockerRun, MountFlagIsACommaSeparatedRecord) {
  Result<Json> bind =
      parse_mount_flag("type=bind,\"source=./a,b\",target=/c,readonly,bind-propagation=rslave", "/here");
  ASSERT_TRUE(bind) << bind.error().text();
  EXPECT_EQ(*bind, Json::parse(R"({"Type":"bind","Source":"/here/a,b","Target":"/c","ReadOnly":true,
                                   "BindOptions":{"Propagation":"rslave"}})"));
  Result<Json> tmpfs = parse_mount_flag("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770", "/here");
  ASSERT_TRUE(tmpfs);
  EXPECT_EQ((*tmpfs)["TmpfsOptions"], Json::parse(R"({"SizeBytes":1048576,"Mode":1016})"));
  EXPECT_EQ(parse_mount_flag("type=foo", "/").error().text(),
            "invalid argument \"type=foo\" for \"--mount\" flag: target is required");
  EXPECT_NE(
      parse_mount_flag("type=bind,target=/a,color=red", "/").error().text().find("unexpected key 'color'"),
      std::string::npos);
}

TEST(DockerRun, NetworksAndTheirOptions) {
  Json none = body({"x"});
  EXPECT_EQ(none["HostConfig"]["NetworkMode"], "default");
  EXPECT_FALSE(none.contains("NetworkingConfig"));
  Json own = body({"--network", "back", "--network-alias", "db", "--ip", "10.0.0.9", "x"});
  EXPECT_EQ(own["HostConfig"]["NetworkMode"], "back");
  EXPECT_EQ(own["NetworkingConfig"]["EndpointsConfig"]["back"],
            Json::parse(R"({"Aliases":["db"],"IPAMConfig":{"IPv4Address":"10.0.0.9"}})"));
  Json two = body({"--network", "name=a,alias=x", "--network", "b", "x"});
  EXPECT_EQ(two["NetworkingConfig"]["EndpointsConfig"].size(), 2u);
  EXPECT_EQ(two["HostConfig"]["NetworkMode"], "a");
  EXPECT_EQ(body({"--link", "db:alias", "x"})["HostConfig"]["Links"], Json({"db:alias"}));
}

TEST(DockerRun, ResourcesInTheUnitsOfTheApi) {
  Json host = body({"-m", "64m", "--memory-swap", "-1", "--cpus", "1.5", "--ulimit", "nofile=10:20",
                    "--device-read-bps", "/dev/sda:1mb", "--shm-size", "1g", "x"})["HostConfig"];
  EXPECT_EQ(host["Memory"], 67108864);
  EXPECT_EQ(host["MemorySwap"], -1);
  EXPECT_EQ(host["NanoCpus"], 1500000000);
  EXPECT_EQ(host["ShmSize"], 1073741824);
  EXPECT_EQ(host["Ulimits"], Json::parse(R"([{"Name":"nofile","Soft":10,"Hard":20}])"));
  EXPECT_EQ(host["BlkioDeviceReadBps"], Json::parse(R"([{"Path":"/dev/sda","Rate":1048576}])"));
  EXPECT_EQ(refusal({"-m", "3x", "y"}), "invalid argument \"3x\" for \"--memory\" flag: invalid suffix: 'x'");
}

TEST(DockerRun, UnknownNamespaceModesAreRefused) {
  EXPECT_EQ(refusal({"--pid", "nonsense", "x"}), "--pid: invalid PID mode");
  EXPECT_EQ(refusal({"--uts", "private", "x"}), "--uts: invalid UTS mode");
  EXPECT_EQ(body({"--pid", "container:db", "x"})["HostConfig"]["PidMode"], "container:db");
}

TEST(DockerRun, RestartAndRemovalCannotBeCombined) {
  EXPECT_EQ(body({"--restart", "on-failure:3", "x"})["HostConfig"]["RestartPolicy"],
            Json::parse(R"({"Name":"on-failure","MaximumRetryCount":3})"));
  EXPECT_EQ(refusal({"--restart", "always", "--rm", "x"}),
            "conflicting options: cannot specify both --restart and --rm");
  EXPECT_EQ(refusal({"--restart", "on-failure:many", "x"}),
            "invalid restart policy format: maximum retry count must be an integer");
}

TEST(DockerRun, HealthFlags) {
  Json health =
      body({"--health-cmd", "true", "--health-interval", "2s", "--health-retries", "4", "x"})["Healthcheck"];
  EXPECT_EQ(health, Json::parse(R"({"Test":["CMD-SHELL","true"],"Interval":2000000000,"Retries":4})"));
  EXPECT_EQ(body({"--no-healthcheck", "x"})["Healthcheck"]["Test"], Json({"NONE"}));
  EXPECT_EQ(refusal({"--no-healthcheck", "--health-cmd", "true", "x"}),
            "--no-healthcheck conflicts with --health-* options");
}

}  // namespace
}  // namespace stack::cli::docker_cli
