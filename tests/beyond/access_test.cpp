// Ways to a real API server, and objects that a file asks for by x-stack-kubernetes.
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

#include "base/base64.h"
#include "base/text.h"
#include "cluster.h"
#include "relay.h"

namespace stack::beyond {
namespace {

namespace kube = targets::kubernetes;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr const char* kOne = "services:\n  web: {image: docker.io/example/web:1}\n";

class AccessTest : public ClusterTest {
 protected:
  void expect_part(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "looked for: " << part << "\nin: " << text;
  }
  Cluster& cluster() { return Cluster::shared(); }
  // A kubeconfig file with this user, and the cluster at a port of the loopback interface.
  std::string kubeconfig(const std::string& user, int port = 0) {
    std::string file = folder + "/kubeconfig";
    std::string server = "https://127.0.0.1:" + std::to_string(port > 0 ? port : cluster().port());
    EXPECT_TRUE(write_file(
        file, "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: \"" + server +
                  "\", certificate-authority: " + cluster().folder() +
                  "/pki/apiserver.crt}}]\nusers: [{name: u, user: " + user +
                  "}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"));
    return file;
  }
  // The text of a project with so many services that a deployment takes a while.
  static std::string many_services() {
    std::string out = "services:\n";
    for (int i = 10; i < 50; ++i) out += "  web" + std::to_string(i) + ": {image: docker.io/example/web:1}\n";
    return out;
  }
  // Deploys over a relay that `cut` interrupts once the first services exist, and expects that a second deployment without
  // it completes the work.
  CommandResult deploy_with_cut(const std::function<void(Relay&)>& cut) {
    project(many_services());
    Relay relay(cluster().port());
    std::string config = kubeconfig("{token: " + cluster().token() + "}", relay.port());
    auto result =
        std::async(std::launch::async, [&] { return run({"deploy", "--detach"}, {{"KUBECONFIG", config}}); });
    auto limit = steady_clock::now() + seconds(60);
    while (cluster().status_of(*kube::resource_path("Service", space, "web11")) != 200 &&
           steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    cut(relay);
    CommandResult done = result.get();
    EXPECT_FALSE(objects().contains("Deployment/web49"));
    must({"deploy", "--detach"});
    EXPECT_TRUE(objects().contains("Deployment/web49"));
    expect_part(run({"plan"}).out, "nothing to do");
    return done;
  }
};

TEST_F(AccessTest, AClientCertificateIsEnough) {
  project(kOne);
  must({"deploy", "--detach", "--context", "carol"});
  EXPECT_TRUE(objects().contains("Deployment/web"));
  Json found = cluster().get(*kube::resource_path("Deployment", space, "web"));
  EXPECT_TRUE(found.is_object());
}

TEST_F(AccessTest, ACredentialProgramGivesTheTokenOrSaysWhyNot) {
  project(kOne);
  std::string program = folder + "/credential";
  std::string config = kubeconfig(
      "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./credential, interactiveMode: Never}}");
  ASSERT_TRUE(write_file(program,
                         "#!/bin/sh\necho '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":"
                         "\"ExecCredential\",\"status\":{\"token\":\"" +
                             cluster().token() + "\"}}'\n",
                         0755));
  must({"deploy", "--detach"}, {{"KUBECONFIG", config}});
  EXPECT_TRUE(objects().contains("Deployment/web"));
  ASSERT_TRUE(write_file(program, "#!/bin/sh\necho log in first >&2\nexit 3\n", 0755));
  CommandResult result = run({"plan"}, {{"KUBECONFIG", config}});
  EXPECT_EQ(result.exit_code, 1);
  expect_part(result.err, "failed with exit code 3: log in first");
}

TEST_F(AccessTest, InAPodTheServiceAccountIsUsed) {
  if (::geteuid() != 0) GTEST_SKIP() << "the folder of a service account needs root";
  project(kOne);
  std::string account = folder + "/account";
  ASSERT_TRUE(ensure_directory(account));
  ASSERT_TRUE(write_file(account + "/token", cluster().token() + "\n"));
  ASSERT_TRUE(write_file(account + "/namespace", space));
  CommandResult copied = run_program("cp", {cluster().folder() + "/pki/apiserver.crt", account + "/ca.crt"});
  ASSERT_EQ(copied.exit_code, 0);
  // A pod's file system, for this process only.
  std::string script =
      "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io "
      "/var/run/secrets/kubernetes.io/serviceaccount && "
      "mount --bind account /var/run/secrets/kubernetes.io/serviceaccount && exec " STACK_BIN_DIR
      "/stack deploy --detach";
  CommandResult done = run_program("unshare", {"--mount", "sh", "-c", script},
                                   {{"HOME", folder + "/nobody"},
                                    {"STACK_TARGET", "kubernetes"},
                                    {"KUBECONFIG", ""},
                                    {"KUBERNETES_SERVICE_HOST", "127.0.0.1"},
                                    {"KUBERNETES_SERVICE_PORT", std::to_string(cluster().port())}},
                                   folder);
  EXPECT_EQ(done.exit_code, 0) << done.out;
  EXPECT_TRUE(objects().contains("Deployment/web"));
}

TEST_F(AccessTest, ARightThatIsMissingIsNamedWithItsObject) {
  project(kOne);
  // A service account without any rights.
  cluster().post("/api/v1/namespaces/" + space + "/serviceaccounts", {{"metadata", {{"name", "weak"}}}});
  Json issued = cluster().answer_to_post("/api/v1/namespaces/" + space + "/serviceaccounts/weak/token",
                                         {{"spec", {{"expirationSeconds", 3600}}}});
  std::string token = string_or(issued["status"], "token");
  ASSERT_FALSE(token.empty());
  CommandResult result = run({"deploy", "--detach"}, {{"KUBECONFIG", kubeconfig("{token: " + token + "}")}});
  EXPECT_EQ(result.exit_code, 1);
  expect_part(result.err, "forbidden");
  EXPECT_TRUE(objects().empty());
}

TEST_F(AccessTest, AResetConnectionNamesTheServiceAndARerunCompletesTheWork) {
  CommandResult done = deploy_with_cut([](Relay& relay) { relay.reset(); });
  EXPECT_EQ(done.exit_code, 1);
  expect_part(done.err, "compose.yaml:");
  expect_part(done.err, "service web");
  expect_part(done.err, "the API server at https://127.0.0.1:");
}

TEST_F(AccessTest, ALostNetworkIsToldWithinAMinuteAndARerunCompletesTheWork) {
  auto begin = steady_clock::now();
  CommandResult done = deploy_with_cut([](Relay& relay) { relay.lose(); });
  EXPECT_LT(steady_clock::now() - begin, seconds(100));
  EXPECT_EQ(done.exit_code, 1);
  expect_part(done.err, "compose.yaml:");
  expect_part(done.err, "service web");
  expect_part(done.err, "no answer in time");
}

TEST_F(AccessTest, AnObjectWhoseSelectorCannotChangeIsReplaced) {
  project(kOne);
  // As another version of stack would have made it.
  cluster().apply_as("stack", *kube::resource_path("Deployment", space, "web"),
                     {{"apiVersion", "apps/v1"},
                      {"kind", "Deployment"},
                      {"metadata", {{"name", "web"}, {"labels", {{"stack.project", "shop"}}}}},
                      {"spec",
                       {{"selector", {{"matchLabels", {{"old", "web"}}}}},
                        {"template",
                         {{"metadata", {{"labels", {{"old", "web"}}}}},
                          {"spec", {{"containers", Json::array({{{"name", "web"}, {"image", "i"}}})}}}}}}}});
  expect_part(run({"plan"}).out, "~ replace Deployment web  cannot be changed in place");
  must({"deploy", "--detach"});
  Json found = cluster().get(*kube::resource_path("Deployment", space, "web"));
  EXPECT_FALSE(found["spec"]["selector"]["matchLabels"].contains("old")) << found.dump();
  expect_part(run({"plan"}).out, "nothing to do");
}

TEST_F(AccessTest, AClaimThatCannotChangeIsRefusedWithItsPlace) {
  std::string yaml =
      "services:\n  db:\n    image: docker.io/example/db:1\n    volumes: [\"data:/data\"]\nvolumes:\n";
  project(yaml + "  data: {x-stack-kubernetes: {class: slow}}\n");
  must({"deploy", "--detach"});
  project(yaml + "  data: {x-stack-kubernetes: {class: fast}}\n");
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_part(result.err, "compose.yaml:");
  expect_part(result.err, "PersistentVolumeClaim shop-data");
  expect_part(result.err, "immutable");
  project(yaml + "  data: {x-stack-kubernetes: {class: slow}}\n");
  must({"deploy", "--detach"});
}

TEST_F(AccessTest, ALargeConfigIsRefusedWithItsPlace) {
  project(
      "services:\n  web:\n    image: docker.io/example/a\n    configs: [big]\nconfigs:\n  big: {file: "
      "./big}\n",
      {{"big", std::string(1'200'000, 'x')}});
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_part(result.err, "compose.yaml:4:15: services.web.configs.0: more than 1 MB");
  EXPECT_TRUE(objects().empty());
}

TEST_F(AccessTest, IngressRoutesAndPoliciesAreAccepted) {
  project(
      "services:\n  web:\n    image: docker.io/example/web:1\n    ports: [\"8080:80\"]\n    networks: "
      "[front]\n"
      "    x-stack-kubernetes: {ingress: {host: shop.example, class: nginx, tls_secret: shop-tls}}\n"
      "  db:\n    image: docker.io/example/db:1\n    networks: [back]\n"
      "networks: {front: {}, back: {internal: true}}\n");
  must({"deploy", "--detach"});
  Json ingress = cluster().get(*kube::resource_path("Ingress", space, "web"));
  EXPECT_EQ(ingress["spec"]["rules"][0]["host"], "shop.example") << ingress.dump();
  EXPECT_EQ(ingress["spec"]["tls"][0]["secretName"], "shop-tls");
  EXPECT_TRUE(cluster().get(*kube::resource_path("NetworkPolicy", space))["items"].size() >= 2);
  expect_part(run({"plan"}).out, "nothing to do");
}

TEST_F(AccessTest, ARouteNeedsItsKindInTheCluster) {
  project(
      "services:\n  web:\n    image: docker.io/example/web:1\n    ports: [\"8080:80\"]\n"
      "    x-stack-kubernetes: {route: {gateway: main, gateway_namespace: infra, host: shop.example}}\n");
  CommandResult missing = run({"deploy", "--detach"});
  EXPECT_EQ(missing.exit_code, 1);
  expect_part(missing.err, "compose.yaml:4:");
  expect_part(missing.err, "service web: HTTPRoute web: ");
  EXPECT_TRUE(objects().empty());
  Json any{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  cluster().post(
      definitions,
      {{"metadata",
        {{"name", "httproutes.gateway.networking.k8s.io"},
         {"annotations", {{"api-approved.kubernetes.io", "unapproved, for tests"}}}}},
       {"spec",
        {{"group", "gateway.networking.k8s.io"},
         {"scope", "Namespaced"},
         {"names", {{"plural", "httproutes"}, {"singular", "httproute"}, {"kind", "HTTPRoute"}}},
         {"versions", Json::array({{{"name", "v1"},
                                    {"served", true},
                                    {"storage", true},
                                    {"schema",
                                     {{"openAPIV3Schema",
                                       {{"type", "object"}, {"properties", {{"spec", any}}}}}}}}})}}}});
  for (int i = 0; i < 100 && cluster().status_of(*kube::resource_path("HTTPRoute", space)) != 200; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  must({"deploy", "--detach"});
  Json route = cluster().get(*kube::resource_path("HTTPRoute", space, "web"));
  EXPECT_EQ(route["spec"]["parentRefs"][0]["name"], "main") << route.dump();
  EXPECT_EQ(route["spec"]["hostnames"][0], "shop.example");
  must({"down"});
  EXPECT_EQ(cluster().status_of(*kube::resource_path("HTTPRoute", space, "web")), 404);
  cluster().remove(definitions + "/httproutes.gateway.networking.k8s.io");
}

TEST_F(AccessTest, CredentialsOfTheRegistryAreStoredOnlyOnRequest) {
  project("services:\n  web: {image: registry.example:5000/web:1}\n");
  ASSERT_TRUE(ensure_directory(folder + "/docker"));
  ASSERT_TRUE(write_file(folder + "/docker/config.json",
                         "{\"auths\":{\"registry.example:5000\":{\"auth\":\"" + encode_base64("me:secret") +
                             "\"},\"other.example\":{\"auth\":\"" + encode_base64("me:other") + "\"}}}"));
  std::map<std::string, std::string> env{{"DOCKER_CONFIG", folder + "/docker"}};
  must({"deploy", "--detach"}, env);
  EXPECT_EQ(cluster().status_of(*kube::resource_path("Secret", space, "shop-registry")), 404);
  must({"deploy", "--detach", "--with-registry-auth"}, env);
  Json secret = cluster().get(*kube::resource_path("Secret", space, "shop-registry"));
  EXPECT_EQ(secret["type"], "kubernetes.io/dockerconfigjson") << secret.dump();
  auto stored = decode_base64(secret["data"][".dockerconfigjson"].get<std::string>());
  ASSERT_TRUE(stored);
  expect_part(*stored, "registry.example:5000");
  EXPECT_EQ(stored->find("other.example"), std::string::npos) << "only the registries of the project";
  Json found = cluster().get(*kube::resource_path("Deployment", space, "web"));
  EXPECT_EQ(found["spec"]["template"]["spec"]["imagePullSecrets"][0]["name"], "shop-registry");
}

}  // namespace
}  // namespace stack::beyond
