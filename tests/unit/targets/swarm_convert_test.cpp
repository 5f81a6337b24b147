// Projects as objects of a swarm.
#include "base/base64.h"
#include "tests/unit/targets/swarm_fixture.h"

namespace stack::targets::swarm {
namespace {

TEST_F(SwarmConversionTest, AServiceHasDockersLabelsAndANetwork) {
  convert_text(R"(
services:
  web:
    image: nginx
    environment: {A: "1", B: }
    container_name: front
    networks: {default: {aliases: [www]}}
)");
  EXPECT_EQ(names(), "network/p_default service/p_web");
  EXPECT_EQ(service("web").dump(),
            R"({"Name":"p_web","Labels":{"com.docker.stack.namespace":"p","stack.service":"web"},)"
            R"("TaskTemplate":{"ContainerSpec":{"Image":"nginx","Labels":{"com.docker.stack.namespace":"p",)"
            R"("stack.service":"web"},"Env":["A=1","B"]},"RestartPolicy":{"Condition":"any"},)"
            R"("Networks":[{"Target":"p_default","Aliases":["web","front","www"]}]},)"
            R"("Mode":{"Replicated":{"Replicas":1}},"UpdateConfig":{"Parallelism":1,"FailureAction":"pause",)"
            R"("MaxFailureRatio":0.0,"Order":"stop-first"},"EndpointSpec":{"Mode":"dnsrr"}})");
  OrderedJson network = body(ObjectKind::Network, "p_default");
  EXPECT_EQ(network["Driver"], "overlay");
  EXPECT_EQ(network["Attachable"], true);
}

TEST_F(SwarmConversionTest, ContentsHaveAHashInTheirNames) {
  std::string text = R"(
services:
  web:
    image: nginx
    configs: [{source: page, target: /page, uid: "5", mode: 0400}]
    secrets: [key]
configs: {page: {content: CONTENT}}
secrets: {key: {file: ./key}}
)";
  write("key", "s3cret");
  convert_text(text);
  std::string first = container("web")["Configs"][0]["ConfigName"];
  EXPECT_EQ(container("web")["Configs"][0]["File"].dump(),
            R"({"Name":"/page","UID":"5","GID":"0","Mode":256})");
  EXPECT_TRUE(first.starts_with("p_page-"));
  EXPECT_EQ(body(ObjectKind::Config, first)["Data"], encode_base64("CONTENT"));
  std::string secret = container("web")["Secrets"][0]["SecretName"];
  EXPECT_EQ(body(ObjectKind::Secret, secret)["Data"], encode_base64("s3cret"));
  EXPECT_EQ(container("web")["Secrets"][0]["File"]["Name"], "/run/secrets/key");
  convert_text(text.replace(text.find("CONTENT"), 7, "OTHER"));
  EXPECT_NE(container("web")["Configs"][0]["ConfigName"], first);
}

TEST_F(SwarmConversionTest, FilesOfTheProjectBecomeConfigsAndOtherPathsStayOnTheNodes) {
  write("conf/a.conf", "a");
  write("conf/sub/b.conf", "b");
  write("key.pem", "k", 0600);
  convert_text(R"(
services:
  web:
    image: nginx
    volumes:
      - ./conf:/etc/conf:ro
      - ./key.pem:/key.pem:ro
      - ./data:/data
      - /etc/localtime:/etc/localtime:ro
)");
  OrderedJson spec = container("web");
  ASSERT_EQ(spec["Configs"].size(), 2u);
  EXPECT_EQ(spec["Configs"][0]["File"]["Name"], "/etc/conf/a.conf");
  EXPECT_EQ(spec["Configs"][1]["File"]["Name"], "/etc/conf/sub/b.conf");
  EXPECT_EQ(spec["Secrets"][0]["File"]["Name"], "/key.pem");
  ASSERT_EQ(spec["Mounts"].size(), 2u);
  EXPECT_EQ(spec["Mounts"][0]["Type"], "volume");
  EXPECT_EQ(spec["Mounts"][1].dump(),
            R"({"Type":"bind","Source":"/etc/localtime","Target":"/etc/localtime","ReadOnly":true})");
  EXPECT_EQ(conversion.report.blocking().size(), 0u);
  for (const SwarmObject& object : conversion.objects)
    EXPECT_EQ(object.body.dump().find(path("")), std::string::npos) << object.name;
}

TEST_F(SwarmConversionTest, LocalVolumesArePinnedToTheirNode) {
  inputs.nodes = {{"p_data", "n1"}};
  convert_text(R"(
services:
  db:
    image: redis
    volumes: ["data:/data", "shared:/shared", "/anonymous"]
volumes:
  data: {}
  shared: {driver_opts: {type: nfs, o: "addr=10.0.0.1", device: ":/x"}}
)");
  EXPECT_EQ(task("db")["Placement"].dump(), R"({"Constraints":["node.id==n1"]})");
  EXPECT_EQ(service("db")["Labels"]["stack.node.p_data"], "n1");
  EXPECT_EQ(conversion.local_volumes.size(), 1u);
  EXPECT_EQ(container("db")["Mounts"][1]["VolumeOptions"]["DriverConfig"]["Options"]["type"], "nfs");
  EXPECT_FALSE(container("db")["Mounts"][2].contains("Source"));
  EXPECT_EQ(verdict("services.db.volumes.0"),
            "adapted compose.yaml:5:15 on the disk of one node, so that the service runs only there");
}

TEST_F(SwarmConversionTest, OneShotServicesAreJobsUnlessTheSwarmIsTooOld) {
  std::string text = R"(
services:
  migrate: {image: app, command: migrate}
  once: {image: app, restart: "no"}
  some: {image: app, deploy: {mode: global-job}}
  retry: {image: app, restart: "on-failure:3"}
  web: {image: app, depends_on: {migrate: {condition: service_completed_successfully}}}
)";
  convert_text(text);
  EXPECT_EQ(service("migrate")["Mode"].dump(),
            R"({"ReplicatedJob":{"MaxConcurrent":1,"TotalCompletions":1}})");
  EXPECT_EQ(task("migrate")["RestartPolicy"]["Condition"], "none");
  EXPECT_FALSE(service("migrate").contains("UpdateConfig"));
  EXPECT_TRUE(service("once")["Mode"].contains("ReplicatedJob"));
  EXPECT_TRUE(service("some")["Mode"].contains("GlobalJob"));
  EXPECT_EQ(task("retry")["RestartPolicy"].dump(), R"({"Condition":"on-failure","MaxAttempts":3})");
  EXPECT_TRUE(service("retry")["Mode"].contains("Replicated"));
  ASSERT_EQ(conversion.needs["web"].size(), 1u);
  EXPECT_EQ(conversion.needs["web"][0].condition, compose::DependencyCondition::CompletedSuccessfully);
  inputs.api_version = 40;
  convert_text(text);
  EXPECT_TRUE(service("once")["Mode"].contains("Replicated"));
  EXPECT_EQ(task("once")["RestartPolicy"]["Condition"], "none");
}

