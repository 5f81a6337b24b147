// The client's pure parts: kubeconfig files, WebSocket frames, the state of workloads, differences of objects.
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/files.h"
#include "cli/cluster/image_users.h"
#include "cli/cluster/project_images.h"
#include "cli/cluster/kubernetes/project_objects.h"
#include "orchestrator/targets/kubernetes/api/exec.h"
#include "orchestrator/targets/kubernetes/api/kubeconfig.h"
#include "orchestrator/targets/kubernetes/api/object_changes.h"
#include "orchestrator/targets/kubernetes/api/websocket.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"

namespace stack::targets::kubernetes {
namespace {

constexpr const char* kConfig = R"(
apiVersion: v1
kind: Config
current-context: a
clusters:
- name: one
  cluster: {server: "https://one:6443/", certificate-authority-data: Q0E=}
- name: two
  cluster: {server: "https://two", insecure-skip-tls-verify: true, tls-server-name: real, proxy-url: "http://p:1"}
users:
- name: token
  user: {token: "12345"}
- name: basic
  user: {username: u, password: p}
- name: program
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, args: [a, b], env: [{name: N, value: v}]}
contexts:
- {name: a, context: {cluster: one, user: token, namespace: shop}}
- {name: b, context: {cluster: two, user: basic}}
- {name: c, context: {cluster: one, user: program}}
- {name: broken, context: {cluster: three, user: token}}
)";

TEST(Kubeconfig, TheCurrentContextIsTheDefault) {
  Access access = access_of(kConfig, "/home/me/.kube/config", "").value();
  EXPECT_EQ(access.server, "https://one:6443");
  EXPECT_EQ(access.name_space, "shop");
  EXPECT_EQ(access.token, "12345") << "a token of digits is not a number";
  EXPECT_EQ(access.authority, "CA");
  EXPECT_TRUE(access.verify);
}

TEST(Kubeconfig, OtherContextsAndTheirSettings) {
  Access access = access_of(kConfig, "f", "b").value();
  EXPECT_FALSE(access.verify);
  EXPECT_EQ(access.server_name, "real");
  EXPECT_EQ(access.proxy, "http://p:1");
  EXPECT_EQ(access.user, "u");
  EXPECT_EQ(access.name_space, "default");
  Access program = access_of(kConfig, "f", "c").value();
  EXPECT_EQ(program.program.command, "get-token");
  EXPECT_EQ(program.program.arguments, (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(add_credential(program, R"({"kind":"ExecCredential","status":{"token":"t"}})"));
  EXPECT_EQ(program.token, "t");
}

TEST(Kubeconfig, ErrorsNameTheMissingPart) {
  EXPECT_EQ(access_of(kConfig, "/k", "nope").error().text(),
            "/k has no context nope; available: a, b, c, broken");
  EXPECT_EQ(access_of(kConfig, "/k", "broken").error().text(), "/k: context broken: no cluster three");
  EXPECT_NE(access_of("a: [", "/k", "").error().text().find("/k:1:"), std::string::npos);
  EXPECT_EQ(access_of("- 1", "/k", "").error().text(), "/k is not a kubeconfig file");
  Access access;
  EXPECT_FALSE(add_credential(access, "{}"));
}

TEST(Kubeconfig, SeveralFilesAreMergedAndTheFirstWins) {
  auto directory = TemporaryDirectory::create("/tmp/kubeconfig-test-");
  std::string base = directory->path();
  ASSERT_TRUE(write_file(base + "/ca.pem", "AUTHORITY"));
  ASSERT_TRUE(write_file(
      base + "/one",
      "current-context: x\nclusters: [{name: c, cluster: {server: 'https://a', certificate-authority: "
      "ca.pem}}]\n"));
  ASSERT_TRUE(write_file(base + "/two",
                         "current-context: y\nclusters: [{name: c, cluster: {server: 'https://b'}}]\n"
                         "contexts: [{name: x, context: {cluster: c}}]\n"));
  AccessRequest request;
  request.files = base + "/missing:" + base + "/one:" + base + "/two";
  Access access = find_access(request).value();
  EXPECT_EQ(access.server, "https://a");
  EXPECT_EQ(access.authority, "AUTHORITY");
}

TEST(Kubeconfig, ACredentialProgramRuns) {
  auto directory = TemporaryDirectory::create("/tmp/kubeconfig-test-");
  std::string base = directory->path();
  ASSERT_TRUE(write_file(
      base + "/program",
      "#!/bin/sh\necho a warning >&2\necho \"{\\\"status\\\":{\\\"token\\\":\\\"$1-$N\\\"}}\"\n", 0755));
  ASSERT_TRUE(write_file(base + "/config",
                         "current-context: x\nclusters: [{name: c, cluster: {server: "
                         "'https://a'}}]\ncontexts: [{name: x, context: "
                         "{cluster: c, user: u}}]\nusers: [{name: u, user: {exec: {command: ./program, args: "
                         "[one], env: [{name: N, value: "
                         "two}]}}}]\n"));
  AccessRequest request;
  request.files = base + "/config";
  request.environment = {{"PATH", "/usr/bin:/bin"}};
  EXPECT_EQ(find_access(request).value().token, "one-two");
  ASSERT_TRUE(write_file(base + "/program", "#!/bin/sh\necho no session; exit 3\n", 0755));
  EXPECT_NE(find_access(request).error().text().find("failed with exit code 3: no session"),
            std::string::npos);
}

TEST(WebSocket, FramesAreMaskedAndReadBack) {
  std::string frame = client_frame(2, "abc", "1234");
  EXPECT_EQ(frame.size(), 2U + 4 + 3);
  EXPECT_EQ(static_cast<uint8_t>(frame[1]), 0x83);
  EXPECT_EQ(static_cast<char>(frame[6] ^ '1'), 'a');
  EXPECT_EQ(static_cast<uint8_t>(client_frame(2, std::string(70000, 'x'), "1234")[1]), 0xff);

  FrameReader reader;
  reader.add(std::string("\x02\x02he", 4));
  EXPECT_EQ(*reader.next(), std::nullopt) << "a fragment is not a message";
  reader.add(std::string("\x89\x00", 2));
  auto ping = *reader.next();
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->opcode, 9);
  reader.add(std::string("\x80\x03", 2));
  EXPECT_EQ(*reader.next(), std::nullopt);
  reader.add("llo");
  auto whole = *reader.next();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->payload, "hello");
  reader.add(std::string("\x82\x81", 2));
  EXPECT_FALSE(reader.next()) << "servers do not mask";
}

