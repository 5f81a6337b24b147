// Images go to and come from other programs unchanged: skopeo, umoci, buildah, and dockerd, through a registry and as archives.
// A test is skipped if its program is not installed.
#include "scenario.h"

namespace stack::e2e {
namespace {

constexpr const char* kRegistry = "127.0.0.1:5058";

bool has_program(const std::string& name) {
  return run_command({"bash", "-c", "command -v " + name + " >/dev/null"}).code == 0;
}

#define NEEDS(program) \
  if (!has_program(program)) GTEST_SKIP() << "needs " program

class Exchange : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    NEEDS("docker-registry");
    project("exchange", "services: {}\n");
    std::string config =
        "version: 0.1\nlog: { level: error }\nstorage:\n  filesystem: { rootdirectory: " + folder() +
        "/registry }\nhttp:\n  addr: " + kRegistry + "\n";
    ASSERT_TRUE(write_file(folder() + "/registry.yml", config));
    server_ = std::make_unique<BackgroundCommand>(
        std::vector<std::string>{"docker-registry", "serve", folder() + "/registry.yml"});
    ASSERT_TRUE(eventually(
        10s, [] { return run_command({"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5058"}).code == 0; }));
  }
  void TearDown() override {
    daemon_.reset();
    server_.reset();
    Scenario::TearDown();
  }

  std::string at(const std::string& name) const { return std::string(kRegistry) + "/" + name; }
  // Standard output without the last line end.
  std::string shell(const std::string& script) {
    CommandResult result = run_command({"bash", "-ec", "cd " + path(".") + "; " + script});
    EXPECT_EQ(result.code, 0) << script << "\n" << result.text();
    while (result.out.ends_with('\n')) result.out.pop_back();
    return result.out;
  }
  // An image with two layers, a link, owners, and modes, built by our builder and pushed; returns its digest.
  std::string publish(const std::string& name, const std::vector<std::string>& more = {}) {
    shell("mkdir -p tree/sub; echo one > tree/one; ln -sf one tree/link; echo two > two; chmod 4755 two");
    write("Dockerfile",
          "FROM scratch\nCOPY --chown=7:8 tree /tree\nCOPY two /two\nENV A=b\nLABEL l=m\nCMD [\"/two\"]\n");
    std::vector<std::string> build{"build", "-t", at(name), "."};
    build.insert(build.begin() + 1, more.begin(), more.end());
    must_docker(build);
    must_docker({"push", "-q", at(name)});
    return registry_digest(name);
  }
  std::string registry_digest(const std::string& name) {
    size_t colon = name.rfind(':');
    std::string head = run_command({"curl", "-sI", "-H",
                                    "Accept: application/vnd.oci.image.manifest.v1+json, "
                                    "application/vnd.oci.image.index.v1+json, "
                                    "application/vnd.docker.distribution.manifest.v2+json, "
                                    "application/vnd.docker.distribution.manifest.list.v2+json",
                                    "http://" + std::string(kRegistry) + "/v2/" + name.substr(0, colon) +
                                        "/manifests/" + name.substr(colon + 1)})
                           .out;
    size_t begin = head.find("sha256:");
    return begin == std::string::npos ? "" : head.substr(begin, 71);
  }
  std::string image_id(const std::string& name) {
    return shell("curl -s --unix-socket " + stack().socket() + " http://stack/images/" + name +
                 "/json | grep -o '\"Id\":\"[^\"]*' | head -1 | cut -d'\"' -f4");
  }
  // Pulls what another program pushed, and pushes it elsewhere: all digests are the same.
  void expect_unchanged(const std::string& name) {
    std::string theirs = registry_digest(name);
    ASSERT_FALSE(theirs.empty());
    must_docker({"pull", "-q", at(name)});
    std::string shown = must_docker({"images", "--digests", "--format", "{{.Digest}}", at(name)}).out;
    EXPECT_EQ(shown, theirs + "\n");
    must_docker({"tag", at(name), at("copy:" + name.substr(name.rfind(':') + 1))});
    must_docker({"push", "-q", at("copy:" + name.substr(name.rfind(':') + 1))});
    EXPECT_EQ(registry_digest("copy:" + name.substr(name.rfind(':') + 1)), theirs);
  }
  void start_docker() {
    std::string there = folder() + "/dockerd";
    ASSERT_TRUE(ensure_directory(there));
    docker_ = "docker -H unix://" + there + "/sock ";
    daemon_ = std::make_unique<BackgroundCommand>(
        std::vector<std::string>{"dockerd", "--data-root", there + "/data", "--exec-root", there + "/exec",
                                 "-H", "unix://" + there + "/sock", "--pidfile", there + "/pid", "--bridge",
                                 "none", "--iptables=false", "--ip6tables=false", "--storage-driver", "vfs"});
    ASSERT_TRUE(eventually(60s, [&] { return run_command({"bash", "-c", docker_ + "version"}).code == 0; }))
        << daemon_->output();
  }
  void stop_docker() {
    if (!daemon_) return;
    daemon_->signal(SIGTERM);
    EXPECT_NE(daemon_->wait(30s), -1);
    daemon_.reset();
    EXPECT_TRUE(remove_tree(folder() + "/dockerd"));
  }