TEST_F(SwarmConversionTest, PublishedPortsDecideHowNamesResolve) {
  convert_text(R"(
services:
  mesh: {image: a, ports: ["8080:80"]}
  host: {image: a, ports: [{target: 80, published: "81", mode: host}]}
  rr: {image: a, ports: ["82:80"], deploy: {endpoint_mode: dnsrr}}
  private: {image: a, ports: ["127.0.0.1:83:80"]}
  wish: {image: a, ports: ["84:80/udp"], x-stack-swarm: {publish: host}}
)");
  EXPECT_EQ(
      service("mesh")["EndpointSpec"].dump(),
      R"({"Mode":"vip","Ports":[{"Protocol":"tcp","TargetPort":80,"PublishedPort":8080,"PublishMode":"ingress"}]})");
  EXPECT_EQ(service("host")["EndpointSpec"]["Mode"], "dnsrr");
  EXPECT_EQ(service("rr")["EndpointSpec"]["Ports"][0]["PublishMode"], "host");
  EXPECT_EQ(service("private")["EndpointSpec"].dump(), R"({"Mode":"dnsrr"})");
  EXPECT_EQ(
      service("wish")["EndpointSpec"].dump(),
      R"({"Mode":"dnsrr","Ports":[{"Protocol":"udp","TargetPort":80,"PublishedPort":84,"PublishMode":"host"}]})");
}

