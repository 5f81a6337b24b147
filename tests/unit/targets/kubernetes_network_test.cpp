// Names, ports, and isolation.
#include "tests/unit/targets/kubernetes_fixture.h"

namespace stack::targets::kubernetes {
namespace {

TEST_F(KubernetesTest, PublishedPortsAreReachableFromOutside) {
  convert_text(R"(
services:
  web: {image: a, ports: ["8080:80", "53:53/udp", "9000"]}
  admin: {image: a, ports: ["127.0.0.1:9090:90"]}
)");
  OrderedJson web = body("Service", "web-published")["spec"];
  EXPECT_EQ(web["type"], "LoadBalancer");
  EXPECT_EQ(web["ports"], OrderedJson::parse(R"([
    {"name":"p8080","port":8080,"targetPort":80,"protocol":"TCP"},
    {"name":"p53-udp","port":53,"targetPort":53,"protocol":"UDP"},
    {"name":"p9000","port":9000,"targetPort":9000,"protocol":"TCP"}])"));
  // A port of 127.0.0.1 must not become public.
  EXPECT_EQ(body("Service", "admin-local")["spec"]["type"], "ClusterIP");
  EXPECT_EQ(names().find("admin-published"), std::string::npos);
}

TEST_F(KubernetesTest, TheExtensionChoosesHowPortsArePublished) {
  convert_text(R"(
services:
  a: {image: a, ports: ["8080:80"], x-stack-kubernetes: {service_type: NodePort, node_port: 30080}}
  b: {image: b, ports: ["8081:80"], x-stack-kubernetes: {ingress: {host: b.example, class: nginx, tls_secret: t}}}
  c: {image: c, ports: ["8082:80"], x-stack-kubernetes: {route: {gateway: g, host: c.example}}}
)");
  EXPECT_EQ(body("Service", "a-published")["spec"]["type"], "NodePort");
  EXPECT_EQ(body("Service", "a-published")["spec"]["ports"][0]["nodePort"], 30080);
  EXPECT_EQ(body("Service", "b-published")["spec"]["type"], "ClusterIP");
  OrderedJson ingress = body("Ingress", "b")["spec"];
  EXPECT_EQ(ingress["ingressClassName"], "nginx");
  EXPECT_EQ(ingress["rules"][0]["host"], "b.example");
  EXPECT_EQ(ingress["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"], 8081);
  EXPECT_EQ(ingress["tls"][0]["secretName"], "t");
  EXPECT_EQ(body("HTTPRoute", "c")["spec"]["parentRefs"][0]["name"], "g");
}

TEST_F(KubernetesTest, AliasesAreAdditionalNames) {
  convert_text(R"(
services:
  db: {image: a, container_name: the-db, networks: {default: {aliases: [database, "with.dot", "a.b.c"]}}}
  web: {image: a, links: ["db:store"]}
)");
  for (const char* name : {"db", "the-db", "database", "store"})
    EXPECT_EQ(body("Service", name)["spec"]["selector"]["stack.service"], "db") << name;
  EXPECT_EQ(verdict("services.db.networks.default.aliases.2").substr(0, 4), "lost");
}

TEST_F(KubernetesTest, OneAliasWithADotIsTheNameOfThePods) {
  convert_text(R"(
services:
  app: {image: a, networks: {default: {aliases: ["api.example", "other.example", "api.web"]}}}
  web: {image: a}
  named: {image: a, hostname: mine, networks: {default: {aliases: ["api.named-domain"]}}}
  db: {image: a, volumes: ["data:/data"], networks: {default: {aliases: ["api.store"]}}}
volumes: {data: {}}
)");
  EXPECT_EQ(pod("Deployment", "app")["hostname"], "api");
  EXPECT_EQ(pod("Deployment", "app")["subdomain"], "example");
  EXPECT_EQ(body("Service", "example")["spec"]["clusterIP"], "None");
  EXPECT_EQ(body("Service", "example")["spec"]["selector"]["stack.service"], "app");
  EXPECT_EQ(verdict("services.app.networks.default.aliases.0").substr(0, 7), "adapted");
  // A second one, a domain that is a service, a host name of the file, and pods with names of their own.
  for (const char* lost : {"app.networks.default.aliases.1", "app.networks.default.aliases.2",
                           "named.networks.default.aliases.0", "db.networks.default.aliases.0"})
    EXPECT_EQ(verdict(std::string("services.") + lost).substr(0, 4), "lost") << lost;
}

TEST_F(KubernetesTest, NetworksAreIsolatedOnlyOnRequest) {
  convert_text("services:\n  a: {image: a}\n  b: {image: b}\n");
  EXPECT_EQ(names().find("NetworkPolicy"), std::string::npos);
  convert_text(R"(
services:
  proxy: {image: a, ports: ["80:80"], networks: [front]}
  app: {image: a, networks: [front, back]}
  db: {image: a, networks: [back]}
  alone: {image: a, network_mode: none}
networks:
  front: {}
  back: {internal: true}
)");
  OrderedJson front = body("NetworkPolicy", "p-front-network")["spec"];
  EXPECT_EQ(front["policyTypes"], OrderedJson({"Ingress"}));
  EXPECT_EQ(front["podSelector"]["matchLabels"]["stack.network.front"], "true");
  OrderedJson back = body("NetworkPolicy", "p-back-network")["spec"];
  EXPECT_EQ(back["policyTypes"], OrderedJson({"Ingress", "Egress"}));
  EXPECT_EQ(back["egress"][1]["ports"][0]["port"], 53) << "names are resolved in an internal network as well";
  EXPECT_EQ(body("NetworkPolicy", "proxy-published")["spec"]["ingress"][0]["ports"][0]["port"], 80);
  EXPECT_EQ(body("NetworkPolicy", "app-outside")["spec"]["egress"][0], OrderedJson::object());
  EXPECT_EQ(body("NetworkPolicy", "alone-none")["spec"]["policyTypes"].size(), 2U);
  OrderedJson labels = body("Deployment", "app")["spec"]["template"]["metadata"]["labels"];
  EXPECT_EQ(labels["stack.network.front"], "true");
  EXPECT_EQ(labels["stack.network.back"], "true");
}

TEST_F(KubernetesTest, PlacementChoosesNodes) {
  convert_text(R"(
services:
  a:
    image: a
    deploy:
      placement:
        constraints: ["node.labels.zone == a", "node.role == manager", "node.hostname != n1", "engine.labels.x == y"]
        preferences: [{spread: node.labels.rack}]
        max_replicas_per_node: 1
      update_config: {parallelism: 2, order: start-first, delay: 5s}
      replicas: 4
)");
  std::string spec = pod("Deployment", "a").dump();
  EXPECT_NE(spec.find(R"({"key":"zone","operator":"In","values":["a"]})"), std::string::npos) << spec;
  EXPECT_NE(spec.find(R"({"key":"node-role.kubernetes.io/control-plane","operator":"Exists"})"),
            std::string::npos);
  EXPECT_NE(spec.find(R"({"key":"kubernetes.io/hostname","operator":"NotIn","values":["n1"]})"),
            std::string::npos);
  EXPECT_NE(spec.find(R"("topologyKey":"rack")"), std::string::npos);
  EXPECT_NE(spec.find("podAntiAffinity"), std::string::npos);
  EXPECT_EQ(verdict("services.a.deploy.placement.constraints.3").substr(0, 4), "lost");
  OrderedJson deployment = body("Deployment", "a")["spec"];
  EXPECT_EQ(deployment["strategy"]["rollingUpdate"],
            OrderedJson::parse(R"({"maxSurge":2,"maxUnavailable":0})"));
  EXPECT_EQ(deployment["minReadySeconds"], 5);
}

}  // namespace
}  // namespace stack::targets::kubernetes