  std::unique_ptr<BackgroundCommand> server_;
  std::unique_ptr<BackgroundCommand> daemon_;
  std::string docker_;
};

TEST_F(Exchange, SkopeoAndUmoci) {
  NEEDS("skopeo");
  NEEDS("umoci");
  std::string ours = publish("ours:1");
  shell("skopeo copy -q --src-tls-verify=false docker://" + at("ours:1") + " oci:layout:1");
  EXPECT_EQ("sha256:" + shell("skopeo inspect --raw oci:layout:1 | sha256sum | cut -c1-64"), ours);
  shell("umoci unpack --image layout:1 bundle");
  EXPECT_EQ(shell("cat bundle/rootfs/tree/link; stat -c '%a %u' bundle/rootfs/two"), "one\n4755 0");
  // umoci adds a layer of its own.
  shell("echo three > bundle/rootfs/three; rm bundle/rootfs/two; umoci repack --image layout:2 bundle");
  shell("skopeo copy -q --dest-tls-verify=false oci:layout:2 docker://" + at("theirs:2"));
  expect_unchanged("theirs:2");
  must_docker(
      {"build", "-q", "-o", "out", "--build-context", "x=docker-image://" + at("theirs:2"), "-f", "-", "."},
      "FROM x\n");
  EXPECT_EQ(shell("ls out; cat out/three"), "three\ntree\nthree");
  for (const char* archive : {"docker-archive", "oci-archive"}) {
    shell("rm -f a.tar; skopeo copy -q --src-tls-verify=false docker://" + at("ours:1") + " " + archive +
          ":a.tar:loaded:1");
    must_docker({"load", "-q", "-i", "a.tar"});
    EXPECT_EQ(image_id("loaded:1"), image_id(at("ours:1"))) << archive;
    must_docker({"rmi", "loaded:1"});
  }
  must_docker({"rmi", "-f", at("ours:1"), at("theirs:2"), at("copy:2")});
}

