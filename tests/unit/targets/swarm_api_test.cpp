// The pure parts of the swarm's client: states, causes, and nodes of volumes.
#include <gtest/gtest.h>

#include "base/base64.h"
#include "orchestrator/targets/swarm/api/log_frames.h"
#include "orchestrator/targets/swarm/api/node_choice.h"
#include "orchestrator/targets/swarm/api/service_changes.h"
#include "orchestrator/targets/swarm/api/service_state.h"

namespace stack::targets::swarm {
namespace {

Json service_of(const Json& mode, const std::string& update = "") {
  Json service{{"ID", "s"},
               {"Spec",
                {{"Name", "p_web"},
                 {"Labels", {{"stack.service", "web"}}},
                 {"TaskTemplate", {{"ContainerSpec", {{"Image", "a:2"}}}, {"Runtime", "container"}}},
                 {"Mode", mode}}},
               {"ServiceStatus", {{"DesiredTasks", 2}, {"CompletedTasks", 0}}}};
  if (!update.empty()) service["UpdateStatus"] = {{"State", update}, {"Message", "update done"}};
  return service;
}

Json task_of(const std::string& state, const std::string& error = "", int code = 0,
             const std::string& image = "a:2", const std::string& desired = "running") {
  return {{"ID", "t"},
          {"ServiceID", "s"},
          {"Slot", 1},
          {"DesiredState", desired},
          {"Spec", {{"ContainerSpec", {{"Image", image}}}}},
          {"Status", {{"State", state}, {"Err", error}, {"ContainerStatus", {{"ExitCode", code}}}}}};
}

const Json kTwo{{"Replicated", {{"Replicas", 2}}}};
const Json kJob{{"ReplicatedJob", {{"MaxConcurrent", 1}, {"TotalCompletions", 1}}}};

TEST(ServiceState, IsReadyOnceAllTasksOfThisVersionRun) {
  EXPECT_EQ(judge_service(service_of(kTwo), {task_of("running"), task_of("running")}, true).phase,
            Phase::Ready);
  ServiceState half =
      judge_service(service_of(kTwo), {task_of("running"), task_of("running", "", 0, "a:1")}, true);
  EXPECT_EQ(half.phase, Phase::Waiting);
  EXPECT_EQ(half.text, "1 of 2 tasks are running");
  EXPECT_EQ(judge_service(service_of(kTwo, "updating"), {task_of("running"), task_of("running")}, true).phase,
            Phase::Waiting);
}

TEST(ServiceState, HasStartedBeforeItIsHealthy) {
  ServiceState state = judge_service(service_of(kTwo), {task_of("starting"), task_of("running")}, true);
  EXPECT_TRUE(state.started);
  EXPECT_FALSE(state.healthy);
}

TEST(ServiceState, TellsWhyATaskCannotRun) {
  ServiceState state = judge_service(service_of(kTwo),
                                     {task_of("rejected", "No such image: a:2", 0, "a:2", "shutdown")}, true);
  EXPECT_TRUE(state.problem);
  EXPECT_EQ(state.text, "No such image: a:2");
  state =
      judge_service(service_of(kTwo), {task_of("pending", "no suitable node (1 node not available)")}, true);
  EXPECT_TRUE(state.problem);
  EXPECT_EQ(state.text, "no suitable node (1 node not available)");
}

TEST(ServiceState, ARollbackFailsWithTheCauseOfTheFailedVersion) {
  std::vector<Json> tasks{task_of("running"), task_of("running"),
                          task_of("rejected", "No such image: a:3", 0, "a:3", "shutdown")};
  ServiceState state = judge_service(service_of(kTwo, "rollback_completed"), tasks, true);
  EXPECT_EQ(state.phase, Phase::Failed);
  EXPECT_EQ(state.text, "No such image: a:3; rolled back to the previous version");
  // A rollback of an earlier deployment does not concern this one.
  EXPECT_EQ(judge_service(service_of(kTwo, "rollback_completed"), tasks, false).phase, Phase::Ready);
}

TEST(ServiceState, AJobGivesItsExitCode) {
  Json job = service_of(kJob);
  job["Spec"]["TaskTemplate"]["RestartPolicy"] = {{"Condition", "none"}};
  ServiceState failed =
      judge_service(job, {task_of("failed", "task: non-zero exit (4)", 4, "a:2", "complete")}, true);
  EXPECT_EQ(failed.phase, Phase::Failed);
  EXPECT_EQ(failed.exit_code, 4);
  EXPECT_EQ(failed.text, "exited with code 4");
  ServiceState done = judge_service(job, {task_of("complete", "", 0, "a:2", "complete")}, true);
  EXPECT_TRUE(done.completed);
  // Tasks of an earlier run do not count.
  job["JobStatus"] = {{"JobIteration", {{"Index", 7}}}};
  EXPECT_EQ(judge_service(job, {task_of("complete", "", 0, "a:2", "complete")}, true).phase, Phase::Waiting);
}

TEST(ServiceChanges, NamesWhatDiffersAndIgnoresWhatTheSwarmAdds) {
  Json live{{"Name", "p_web"},
            {"TaskTemplate",
             {{"ContainerSpec",
               {{"Image", "a:1"},
                {"Env", {"A=1", "B=2"}},
                {"Isolation", "default"},
                {"DNSConfig", Json::object()}}},
              {"Networks", {{{"Target", "id1"}, {"Aliases", {"web"}}}}},
              {"ForceUpdate", 3},
              {"Runtime", "container"}}},
            {"Mode", kTwo}};
  Json wanted{{"Name", "p_web"},
              {"TaskTemplate",
               {{"ContainerSpec", {{"Image", "a:1"}, {"Env", {"B=2", "A=1"}}}},
                {"Networks", {{{"Target", "p_default"}, {"Aliases", {"web"}}}}}}},
              {"Mode", kTwo}};
  EXPECT_TRUE(service_changes(live, wanted, {{"id1", "p_default"}}).empty());
  wanted["TaskTemplate"]["ContainerSpec"]["Env"] = {"A=5"};
  wanted["Mode"]["Replicated"]["Replicas"] = 3;
  std::vector<ObjectChange> changes = service_changes(live, wanted, {{"id1", "p_default"}});
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].field + " " + changes[0].before + " " + changes[0].after,
            "Mode.Replicated.Replicas 2 3");
  EXPECT_EQ(changes[1].field + " " + changes[1].before + " " + changes[1].after, "Env.A 1 5");
  EXPECT_EQ(changes[2].field + " " + changes[2].before + " " + changes[2].after, "Env.B 2 ");
  EXPECT_FALSE(changes_mode(live, wanted));
  wanted["Mode"] = kJob;
  EXPECT_TRUE(changes_mode(live, wanted));
}

