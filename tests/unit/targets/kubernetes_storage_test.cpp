// Volumes, binds, configs, and secrets.
#include "base/base64.h"
#include "tests/unit/targets/kubernetes_fixture.h"

namespace stack::targets::kubernetes {
namespace {

TEST_F(KubernetesTest, AVolumeIsOneClaimFilledOnceFromTheImage) {
  convert_text(R"(
services:
  redis: {image: redis, volumes: ["data:/data"]}
volumes:
  data:
    x-stack-kubernetes: {size: 5Gi, class: fast, access_mode: ReadWriteMany}
)");
  OrderedJson claim = body("PersistentVolumeClaim", "p-data")["spec"];
  EXPECT_EQ(claim["accessModes"], OrderedJson({"ReadWriteMany"}));
  EXPECT_EQ(claim["storageClassName"], "fast");
  EXPECT_EQ(claim["resources"]["requests"]["storage"], "5Gi");
  OrderedJson fill = pod("StatefulSet", "redis")["initContainers"][0];
  EXPECT_EQ(fill["image"], "redis");
  EXPECT_EQ(fill["command"], OrderedJson({"/.stack-pod/stack-pod", "fill", "/data", "/.stack-volume"}));
  EXPECT_EQ(fill["securityContext"]["runAsUser"], 0);
  // The folder hides lost+found and the marker from the service.
  EXPECT_EQ(container("StatefulSet", "redis")["volumeMounts"][0]["subPath"], "data");
}

TEST_F(KubernetesTest, ServicesThatShareAVolumeShareTheClaimAndTheNode) {
  convert_text(R"(
services:
  a: {image: a, volumes: ["data:/a"]}
  b: {image: b, volumes: ["data:/b:ro"]}
volumes: {data: {}}
)");
  EXPECT_EQ(names(), "ConfigMap/" + conversion.objects[0].name +
                         " PersistentVolumeClaim/p-data Service/a Service/b Deployment/a Deployment/b");
  for (const char* name : {"a", "b"}) {
    OrderedJson affinity = pod("Deployment", name)["affinity"]["podAffinity"];
    EXPECT_NE(affinity.dump().find("stack.volume.p-data"), std::string::npos) << name;
  }
  EXPECT_EQ(container("Deployment", "b")["volumeMounts"][0]["readOnly"], true);
}

TEST_F(KubernetesTest, ExternalVolumesAreNotCreatedAndNfsIsMountedDirectly) {
  convert_text(R"(
services:
  a: {image: a, volumes: ["there:/a", "share:/b", {type: volume, source: kept, target: /c, volume: {nocopy: true}}]}
volumes:
  there: {external: true, name: existing}
  share: {driver_opts: {type: nfs, o: "addr=10.0.0.9,rw", device: ":/exports"}}
  kept: {}
)");
  std::string spec = pod("StatefulSet", "a").dump();
  EXPECT_NE(spec.find(R"("persistentVolumeClaim":{"claimName":"existing"})"), std::string::npos);
  EXPECT_NE(spec.find(R"("nfs":{"server":"10.0.0.9","path":"/exports"})"), std::string::npos);
  EXPECT_EQ(names().find("existing"), std::string::npos);
  EXPECT_FALSE(pod("StatefulSet", "a").contains("initContainers"));
}

TEST_F(KubernetesTest, ABoundFileIsAConfigMapWithAHashOfItsContents) {
  write("nginx.conf", "resolver 127.0.0.11;\n");
  convert_text("services:\n  web: {image: a, volumes: [\"./nginx.conf:/etc/nginx/nginx.conf:ro\"]}\n");
  std::string first = conversion.objects[0].name;
  EXPECT_EQ(conversion.objects[0].kind, "ConfigMap");
  EXPECT_EQ(conversion.objects[0].body["data"]["file"], "resolver 127.0.0.11;\n");
  OrderedJson mount = container("Deployment", "web")["volumeMounts"][0];
  EXPECT_EQ(mount["mountPath"], "/etc/nginx/nginx.conf");
  EXPECT_EQ(mount["subPath"], "file");
  EXPECT_EQ(verdict("services.web.volumes.0"),
            "lost compose.yaml:2:29 the file names the DNS server 127.0.0.11, which a cluster does not have");
  write("nginx.conf", "other\n");
  convert_text("services:\n  web: {image: a, volumes: [\"./nginx.conf:/etc/nginx/nginx.conf:ro\"]}\n");
  EXPECT_NE(conversion.objects[0].name, first) << "a changed file must give new pods";
  EXPECT_EQ(verdict("services.web.volumes.0").substr(0, 7), "adapted");
}

TEST_F(KubernetesTest, ABoundFolderKeepsItsTreeItsModesAndItsBytes) {
  write("src/run.sh", "#!/bin/sh\n", 0755);
  write("src/deep/er/blob", std::string("\0\xff", 2));
  convert_text("services:\n  web: {image: a, volumes: [\"./src:/app\", \"./src:/readonly:ro\"]}\n");
  OrderedJson map = conversion.objects[0].body;
  ASSERT_EQ(map["kind"], "ConfigMap");
  EXPECT_EQ(map["data"]["run.sh"], "#!/bin/sh\n");
  EXPECT_EQ(map["binaryData"].begin().value(), encode_base64(std::string("\0\xff", 2)));
  OrderedJson spec = pod("Deployment", "web");
  EXPECT_NE(spec.dump().find(R"("path":"run.sh","mode":493)"), std::string::npos) << spec.dump();
  EXPECT_NE(spec.dump().find(R"("path":"deep/er/blob")"), std::string::npos);
  // If the service may write, it gets a writable copy.
  EXPECT_EQ(spec["initContainers"][0]["command"][1], "copy");
  EXPECT_EQ(spec["containers"][0]["volumeMounts"][1]["readOnly"], true);
}

TEST_F(KubernetesTest, PrivateFilesAreSecrets) {
  write("key.pem", "secret\n", 0600);
  convert_text("services:\n  web: {image: a, volumes: [\"./key.pem:/key.pem:ro\"]}\n");
  EXPECT_EQ(conversion.objects[0].kind, "Secret");
}

TEST_F(KubernetesTest, AnEmptyBoundFolderIsAVolume) {
  convert_text("services:\n  db: {image: a, volumes: [\"./data:/var/lib/data\"]}\n");
  EXPECT_EQ(conversion.objects[0].kind, "PersistentVolumeClaim");
  EXPECT_EQ(names().find("ConfigMap"), std::string::npos);
}

TEST_F(KubernetesTest, ALargeBindIsLostAndBlocksTheDeployment) {
  write("big/file", std::string(1'100'000, 'x'));
  convert_text("services:\n  web: {image: a, volumes: [\"./big:/big:ro\"]}\n");
  ASSERT_EQ(conversion.report.blocking().size(), 1U);
  EXPECT_EQ(verdict("services.web.volumes.0"),
            "lost compose.yaml:2:29 big has more than 1000 kB, which does not fit into a ConfigMap: copy it "
            "into the "
            "image, or use a named volume");
}

TEST_F(KubernetesTest, NoObjectContainsAPathOfThisMachine) {
  write("conf/a", "x\n");
  convert_text(R"(
services:
  web: {image: a, build: ., volumes: ["./conf:/conf", "./data:/data", "/var/run/docker.sock:/var/run/docker.sock"]}
)");
  EXPECT_EQ(object_stream(conversion).find(options.current_directory), std::string::npos);
}

TEST_F(KubernetesTest, ConfigsAndSecretsHaveModesOwnersAndHashes) {
  write("password", "hunter2\n");
  options.environment["TOKEN"] = "abc";
  convert_text(R"(
services:
  app:
    image: a
    configs: [{source: settings, target: /etc/s.ini, mode: 0440}]
    secrets: [password, {source: token, target: api, uid: "1000", gid: "1001", mode: 0400}]
configs:
  settings: {content: "a=1\n"}
secrets:
  password: {file: ./password}
  token: {environment: TOKEN}
)");
  OrderedJson spec = pod("Deployment", "app");
  EXPECT_NE(spec.dump().find(R"({"key":"file","path":"file","mode":288})"), std::string::npos) << spec.dump();
  OrderedJson mounts = spec["containers"][0]["volumeMounts"];
  EXPECT_EQ(mounts[0]["mountPath"], "/etc/s.ini");
  EXPECT_EQ(mounts[1]["mountPath"], "/run/secrets/password");
  EXPECT_EQ(mounts[2]["mountPath"], "/run/secrets/api");
  EXPECT_EQ(spec["initContainers"][0]["command"].back(), "1000:1001");
  int secrets = 0;
  for (const KubeObject& one : conversion.objects)
    if (one.kind == "Secret" && one.body["data"]["file"] == encode_base64("abc")) ++secrets;
  EXPECT_EQ(secrets, 1);
}

}  // namespace
}  // namespace stack::targets::kubernetes