TEST_F(Exchange, Buildah) {
  NEEDS("buildah");
  std::string ours = publish("ours:1");
  std::string buildah =
      "buildah --root " + folder() + "/b --runroot " + folder() + "/br --storage-driver vfs ";
  std::string id = shell(buildah + "pull -q --tls-verify=false docker://" + at("ours:1"));
  EXPECT_EQ("sha256:" + id, image_id(at("ours:1")));
  shell("c=$(" + buildah + "from -q --tls-verify=false " + at("ours:1") + "); echo four > four; " + buildah +
        "copy -q $c four /four; " + buildah + "config --env X=y $c; " + buildah +
        "commit -q --tls-verify=false $c docker://" + at("theirs:3") + "; " + buildah + "rm $c");
  expect_unchanged("theirs:3");
  must_docker(
      {"build", "-q", "-o", "out", "--build-context", "x=docker-image://" + at("theirs:3"), "-f", "-", "."},
      "FROM x\n");
  EXPECT_EQ(shell("cat out/four out/tree/link; stat -c %a out/two"), "four\none\n4755");
  must_docker({"save", "-o", "saved.tar", at("theirs:3")});
  std::string again = shell(buildah + "pull -q oci-archive:saved.tar");
  EXPECT_EQ("sha256:" + again, image_id(at("theirs:3")));
  shell(buildah + "rmi -a -f");
  must_docker({"rmi", "-f", at("ours:1"), at("theirs:3"), at("copy:3")});
}

TEST_F(Exchange, Docker) {
  NEEDS("dockerd");
  NEEDS("containerd");
  std::string ours = publish("ours:1");
  start_docker();
  shell(docker_ + "pull -q " + at("ours:1"));
  EXPECT_EQ(shell(docker_ + "inspect -f '{{index .RepoDigests 0}}' " + at("ours:1")),
            at("ours") + "@" + ours);
  EXPECT_EQ(shell(docker_ + "inspect -f '{{.Id}}' " + at("ours:1")), image_id(at("ours:1")));
  // Archives both ways keep the id.
  shell(docker_ + "save -o theirs.tar " + at("ours:1"));
  std::string id = image_id(at("ours:1"));
  must_docker({"rmi", "-f", at("ours:1")});
  must_docker({"load", "-q", "-i", "theirs.tar"});
  EXPECT_EQ(image_id(at("ours:1")), id);
  shell(docker_ + "rmi -f " + at("ours:1"));
  must_docker({"save", "-o", "ours.tar", at("ours:1")});
  shell(docker_ + "load -q -i ours.tar");
  EXPECT_EQ(shell(docker_ + "inspect -f '{{.Id}}' " + at("ours:1")), id);
  // What it builds and pushes.
  write("Theirs", "FROM " + at("ours:1") + "\nCOPY two /again\nVOLUME /data\nHEALTHCHECK CMD true\n");
  shell("DOCKER_BUILDKIT=0 " + docker_ + "build -q -t " + at("theirs:4") + " -f Theirs . && " + docker_ +
        "push -q " + at("theirs:4"));
  expect_unchanged("theirs:4");
  stop_docker();
  must_docker({"rmi", "-f", at("ours:1"), at("theirs:4"), at("copy:4")});
}

TEST_F(Exchange, AttestedImages) {
  NEEDS("skopeo");
  publish("ours:5", {"--provenance", "mode=max", "--sbom", "true"});
  std::string index = registry_digest("ours:5");
  must_docker({"save", "-o", "attested.tar", at("ours:5")});
  shell(
      "skopeo copy -q --all oci-archive:attested.tar dir:copied; skopeo copy -q --all --src-tls-verify=false "
      "docker://" +
      at("ours:5") + " oci:layout:5");
  EXPECT_EQ("sha256:" + shell("sha256sum < copied/manifest.json | cut -c1-64"), index);
  EXPECT_EQ(shell("skopeo inspect --raw oci:layout:5 | sha256sum | cut -c1-64"), index.substr(7));
  std::string id = image_id(at("ours:5"));
  must_docker({"rmi", "-f", at("ours:5")});
  must_docker({"pull", "-q", at("ours:5")});
  EXPECT_EQ(image_id(at("ours:5")), id);
  must_docker({"rmi", "-f", at("ours:5")});
  must_docker({"load", "-q", "-i", "attested.tar"});
  must_docker({"tag", at("ours:5"), at("again:5")});
  must_docker({"push", "-q", at("again:5")});
  EXPECT_EQ(registry_digest("again:5"), index);
  must_docker({"rmi", "-f", at("ours:5"), at("again:5")});
}

}  // namespace
}  // namespace stack::e2e