SwarmNode node_of(const std::string& id, const std::string& role, bool ready = true) {
  return {id,
          "host-" + id,
          ready,
          true,
          {{"Spec", {{"Role", role}, {"Labels", {{"disk", "ssd"}}}}},
           {"Description", {{"Platform", {{"Architecture", "x86_64"}}}}}}};
}

TEST(NodeChoice, ConstraintsAreUnderstoodAsBySwarm) {
  SwarmNode node = node_of("a", "worker");
  EXPECT_TRUE(allows("node.role == Worker", node));
  EXPECT_FALSE(allows("node.role!=worker", node));
  EXPECT_TRUE(allows("node.labels.disk==ssd", node));
  EXPECT_TRUE(allows("node.platform.arch==amd64", node));
  EXPECT_FALSE(allows("node.unknown==x", node));
}

TEST(NodeChoice, VolumesOfOneServiceShareANodeAndAreRemembered) {
  Conversion conversion;
  conversion.local_volumes = {{"p_a", {"web"}}, {"p_b", {"web", "job"}}, {"p_c", {"other"}}};
  LiveProject live;
  live.own_node = "m";
  live.nodes = {node_of("m", "manager"), node_of("w", "worker"), node_of("x", "worker", false)};
  std::map<std::string, std::string> nodes = choose_nodes(conversion, live, {});
  EXPECT_EQ(nodes, (std::map<std::string, std::string>{{"p_a", "m"}, {"p_b", "m"}, {"p_c", "w"}}));
  remember_nodes(conversion, "p", {{"p_a", "w"}, {"p_gone", "left"}});
  ASSERT_EQ(conversion.objects.size(), 1u);
  LiveObject stored{ObjectKind::Config, "c", conversion.objects[0].name, 1, {}};
  stored.body["Spec"] = Json::parse(conversion.objects[0].body.dump());
  live.objects.push_back(stored);
  EXPECT_EQ(remembered_nodes(live), (std::map<std::string, std::string>{{"p_a", "w"}}));
  EXPECT_EQ(choose_nodes(conversion, live, {})["p_b"], "w");
}

TEST(LogFrames, JoinsPiecesIntoLinesOfEachStream) {
  std::string text;
  LogFrames frames([&](bool error, const std::string& line) { text += (error ? "E:" : "O:") + line + "\n"; });
  auto frame = [](char stream, const std::string& bytes) {
    return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(bytes.size())} + bytes;
  };
  std::string all = frame(1, "one\ntw") + frame(2, "bad\n") + frame(1, "o\n") + frame(1, "end");
  for (char c : all) frames.add(std::string_view(&c, 1));
  frames.finish();
  EXPECT_EQ(text, "O:one\nE:bad\nO:two\nO:end\n");
}

}  // namespace
}  // namespace stack::targets::swarm