TEST(Exec, TheLastMessageHasTheExitCode) {
  EXPECT_EQ(exit_code_of_status(R"({"status":"Success"})").value(), 0);
  EXPECT_EQ(
      exit_code_of_status(
          R"({"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"4"}]}})")
          .value(),
      4);
  EXPECT_EQ(exit_code_of_status(
                R"({"status":"Failure","message":"exec: \"x\": executable file not found in $PATH"})")
                .error()
                .kind(),
            ErrorKind::NoCommand);
}

Json pod(const char* status) {
  return {{"metadata", {{"name", "web-1"}, {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
          {"status", Json::parse(status)}};
}

TEST(WorkloadState, ADeploymentIsReadyWhenAllItsPodsAreNewAndAvailable) {
  Json deployment = Json::parse(
      R"({"metadata":{"generation":2},"spec":{"replicas":2},
          "status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2}})");
  EXPECT_EQ(judge_workload("Deployment", deployment, {}).phase, Phase::Ready);
  deployment["status"]["replicas"] = 3;  // an old pod still runs
  EXPECT_EQ(judge_workload("Deployment", deployment, {}).phase, Phase::Waiting);
  deployment["status"]["replicas"] = 2;
  deployment["status"]["observedGeneration"] = 1;
  EXPECT_EQ(judge_workload("Deployment", deployment, {}).phase, Phase::Waiting);
}

TEST(WorkloadState, TheKubeletsWordsAreKept) {
  Json deployment = Json::parse(R"({"metadata":{"generation":1},"spec":{"replicas":1},"status":{}})");
  WorkloadState state = judge_workload(
      "Deployment", deployment, {pod(R"({"containerStatuses":[{"name":"web","ready":false,"restartCount":0,
               "state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"x\""}}}]})")});
  EXPECT_EQ(state.phase, Phase::Waiting);
  EXPECT_TRUE(state.problem);
  EXPECT_EQ(state.text, "ImagePullBackOff: Back-off pulling image \"x\"");
}

