// Deployments on a real swarm of two nodes.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "relay.h"
#include "swarm_nodes.h"

namespace stack::beyond {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// The project's configs or secrets.
std::string names_of(SwarmNodes& nodes, const std::string& kind) {
  std::string out;
  Json list = nodes.get(1, "/" + kind);
  for (const Json& one : list)
    if (string_or(one["Spec"]["Labels"], "com.docker.stack.namespace") == "shop")
      out += string_or(one["Spec"], "Name") + " ";
  return out;
}

constexpr const char* kSleep =
    "    image: debian:bookworm-slim\n    init: true\n    command: sleep infinity\n";

TEST_F(SwarmTest, SecondDeploymentChangesNothingAndDownLeavesNothing) {
  project(
      "services:\n  web:\n" + std::string(kSleep) +
          "    environment: {A: one}\n    configs: [{source: motd, target: /etc/motd}]\n"
          "    secrets: [{source: key, uid: '1000', mode: 0400}]\n    sysctls: {net.core.somaxconn: 200}\n"
          "    ulimits: {nofile: 4096}\n    cap_drop: [NET_RAW]\n    stop_grace_period: 3s\n"
          "    extra_hosts: ['gate=10.1.1.1']\n    deploy: {replicas: 2, resources: {limits: {memory: "
          "64M}}}\n"
          "configs: {motd: {content: hello}}\nsecrets: {key: {file: ./key}}\n",
      {{"key", "abc"}});
  must({"deploy"});
  EXPECT_NE(must({"plan"}).out.find("nothing to do"), std::string::npos);
  EXPECT_EQ(running("web").size(), 2u);
  EXPECT_EQ(inside("shop", "web",
                   {"sh", "-c", "cat /etc/motd /run/secrets/key; stat -c ' %u %a' /run/secrets/key"}),
            "helloabc 1000 400\n");
  EXPECT_EQ(
      inside("shop", "web", {"sh", "-c", "getent hosts gate; ulimit -n; cat /proc/sys/net/core/somaxconn"}),
      "10.1.1.1        gate\n4096\n200\n");
  EXPECT_NE(nodes().docker(1, {"stack", "ps", "shop"}).out.find("shop_web.1"), std::string::npos);
  must({"down"});
  EXPECT_EQ(
      nodes().docker(1, {"network", "ls", "-q", "--filter", "label=com.docker.stack.namespace=shop"}).out,
      "");
  std::vector<std::string> left{"ps", "-aq", "--filter", "label=com.docker.stack.namespace=shop"};
  EXPECT_EQ(nodes().docker(1, left).out, "");
  // Other nodes remove their containers just after they have stopped.
  for (int i = 0; i < 20 && !nodes().docker(2, left).out.empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(nodes().docker(2, left).out, "");
  EXPECT_EQ(names_of(nodes(), "configs") + names_of(nodes(), "secrets"), "");
}

TEST_F(SwarmTest, EditedConfigRollsOutAndRemovedServicesArePruned) {
  std::string yaml = "services:\n  web:\n" + std::string(kSleep) +
                     "    configs: [{source: page, target: /page}]\n  old:\n" + kSleep +
                     "configs: {page: {file: ./page}}\n";
  project(yaml, {{"page", "first"}});
  must({"deploy"});
  EXPECT_EQ(inside("shop", "web", {"cat", "/page"}), "first");
  std::string before = names_of(nodes(), "configs");
  project("services:\n  web:\n" + std::string(kSleep) +
              "    configs: [{source: page, target: /page}]\nconfigs: {page: {file: ./page}}\n",
          {{"page", "second"}});
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.exit_code, 2);
  EXPECT_NE(plan.out.find("change service shop_web"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("remove service shop_old  not in the files"), std::string::npos) << plan.out;
  must({"deploy"});
  EXPECT_EQ(inside("shop", "web", {"cat", "/page"}), "second");
  std::string after = names_of(nodes(), "configs");
  EXPECT_NE(before, after);
  EXPECT_EQ(std::count(after.begin(), after.end(), ' '), 1) << after;
  EXPECT_TRUE(running("old").empty());
}

TEST_F(SwarmTest, TheExitCodeIsThatOfTheFailedOneShot) {
  project(
      "services:\n  migrate:\n    image: debian:bookworm-slim\n"
      "    command: sh -c 'echo no such table; exit 4'\n  web:\n" +
      std::string(kSleep) + "    depends_on: {migrate: {condition: service_completed_successfully}}\n");
  CommandResult failed = run({"deploy"});
  EXPECT_EQ(failed.exit_code, 4) << failed.out;
  EXPECT_NE(failed.out.find("compose.yaml:2:3: service migrate: exited with code 4"), std::string::npos)
      << failed.out;
  EXPECT_NE(failed.out.find("no such table"), std::string::npos) << failed.out;
  EXPECT_TRUE(running("web").empty());
  // The next deployment repeats it.
  CommandResult again = run({"plan"});
  EXPECT_NE(again.out.find("failed last time"), std::string::npos) << again.out;
}

TEST_F(SwarmTest, AnUnknownImageFailsWithTheSwarmsWordsAndRollsBack) {
  std::string base =
      "services:\n  web:\n    init: true\n    command: sleep infinity\n"
      "    deploy: {update_config: {order: start-first, failure_action: rollback, monitor: 2s}}\n";
  project(base + "    image: debian:bookworm-slim\n");
  must({"deploy"});
  project(base + "    image: " + nodes().registry() + "/no/such:1\n");
  auto begin = steady_clock::now();
  CommandResult failed = run({"deploy"});
  EXPECT_LT(steady_clock::now() - begin, seconds(60));
  EXPECT_EQ(failed.exit_code, 1) << failed.out;
  EXPECT_NE(failed.out.find("No such image"), std::string::npos) << failed.out;
  EXPECT_NE(failed.out.find("rolled back"), std::string::npos) << failed.out;
  EXPECT_EQ(running("web").size(), 1u);
}

TEST_F(SwarmTest, ANetworkThatCannotBeChangedIsReplaced) {
  std::string base =
      "services:\n  web:\n" + std::string(kSleep) + "    networks: [back]\nnetworks:\n  back:\n";
  project(base + "    internal: false\n");
  must({"deploy"});
  project(base + "    internal: true\n");
  EXPECT_NE(run({"plan"}).out.find("replace network shop_back"), std::string::npos);
  must({"deploy"});
  EXPECT_EQ(nodes().docker(1, {"network", "inspect", "-f", "{{.Internal}}", "shop_back"}).out, "true\n");
  EXPECT_EQ(running("web").size(), 1u);
}

TEST_F(SwarmTest, VolumesKeepTheirNodeAndTheirData) {
  project("services:\n  db:\n" + std::string(kSleep) + "    volumes: [data:/data]\n  reader:\n" + kSleep +
          "    volumes: [data:/data:ro]\nvolumes: {data: {}}\n");
  CommandResult first = must({"deploy"});
  EXPECT_NE(first.out.find("is on the disk of node"), std::string::npos) << first.out;
  inside("shop", "db", {"sh", "-c", "echo kept > /data/file"});
  EXPECT_EQ(inside("shop", "reader", {"cat", "/data/file"}), "kept\n");
  must({"down"});
  CommandResult second = must({"deploy"});
  EXPECT_EQ(second.out.find("is on the disk of node"), std::string::npos) << second.out;
  EXPECT_EQ(inside("shop", "reader", {"cat", "/data/file"}), "kept\n");
}

TEST_F(SwarmTest, CommandsAndLogsReachTasksAndFaultsAreExplained) {
  std::string role = "    deploy: {placement: {constraints: [node.role == ";
  project("services:\n  near:\n    image: debian:bookworm-slim\n    init: true\n" +
          std::string("    command: sh -c 'echo hello; exec sleep infinity'\n") + role +
          "manager]}}\n  far:\n" + kSleep + role + "worker]}}\n");
  must({"deploy"});
  CommandResult done = run({"exec", "-T", "-e", "A=7", "near", "sh", "-c", "echo out; exit $A"});
  EXPECT_EQ(done.exit_code, 7) << done.out;
  EXPECT_EQ(done.out, "out\n");
  CommandResult far = run({"exec", "-T", "far", "true"});
  EXPECT_EQ(far.exit_code, 1);
  EXPECT_NE(far.out.find("service far runs on node2"), std::string::npos) << far.out;
  EXPECT_NE(run({"logs", "near"}).out.find("shop_near.1  | hello"), std::string::npos);
  CommandResult worker = run({"ps"}, {{"DOCKER_HOST", nodes().host(2)}});
  EXPECT_EQ(worker.exit_code, 1);
  EXPECT_NE(worker.out.find("is a worker of its swarm"), std::string::npos) << worker.out;
  EXPECT_NE(run({"logs", "nobody"}).out.find("no such service: nobody; the project has far, near"),
            std::string::npos);
}

TEST_F(SwarmTest, ObjectsOfOthersAreNotTouched) {
  project("services:\n  web:\n" + std::string(kSleep) +
          "    networks: [out]\nnetworks: {out: {external: true}}\n");
  CommandResult missing = run({"deploy"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_NE(missing.out.find("the external network out does not exist in the swarm"), std::string::npos)
      << missing.out;
  EXPECT_EQ(nodes()
                .docker(1, {"service", "create", "-d", "--no-resolve-image", "--replicas", "0", "--name",
                            "shop_web", "debian:bookworm-slim"})
                .exit_code,
            0);
  project("services:\n  web:\n" + std::string(kSleep));
  CommandResult taken = run({"deploy"});
  EXPECT_EQ(taken.exit_code, 1);
  EXPECT_NE(
      taken.out.find("compose.yaml:2:3: service web: the service shop_web exists already and is not managed"),
      std::string::npos)
      << taken.out;
  EXPECT_EQ(nodes().docker(1, {"service", "rm", "shop_web"}).exit_code, 0);
}

TEST_F(SwarmTest, LsShowsTheProjectsOfEveryTargetAndTellsWhichDoNotAnswer) {
  project("services:\n  web:\n" + std::string(kSleep));
  must({"deploy"});
  EXPECT_NE(must({"ls"}).out.find("shop"), std::string::npos);
  auto row = parse_json(must({"ls", "--format", "json"}).out);
  ASSERT_TRUE(row);
  EXPECT_EQ((*row)[0]["Status"], "running(1)") << row->dump();
  // Without a target: those of this machine, and of the clusters to which there were deployments.
  std::map<std::string, std::string> all{{"STACK_TARGET", ""}, {"DOCKER_HOST", ""}};
  CommandResult listed = must({"ls"}, all);
  EXPECT_NE(listed.out.find("swarm (" + nodes().host(1) + ")"), std::string::npos) << listed.out;
  // One cluster refuses connections, another one never answers.
  Silence silence;
  std::string file = nodes().engine().at("XDG_STATE_HOME") + "/stack/clusters.json";
  auto known = parse_json(read_file(file).value());
  ASSERT_TRUE(known);
  for (const std::string& address :
       {std::string("tcp://127.0.0.1:1"), "tcp://127.0.0.1:" + std::to_string(silence.port())})
    known->push_back({{"target", "swarm"},
                      {"place", address},
                      {"options", {"--host", address}},
                      {"variables", Json::object()},
                      {"projects", {"other"}}});
  ASSERT_TRUE(write_file(file, known->dump()));
  auto begin = steady_clock::now();
  CommandResult told = must({"ls"}, all);
  EXPECT_LT(steady_clock::now() - begin, seconds(10));
  EXPECT_NE(told.out.find("swarm (" + nodes().host(1) + ")"), std::string::npos) << told.out;
  EXPECT_NE(told.out.find("swarm (tcp://127.0.0.1:1): "), std::string::npos) << told.out;
  EXPECT_NE(told.out.find("no answer within "), std::string::npos) << told.out;
  EXPECT_EQ(must({"ls", "--target", "local"}, all).out.find("swarm ("), std::string::npos);
  ASSERT_TRUE(write_file(file, "damaged"));
  EXPECT_NE(must({"ls"}, all).out.find("projects on clusters are not shown: "), std::string::npos);
  ASSERT_TRUE(write_file(file, "[]\n"));
  must({"deploy"});
  must({"down"});
  EXPECT_EQ(must({"ls", "-a"}, all).out.find("swarm ("), std::string::npos) << "down forgets the project";
}

TEST_F(SwarmTest, ImagesOfAPrivateRegistryArePulledWithTheCallersCredentials) {
  project("services:\n  web:\n    image: " + nodes().private_registry().image() +
          "\n    init: true\n    command: sleep infinity\n    deploy: {replicas: 2}\n");
  CommandResult refused = run({"deploy", "--wait-timeout", "60"});
  EXPECT_EQ(refused.exit_code, 1) << refused.out;
  EXPECT_NE(refused.out.find("service web: "), std::string::npos) << refused.out;
  must({"deploy", "--with-registry-auth"}, nodes().private_registry().login());
  EXPECT_EQ(running("web").size(), 2U);
}

// ssh(1) is a script that checks its words and runs the last ones with the manager's socket.
TEST_F(SwarmTest, TheManagerIsReachedOverSsh) {
  project("services:\n  web:\n" + std::string(kSleep),
          {{"programs/ssh",
            "#!/bin/sh\necho \"$@\" >> words\ncase \"$*\" in\n*-p\\ 2222*me*manager*docker\\ system\\ "
            "dial-stdio) ;;\n"
            "*) echo \"unexpected words: $*\" >&2; exit 255 ;;\nesac\n"
            "DOCKER_HOST=" +
                nodes().host(1) + " exec docker system dial-stdio\n"}});
  ASSERT_EQ(::chmod((folder + "/programs/ssh").c_str(), 0755), 0);
  std::map<std::string, std::string> over_ssh{{"DOCKER_HOST", "ssh://me@manager:2222"},
                                              {"PATH", folder + "/programs:" + nodes().path()}};
  must({"deploy"}, over_ssh);
  EXPECT_NE(must({"ps"}, over_ssh).out.find("shop_web.1"), std::string::npos);
  EXPECT_NE(must({"ls"}, over_ssh).out.find("shop"), std::string::npos);
  must({"down"}, over_ssh);
  EXPECT_FALSE(read_file(folder + "/words").value_or("").empty());
}

TEST_F(SwarmTest, ReplicasOfAKilledNodeComeBack) {
  project("services:\n  web:\n" + std::string(kSleep) + "    deploy: {replicas: 4}\n");
  must({"deploy"});
  ASSERT_EQ(running("web").size(), 4u);
  auto begin = steady_clock::now();
  nodes().kill_node(2);
  size_t on_first = 0;
  while (on_first < 4 && steady_clock::now() - begin < seconds(90)) {
    on_first = 0;
    for (const Json& task : running("web"))
      if (string_or(task, "Node") == "node1") ++on_first;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  auto taken = std::chrono::duration_cast<seconds>(steady_clock::now() - begin);
  RecordProperty("seconds", static_cast<int>(taken.count()));
  EXPECT_EQ(on_first, 4u);
  EXPECT_LE(taken, seconds(60));
  // `down` does not wait for the node that is down.
  begin = steady_clock::now();
  must({"down"});
  EXPECT_LT(steady_clock::now() - begin, seconds(60));
  nodes().start_node(2);
  EXPECT_TRUE(nodes().wait_node(2));
}

}  // namespace
}  // namespace stack::beyond
