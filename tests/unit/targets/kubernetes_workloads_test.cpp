// The objects for a service, and the contents of its pods.
#include "orchestrator/targets/kubernetes/names.h"
#include "tests/unit/targets/kubernetes_fixture.h"

namespace stack::targets::kubernetes {
namespace {

TEST_F(KubernetesTest, AServiceIsADeploymentWithAName) {
  convert_text(R"(
services:
  web:
    image: nginx:1.27
    command: ["nginx", "-g", "daemon off;"]
    environment: {GREETING: "costs $$5"}
)");
  EXPECT_EQ(names(), "Service/web Deployment/web");
  EXPECT_EQ(object("Service", "web"), R"(apiVersion: v1
kind: Service
metadata:
  name: web
  labels:
    app.kubernetes.io/managed-by: stack
    stack.project: p
    app.kubernetes.io/name: web
    stack.service: web
spec:
  clusterIP: None
  selector:
    stack.project: p
    stack.service: web
)");
  OrderedJson web = container("Deployment", "web");
  EXPECT_EQ(web["image"], "nginx:1.27");
  EXPECT_EQ(web["imagePullPolicy"], "IfNotPresent");
  EXPECT_EQ(web["args"], OrderedJson({"nginx", "-g", "daemon off;"}));
  EXPECT_FALSE(web.contains("command"));
  EXPECT_EQ(web["env"][0]["value"], "costs $$5") << "a `$` must be doubled again";
  OrderedJson spec = pod("Deployment", "web");
  EXPECT_EQ(spec["enableServiceLinks"], false);
  EXPECT_EQ(spec["automountServiceAccountToken"], false);
  EXPECT_EQ(spec["terminationGracePeriodSeconds"], 10);
}

TEST_F(KubernetesTest, TheKindOfObjectFollowsFromTheService) {
  convert_text(R"(
services:
  plain: {image: a}
  data: {image: a, volumes: ["v:/data"]}
  reader: {image: a, volumes: ["w:/data:ro"]}
  everywhere: {image: a, deploy: {mode: global}}
  once: {image: a, restart: "no"}
  retried: {image: a, restart: "on-failure:5"}
  served: {image: a, restart: "no", ports: ["80:80"]}
  needed: {image: a}
  jobs: {image: a, deploy: {mode: replicated-job, replicas: 3}}
  last: {image: a, depends_on: {needed: {condition: service_completed_successfully}}}
volumes: {v: {}, w: {}}
)");
  for (const auto& [kind, name] :
       std::vector<std::pair<std::string, std::string>>{{"Deployment", "plain"},
                                                        {"StatefulSet", "data"},
                                                        {"Deployment", "reader"},
                                                        {"DaemonSet", "everywhere"},
                                                        {"Job", "once"},
                                                        {"Job", "retried"},
                                                        {"Deployment", "served"},
                                                        {"Job", "needed"},
                                                        {"Job", "jobs"},
                                                        {"Deployment", "last"}})
    EXPECT_FALSE(object(kind, name).empty());
  EXPECT_EQ(body("Job", "once")["spec"]["backoffLimit"], 0);
  EXPECT_EQ(pod("Job", "once")["restartPolicy"], "Never");
  EXPECT_EQ(body("Job", "retried")["spec"]["backoffLimit"], 5);
  EXPECT_EQ(pod("Job", "retried")["restartPolicy"], "OnFailure");
  EXPECT_EQ(body("Job", "jobs")["spec"]["completions"], 3);
  EXPECT_EQ(body("StatefulSet", "data")["spec"]["serviceName"], "data");
}

TEST_F(KubernetesTest, AServiceWaitsForDependenciesInItsOwnImage) {
  convert_text(R"(
services:
  db:
    image: db
    healthcheck: {test: ["CMD", "ready"], interval: 2s, timeout: 3s, retries: 7, start_period: 30s}
  cache: {image: cache}
  migrate: {image: migrate}
  app:
    image: app
    depends_on:
      db: {condition: service_healthy}
      cache: {condition: service_started}
      migrate: {condition: service_completed_successfully}
  front:
    image: front
    depends_on: [db, app]
)");
  OrderedJson waits = pod("Deployment", "app")["initContainers"];
  ASSERT_EQ(waits.size(), 3U);
  std::vector<std::string> awaited;
  for (const OrderedJson& wait : waits) {
    EXPECT_EQ(wait["image"], "app");
    EXPECT_EQ(wait["command"][0], "/.stack-pod/stack-pod");
    awaited.push_back(wait["command"][2]);
  }
  EXPECT_EQ(awaited, (std::vector<std::string>{"cache", "db-healthy", "migrate-completed"}));
  // The name of a service without a health check resolves once its container runs; with one, before it is healthy.
  EXPECT_FALSE(body("Service", "cache")["spec"].contains("publishNotReadyAddresses"));
  EXPECT_EQ(body("Service", "db")["spec"]["publishNotReadyAddresses"], true);
  EXPECT_FALSE(body("Service", "db-healthy")["spec"].contains("publishNotReadyAddresses"));
  ASSERT_EQ(conversion.gates.size(), 1U);
  EXPECT_EQ(conversion.gates[0].object.name, "migrate-completed");
  EXPECT_EQ(conversion.gates[0].job, "migrate");
  EXPECT_EQ(names().find("migrate-completed"), std::string::npos)
      << "a gate must not be created with the objects";
  // Kept as well for services that are only started.
  EXPECT_EQ(pod("Deployment", "front")["initContainers"][1]["command"][2], "db");
}

TEST_F(KubernetesTest, AWaitForAStartedServiceIncludesItsDependencies) {
  convert_text(R"(
services:
  base: {image: base}
  middle: {image: m, healthcheck: {test: "true"}, depends_on: [base]}
  top: {image: t, depends_on: [middle]}
)");
  OrderedJson waits = pod("Deployment", "top")["initContainers"];
  ASSERT_EQ(waits.size(), 2U);
  EXPECT_EQ(waits[0]["command"][2], "base");
  EXPECT_EQ(waits[1]["command"][2], "middle");
}

TEST_F(KubernetesTest, AHealthCheckIsAStartupAndAReadinessProbeAndNeverRestarts) {
  convert_text(R"(
services:
  db:
    image: db
    healthcheck: {test: "pg_isready -U $$USER", interval: 2s, timeout: 3s, retries: 7, start_period: 30s, start_interval: 500ms}
  strict:
    image: db
    healthcheck: {test: ["CMD", "ok"]}
    x-stack: {restart_on: unhealthy}
)");
  OrderedJson db = container("Deployment", "db");
  EXPECT_EQ(db["readinessProbe"]["exec"]["command"], OrderedJson({"/bin/sh", "-c", "pg_isready -U $$USER"}));
  EXPECT_EQ(db["readinessProbe"]["periodSeconds"], 2);
  EXPECT_EQ(db["readinessProbe"]["timeoutSeconds"], 3);
  EXPECT_EQ(db["readinessProbe"]["failureThreshold"], 7);
  EXPECT_EQ(db["startupProbe"]["periodSeconds"], 1);
  EXPECT_GE(db["startupProbe"]["failureThreshold"], 100000)
      << "a failed startup probe would kill the container";
  EXPECT_FALSE(db.contains("livenessProbe"));
  EXPECT_TRUE(container("Deployment", "strict").contains("livenessProbe"));
  EXPECT_EQ(verdict("services.db.healthcheck.start_interval").substr(0, 7), "adapted");
}

TEST_F(KubernetesTest, TheImagesHealthCheckAndUsersAreKnown) {
  ImageFacts facts;
  facts.known = true;
  facts.healthcheck.emplace().test = {"CMD", "check"};
  facts.users["www"] = "33:34";
  inputs.images["web"] = facts;
  convert_text("services:\n  web: {image: web, user: www}\n  other: {image: other, user: nobody}\n");
  OrderedJson web = container("Deployment", "web");
  EXPECT_EQ(web["readinessProbe"]["exec"]["command"], OrderedJson({"check"}));
  EXPECT_EQ(web["securityContext"]["runAsUser"], 33);
  EXPECT_EQ(web["securityContext"]["runAsGroup"], 34);
  EXPECT_EQ(verdict("services.other.user"),
            "lost compose.yaml:3:25 the number of the user is not known here: give a number, or pull the "
            "image first");
  EXPECT_EQ(conversion.report.blocking().size(), 1U);
}

TEST_F(KubernetesTest, LimitsAreNotRequests) {
  convert_text(R"(
services:
  a: {image: a, mem_limit: 512m, cpus: 1.5}
  b:
    image: b
    deploy: {resources: {limits: {memory: 1g}, reservations: {memory: 256m, cpus: "0.25"}}}
)");
  EXPECT_EQ(container("Deployment", "a")["resources"],
            OrderedJson::parse(
                R"({"limits":{"cpu":"1500m","memory":"536870912"},"requests":{"cpu":"0","memory":"0"}})"));
  EXPECT_EQ(container("Deployment", "b")["resources"],
            OrderedJson::parse(
                R"({"limits":{"memory":"1073741824"},"requests":{"cpu":"250m","memory":"268435456"}})"));
}

TEST_F(KubernetesTest, AServiceInAnotherServicesNetworkJoinsItsPod) {
  convert_text(R"(
services:
  vpn: {image: vpn, ports: ["8080:80"]}
  app: {image: app, network_mode: "service:vpn"}
)");
  OrderedJson spec = pod("Deployment", "vpn");
  // The network's owner starts first, as a sidecar.
  ASSERT_EQ(spec["containers"].size(), 1U);
  EXPECT_EQ(spec["containers"][0]["image"], "app");
  EXPECT_EQ(spec["initContainers"][0]["image"], "vpn");
  EXPECT_EQ(names().find("Deployment/app"), std::string::npos);
  EXPECT_EQ(body("Service", "app")["spec"]["selector"]["stack.member.app"], "true");
  EXPECT_EQ(body("Deployment", "vpn")["spec"]["template"]["metadata"]["labels"]["stack.member.app"], "true");
}

TEST_F(KubernetesTest, AServiceThatItsPodDependsOnIsASidecar) {
  convert_text(R"(
services:
  app: {image: app, network_mode: "service:vpn", depends_on: {vpn: {condition: service_healthy}}}
  vpn: {image: vpn, healthcheck: {test: ["CMD", "up"], interval: 1s}, depends_on: [db]}
  db: {image: db}
)");
  OrderedJson spec = pod("Deployment", "vpn");
  ASSERT_EQ(spec["initContainers"].size(), 2U);
  EXPECT_EQ(spec["initContainers"][0]["command"][2], "db");
  EXPECT_EQ(spec["initContainers"][1]["name"], "vpn");
  EXPECT_EQ(spec["initContainers"][1]["restartPolicy"], "Always");
  EXPECT_TRUE(spec["initContainers"][1].contains("startupProbe"));
  ASSERT_EQ(spec["containers"].size(), 1U);
  EXPECT_EQ(spec["containers"][0]["name"], "app");
}

TEST_F(KubernetesTest, OtherSettingsOfAContainer) {
  convert_text(R"(
services:
  a:
    image: a
    entrypoint: /run
    command: x
    working_dir: /w
    read_only: true
    cap_drop: [ALL]
    cap_add: [CAP_NET_ADMIN]
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 1m30s
    stop_signal: SIGQUIT
    hostname: Box
    extra_hosts: ["db.example:10.0.0.7", "host.docker.internal:host-gateway"]
    dns: [1.1.1.1]
    user: "1000:1001"
    shm_size: 128m
    tmpfs: ["/run:size=1m"]
    ulimits: {nofile: 1024}
  other: {image: a, platform: linux/riscv64, stop_signal: SIGINT}
)");
  OrderedJson a = container("Deployment", "a");
  EXPECT_EQ(a["command"], OrderedJson({"/run"}));
  EXPECT_EQ(a["args"], OrderedJson({"x"}));
  EXPECT_EQ(a["workingDir"], "/w");
  const OrderedJson& security = a["securityContext"];
  EXPECT_EQ(security["readOnlyRootFilesystem"], true);
  EXPECT_EQ(security["capabilities"], OrderedJson::parse(R"({"add":["NET_ADMIN"],"drop":["ALL"]})"));
  EXPECT_EQ(security["allowPrivilegeEscalation"], false);
  EXPECT_EQ(security["runAsUser"], 1000);
  EXPECT_EQ(security["seccompProfile"]["type"], "RuntimeDefault");
  EXPECT_EQ(a["lifecycle"]["preStop"]["exec"]["command"],
            OrderedJson({"/.stack-pod/stack-pod", "stop", "3"}));
  OrderedJson spec = pod("Deployment", "a");
  EXPECT_EQ(spec["terminationGracePeriodSeconds"], 90);
  EXPECT_EQ(spec["hostname"], "box");
  EXPECT_EQ(spec["hostAliases"], OrderedJson::parse(R"([{"ip":"10.0.0.7","hostnames":["db.example"]}])"));
  EXPECT_EQ(spec["dnsConfig"]["nameservers"][0], "1.1.1.1");
  EXPECT_NE(spec.dump().find(R"("emptyDir":{"medium":"Memory","sizeLimit":"134217728"})"), std::string::npos)
      << spec.dump();
  std::string other = pod("Deployment", "other").dump();
  EXPECT_NE(other.find(R"({"key":"kubernetes.io/arch","operator":"In","values":["riscv64"]})"),
            std::string::npos);
  EXPECT_EQ(other.find("stack-pod"), std::string::npos) << "the program is of another architecture";
  EXPECT_EQ(verdict("services.other.stop_signal").substr(0, 4), "lost");
  EXPECT_EQ(verdict("services.a.ulimits.nofile").substr(0, 4), "lost");
  EXPECT_EQ(verdict("services.a.extra_hosts.1").substr(0, 4), "lost");
}

TEST_F(KubernetesTest, NodesOfAnotherArchitectureWaitWithTheImagesShell) {
  inputs.architecture = node_architecture("") == "amd64" ? "arm64" : "amd64";
  convert_text("services:\n  a: {image: a}\n  b: {image: b, depends_on: [a]}\n");
  OrderedJson wait = pod("Deployment", "b")["initContainers"][0];
  EXPECT_EQ(wait["command"][0], "sh");
  EXPECT_EQ(names().find("helper"), std::string::npos);
}

TEST_F(KubernetesTest, CredentialsForRegistriesAreAPullSecret) {
  inputs.registry_config = R"({"auths":{}})";
  convert_text("services:\n  a: {image: a, x-stack-kubernetes: {pull_secrets: [own]}}\n");
  EXPECT_EQ(body("Secret", "p-registry")["type"], "kubernetes.io/dockerconfigjson");
  EXPECT_EQ(pod("Deployment", "a")["imagePullSecrets"],
            OrderedJson::parse(R"([{"name":"own"},{"name":"p-registry"}])"));
}

TEST(KubernetesNames, AreValidAndDoNotCollide) {
  EXPECT_EQ(object_name("web"), "web");
  EXPECT_EQ(object_name("My_App"), "my-app");
  EXPECT_EQ(object_name("___").substr(0, 2), "x-");
  std::string long_name(80, 'a');
  EXPECT_EQ(object_name(long_name).size(), 63U);
  EXPECT_NE(object_name(long_name), object_name(long_name + "b"));
  EXPECT_EQ(with_suffix(std::string(60, 'a'), "-healthy").size(), 63U);
  EXPECT_TRUE(is_service_name("DB"));
  EXPECT_FALSE(is_service_name("my_db"));
  EXPECT_FALSE(is_service_name("1db"));
  EXPECT_TRUE(is_qualified_name("traefik.http.routers.web.rule"));
  EXPECT_TRUE(is_qualified_name("example.com/part"));
  EXPECT_FALSE(is_qualified_name("a b"));
  EXPECT_EQ(config_key("conf.d/site.conf").substr(0, 17), "conf.d_site.conf-");
}

}  // namespace
}  // namespace stack::targets::kubernetes