TEST(WorkloadState, WaitingAndCrashingPodsHaveAReason) {
  Json deployment = Json::parse(R"({"metadata":{"generation":1},"spec":{"replicas":1},"status":{}})");
  EXPECT_EQ(judge_workload("Deployment", deployment,
                           {pod(R"({"initContainerStatuses":[{"name":"wait-db","state":{"running":{}}}]})")})
                .text,
            "waiting for db");
  WorkloadState crashed = judge_workload(
      "Deployment", deployment, {pod(R"({"containerStatuses":[{"name":"web","ready":false,"restartCount":3,
               "state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":7}}}]})")});
  EXPECT_EQ(crashed.phase, Phase::Failed);
  EXPECT_EQ(crashed.exit_code, 7);
  EXPECT_EQ(crashed.text, "restarted 3 times, last exit code 7");
}

TEST(WorkloadState, AJobThatFailsHasItsExitCode) {
  Json job = Json::parse(
      R"({"status":{"conditions":[{"type":"Failed","status":"True","reason":"BackoffLimitExceeded"}]}})");
  WorkloadState state = judge_workload(
      "Job", job,
      {pod(
          R"({"phase":"Failed","containerStatuses":[{"name":"m","state":{"terminated":{"exitCode":4}}}]})")});
  EXPECT_EQ(state.phase, Phase::Failed);
  EXPECT_EQ(state.exit_code, 4);
  EXPECT_EQ(state.text, "exited with code 4");
  job = Json::parse(R"({"status":{"conditions":[{"type":"Complete","status":"True"}]}})");
  EXPECT_TRUE(judge_workload("Job", job, {}).completed);
}

TEST(ObjectChanges, OmitFieldsOfTheServer) {
  Json before = Json::parse(
      R"({"kind":"Deployment","metadata":{"name":"a","resourceVersion":"1","managedFields":[1]},
          "spec":{"containers":[{"name":"x","image":"1"},{"name":"y","image":"1"}]},"status":{"a":1}})");
  Json after = before;
  after["metadata"]["resourceVersion"] = "2";
  after["status"] = nullptr;
  EXPECT_TRUE(object_changes(before, after).empty());
  after["spec"]["containers"][1]["image"] = "2";
  auto changes = object_changes(before, after);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].field, "spec.containers.y.image");
  EXPECT_EQ(changes[0].before + changes[0].after, "12");
  Json secret{{"kind", "Secret"}, {"data", {{"k", "b2xk"}}}};
  Json other = secret;
  other["data"]["k"] = "bmV3";
  EXPECT_EQ(object_changes(secret, other)[0].after, "***");
}

TEST(ImageUsers, AreReadFromTheImagesFiles) {
  auto users =
      cli::cluster::parse_users("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/var/www:\nbroken:x:a:b\n");
  EXPECT_EQ(users.size(), 2U);
  EXPECT_EQ(users["www-data"], "33:34");
  EXPECT_EQ(cli::cluster::parse_groups("docker:x:999:me\n")["docker"], "999");
  compose::Service service;
  service.user = "1000:1000";
  EXPECT_FALSE(cli::cluster::names_users(service));
  service.user = "1000:www-data";
  EXPECT_TRUE(cli::cluster::names_users(service));
}

TEST(PushedName, ReplacesTheRegistry) {
  EXPECT_EQ(cli::cluster::pushed_name("r.example:5000/", "shop-web"), "r.example:5000/shop-web");
  EXPECT_EQ(cli::cluster::pushed_name("r.example/team", "old.example/shop/web:2"),
            "r.example/team/shop/web:2");
  EXPECT_EQ(cli::cluster::pushed_name("r.example", "me/web"), "r.example/me/web");
}

TEST(ServerRoute, TheNameForTlsReplacesTheHostAndKeepsTheAddress) {
  Access access;
  access.server = "https://10.0.0.1:6443/clusters/a";
  EXPECT_EQ(route_to(access).server, access.server);
  EXPECT_EQ(route_to(access).connect_to, "");
  access.server_name = "api.example";
  EXPECT_EQ(route_to(access).server, "https://api.example:6443/clusters/a");
  EXPECT_EQ(route_to(access).connect_to, "::10.0.0.1:6443");
  access.server = "https://[fd00::1]";
  EXPECT_EQ(route_to(access).server, "https://api.example:443");
  EXPECT_EQ(route_to(access).connect_to, "::[fd00::1]:443");
}

}  // namespace
}  // namespace stack::targets::kubernetes