TEST_F(SwarmConversionTest, KeepsLimitsCapabilitiesPlacementAndUpdates) {
  convert_text(R"(
services:
  web:
    image: a
    init: true
    cap_add: [NET_ADMIN]
    sysctls: {net.core.somaxconn: 5}
    ulimits: {nofile: {soft: 1, hard: 2}}
    shm_size: 1m
    tmpfs: ["/run:size=2m,mode=700"]
    dns: [1.1.1.1]
    extra_hosts: ["gate=10.1.1.1"]
    stop_grace_period: 3s
    healthcheck: {test: [CMD, "true"], interval: 1s, start_interval: 2s}
    deploy:
      replicas: 3
      labels: {team: a}
      resources: {limits: {cpus: "0.5", memory: 1M, pids: 9}, reservations: {memory: 512K}}
      placement: {constraints: ["node.role == worker"], preferences: [{spread: node.labels.rack}], max_replicas_per_node: 2}
      update_config: {parallelism: 2, order: start-first, failure_action: rollback, delay: 1s}
      rollback_config: {parallelism: 0}
      restart_policy: {condition: on-failure, delay: 2s, max_attempts: 4, window: 9s}
)");
  OrderedJson spec = container("web");
  EXPECT_EQ(spec["CapabilityAdd"].dump(), R"(["NET_ADMIN"])");
  EXPECT_EQ(spec["Ulimits"].dump(), R"([{"Name":"nofile","Soft":1,"Hard":2}])");
  EXPECT_EQ(spec["Hosts"].dump(), R"(["10.1.1.1 gate"])");
  EXPECT_EQ(spec["StopGracePeriod"], 3000000000);
  EXPECT_EQ(spec["Healthcheck"]["StartInterval"], 2000000000);
  EXPECT_EQ(spec["Mounts"][0].dump(),
            R"({"Type":"tmpfs","Target":"/run","TmpfsOptions":{"SizeBytes":2097152,"Mode":448}})");
  EXPECT_EQ(spec["Mounts"][1]["Target"], "/dev/shm");
  EXPECT_EQ(
      task("web")["Resources"].dump(),
      R"({"Limits":{"NanoCPUs":500000000,"MemoryBytes":1048576,"Pids":9},"Reservations":{"MemoryBytes":524288}})");
  EXPECT_EQ(
      task("web")["Placement"].dump(),
      R"({"Preferences":[{"Spread":{"SpreadDescriptor":"node.labels.rack"}}],"MaxReplicas":2,"Constraints":["node.role == worker"]})");
  EXPECT_EQ(task("web")["RestartPolicy"].dump(),
            R"({"Condition":"on-failure","Delay":2000000000,"MaxAttempts":4,"Window":9000000000})");
  EXPECT_EQ(service("web")["UpdateConfig"]["Order"], "start-first");
  EXPECT_EQ(service("web")["RollbackConfig"]["Parallelism"], 0);
  EXPECT_EQ(service("web")["Labels"]["team"], "a");
  EXPECT_EQ(conversion.report.count(Fidelity::Lost), 0u) << report_text(conversion.report);
  inputs.api_version = 41;
  convert_text("services: {web: {image: a, healthcheck: {test: x, start_interval: 2s}}}");
  EXPECT_TRUE(verdict("services.web.healthcheck.start_interval").starts_with("lost compose.yaml:1:"));
}

TEST_F(SwarmConversionTest, RefusesWhatTheApplicationNeeds) {
  convert_text(R"(
services:
  a: {image: a}
  b: {image: a, network_mode: "service:a"}
  c: {image: a, volumes: [{type: image, source: busybox, target: /x}]}
  d: {image: a, pre_start: [{command: "true"}]}
)");
  std::vector<std::string> keys;
  for (const KeyFidelity* key : conversion.report.blocking()) keys.push_back(key->key);
  EXPECT_EQ(keys, (std::vector<std::string>{"services.b.network_mode", "services.c.volumes.0",
                                            "services.d.pre_start"}));
}

TEST_F(SwarmConversionTest, OnlyPlaceholdersOfTheSwarmAreExpanded) {
  convert_text("services: {web: {image: a, environment: {SLOT: '{{.Task.Slot}}', FORMAT: '{{.Name}}'}}}");
  EXPECT_EQ(container("web")["Env"].dump(), R"(["FORMAT={{\"{{\"}}.Name}}","SLOT={{.Task.Slot}}"])");
  EXPECT_TRUE(verdict("services.web.environment.SLOT").starts_with("adapted"));
}

}  // namespace
}  // namespace stack::targets::swarm
