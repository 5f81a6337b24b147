// Pulls and pushes with Debian's docker-registry on loopback: open, with users, and with TLS.
#include <sys/stat.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

// "me" with the password "s3cret-word", by bcrypt.
constexpr const char* kUsers = "me:$2b$05$abcdefghijklmnopqrstuuEpHRRKIlpAGo.iP7Bpa.htQEJMAAnRe\n";

class Registry : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    ASSERT_TRUE(path_exists("/usr/bin/docker-registry")) << "install the packages of the group test";
  }
  void TearDown() override {
    server_.reset();
    Scenario::TearDown();
  }

  // Serves on `address`; `more` is appended to its configuration.
  void serve(const std::string& address, const std::string& http = "", const std::string& more = "") {
    address_ = address;
    std::string config =
        "version: 0.1\nlog: { level: error }\nstorage:\n  filesystem: { rootdirectory: " + folder() +
        "/registry }\n  delete: { enabled: true }\nhttp:\n  addr: " + address + "\n" + http + more;
    ASSERT_TRUE(write_file(folder() + "/registry.yml", config));
    start_server();
  }
  void start_server() {
    server_ = std::make_unique<BackgroundCommand>(
        std::vector<std::string>{"docker-registry", "serve", folder() + "/registry.yml"});
    std::string port = address_.substr(address_.find(':') + 1);
    std::string host = address_.substr(0, address_.find(':'));
    ASSERT_TRUE(eventually(10s, [&] {
      return run_command({"bash", "-c", "exec 3<>/dev/tcp/" + host + "/" + port}).code == 0;
    })) << server_->output();
  }
  void stop_server() { server_.reset(); }

  std::string at(const std::string& image) const { return address_ + "/" + image; }
  // Adds a name to an image in the store.
  void tag(const std::string& from, const std::string& to) {
    size_t colon = to.rfind(':');
    ApiAnswer answer = stack().api(
        "POST", "/images/" + from + "/tag?repo=" + to.substr(0, colon) + "&tag=" + to.substr(colon + 1));
    ASSERT_EQ(answer.status, 201) << answer.body;
  }
  // Pushes the shared base image under this name, and removes the name from the store.
  void publish(const std::string& image, const std::string& from = "debian:bookworm-slim") {
    tag(from, at(image));
    must({"image", "push", at(image)}, {{"HOME", folder()}});
    must({"image", "rm", at(image)});
  }
  std::string digest_of(const std::string& image) {
    Json digests = Json::parse(must({"image", "inspect", "--format", "json", image}).out, nullptr, false);
    if (digests.is_array() && !digests.empty()) digests = digests[0];
    std::string out;
    for (const Json& item : digests.value("RepoDigests", Json::array()))
      if (std::string text = item.get<std::string>();
          text.starts_with(image.substr(0, image.rfind(':')) + "@"))
        out = text.substr(text.find('@') + 1);
    return out;
  }
  // The raw response and, on a separate line, the status.
  std::string ask(const std::string& method, const std::string& path) {
    return run_command({"curl", "-s", "-X", method, "--unix-socket", stack().socket(), "-w", "\n%{http_code}",
                        "http://stack" + path})
        .out;
  }
  // Expects no trace of the credentials in the engine's files.
  void expect_no_trace(const std::string& text) {
    for (const std::string& place : {stack().root(), stack().run_root()})
      EXPECT_EQ(run_command({"grep", "-rlaF", text, place}).out, "");
  }

 private:
  std::unique_ptr<BackgroundCommand> server_;
  std::string address_;
};

TEST_F(Registry, UpPullsMissingImages) {
  project(
      "pulled",
      "services:\n  web: { image: \"127.0.0.1:5055/team/app:1\", command: [sleep, infinity], init: true }\n");
  serve("127.0.0.1:5055");
  publish("team/app:1");
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.code, 2) << plan.text();  // there are changes
  EXPECT_NE(plan.out.find("+ pull image        127.0.0.1:5055/team/app:1"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("no image"), std::string::npos) << plan.out;
  must({"up", "-d"});
  EXPECT_EQ(inside("web", "cat /etc/debian_version | head -c 3"), "12.");
  CommandResult again = must({"up", "-d"});
  EXPECT_NE(again.err.find("Up to date"), std::string::npos) << again.text();
  must({"down"});
}

TEST_F(Registry, DigestsStayTheSameThroughPullAndPush) {
  project("digests", "services: {}\n");
  serve("127.0.0.1:5055");
  publish("team/app:1");
  must({"image", "pull", at("team/app:1")});
  std::string first = digest_of(at("team/app:1"));
  ASSERT_TRUE(first.starts_with("sha256:")) << first;
  tag(at("team/app:1"), at("other/copy:2"));
  must({"image", "push", at("other/copy:2")});
  CommandResult head = run_command({"curl", "-sI", "-H",
                                    "Accept: application/vnd.oci.image.manifest.v1+json, "
                                    "application/vnd.docker.distribution.manifest.v2+json",
                                    "http://127.0.0.1:5055/v2/other/copy/manifests/2"});
  EXPECT_NE(head.out.find(first), std::string::npos) << head.out << first;
  must({"image", "pull", at("team/app") + "@" + first});
}

TEST_F(Registry, PolicyAlwaysDetectsANewImageAndRecreates) {
  project("policy",
          "services:\n  web: { image: \"127.0.0.1:5055/app:1\", command: [sleep, infinity], init: true, "
          "pull_policy: always }\n");
  serve("127.0.0.1:5055");
  publish("app:1");
  must({"up", "-d"});
  std::string before = container("web").id;
  must({"up", "-d"});
  EXPECT_EQ(container("web").id, before) << "the same image again changes nothing";
  write("Dockerfile", "FROM debian:bookworm-slim\nLABEL changed=yes\n");
  write("other.yml", "services:\n  x: { image: \"127.0.0.1:5055/app:1\", build: . }\n");
  must({"-p", "other", "-f", "other.yml", "build"});
  must({"-p", "other", "-f", "other.yml", "push"});
  must({"image", "rm", "-f", at("app:1")});
  must({"up", "-d"});
  EXPECT_NE(container("web").id, before);
  before = container("web").id;
  write("Dockerfile", "FROM debian:bookworm-slim\nLABEL changed=again\n");
  must({"-p", "other", "-f", "other.yml", "build", "--push"});
  must({"image", "rm", "-f", at("app:1")});
  EXPECT_NE(must({"--dry-run", "pull"}).out.find("pull image"), std::string::npos);
  EXPECT_EQ(stack().api("GET", "/images/" + at("app:1") + "/json").status, 404) << "a dry run pulls nothing";
  must({"up", "-d"});
  EXPECT_NE(container("web").id, before);
  must({"down"});
}

TEST_F(Registry, CredentialsBelongToTheCallerAndAreNotStored) {
  project("private",
          "services:\n  web: { image: \"127.0.0.1:5055/app:1\", command: [sleep, infinity], init: true }\n");
  ASSERT_TRUE(write_file(folder() + "/htpasswd", kUsers));
  serve("127.0.0.1:5055", "", "auth:\n  htpasswd: { realm: test, path: " + folder() + "/htpasswd }\n");
  std::map<std::string, std::string> home{{"HOME", folder()}};
  must_fail({"up", "-d"}, {"127.0.0.1:5055/app:1", "stack login 127.0.0.1:5055"}, 1, home);
  CommandResult wrong = run({"login", "127.0.0.1:5055", "-u", "me", "--password-stdin"}, home, "wrong");
  EXPECT_EQ(wrong.code, 1) << wrong.text();
  CommandResult login =
      run({"login", "127.0.0.1:5055", "-u", "me", "--password-stdin"}, home, "s3cret-word\n");
  ASSERT_EQ(login.code, 0) << login.text();
  EXPECT_EQ(login.out, "Login Succeeded\n");
  struct stat info{};
  ASSERT_EQ(::stat((folder() + "/.docker/config.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  publish("app:1");
  must({"up", "-d"}, home);
  expect_no_trace("s3cret-word");
  expect_no_trace("bWU6czNjcmV0LXdvcmQ=");
  must({"down"});
  must({"image", "rm", at("app:1")});
  EXPECT_EQ(run({"logout", "127.0.0.1:5055"}, home).code, 0);
  EXPECT_EQ(run({"pull"}, home).code, 1);
}

TEST_F(Registry, CredentialHelpersRunOnlyForWhatMustBePulled) {
  project("helped", "services:\n  web: { image: \"127.0.0.1:5055/app:1\", command: [sleep, infinity], init: true }\n");
  serve("127.0.0.1:5055");
  publish("app:1");
  ASSERT_TRUE(ensure_directory(folder() + "/bin"));
  ASSERT_TRUE(write_file(folder() + "/bin/docker-credential-noting",
                         "#!/bin/sh\necho \"$1 $(cat)\" >> " + folder() + "/asked\necho credentials not found\nexit 1\n"));
  ASSERT_EQ(::chmod((folder() + "/bin/docker-credential-noting").c_str(), 0755), 0);
  ASSERT_TRUE(ensure_directory(folder() + "/.docker"));
  ASSERT_TRUE(write_file(folder() + "/.docker/config.json", R"({"credsStore":"noting"})"));
  std::map<std::string, std::string> home{{"HOME", folder()}, {"PATH", folder() + "/bin:" + std::getenv("PATH")}};
  auto asked = [&] {
    std::string text = read_file(folder() + "/asked").value_or("");
    ::unlink((folder() + "/asked").c_str());
    return text;
  };
  must({"up", "-d"}, home);
  EXPECT_EQ(asked(), "get 127.0.0.1:5055\n");
  must({"up", "-d"}, home);
  EXPECT_EQ(asked(), "") << "the image is here";
  must({"restart", "-t", "0"}, home);
  EXPECT_EQ(asked(), "");
  must({"up", "-d", "--pull", "always"}, home);
  EXPECT_EQ(asked(), "get 127.0.0.1:5055\n");
  must({"pull"}, home);
  EXPECT_EQ(asked(), "get 127.0.0.1:5055\n");
  must({"down"}, home);
  EXPECT_EQ(asked(), "");
}

TEST_F(Registry, ConfiguredCertificateAuthorityIsTrusted) {
  project("tls", "services: {}\n");
  ASSERT_EQ(run_command({"ip", "address", "add", "10.97.0.1/32", "dev", "lo"}).code, 0);
  CommandResult made = run_command({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                                    "-subj", "/CN=test", "-addext", "subjectAltName=IP:10.97.0.1", "-keyout",
                                    folder() + "/key.pem", "-out", folder() + "/cert.pem"});
  ASSERT_EQ(made.code, 0) << made.text();
  serve("10.97.0.1:5443",
        "  tls: { certificate: " + folder() + "/cert.pem, key: " + folder() + "/key.pem }\n");
  tag("debian:bookworm-slim", at("app:1"));
  must_fail({"image", "push", at("app:1")}, {"10.97.0.1:5443", "certificate"});
  must({"image", "push", at("app:1")}, {{"STACK_CA_BUNDLE", folder() + "/cert.pem"}});
  must({"image", "rm", at("app:1")});
  must({"image", "pull", at("app:1")}, {{"STACK_CA_BUNDLE", folder() + "/cert.pem"}});
}

TEST_F(Registry, BuildPullsItsBase) {
  project("build", "services:\n  app: { build: ., image: built }\n");
  write("Dockerfile", "FROM 127.0.0.1:5055/base:1\nRUN echo built > /result\nCMD cat /result\n");
  serve("127.0.0.1:5055");
  publish("base:1");
  must({"build"});
  EXPECT_EQ(must({"run", "--rm", "-T", "app"}).out, "built\n");
  must({"down"});
}

TEST_F(Registry, BuildCacheIsSharedThroughTheRegistry) {
  project("cached", "services: {}\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN cat /proc/sys/kernel/random/uuid > /id\n");
  serve("127.0.0.1:5055");
  must_docker({"build", "-t", at("app:1"), "--push", "--cache-to",
               "type=registry,ref=" + at("app:cache") + ",mode=max", "."});
  std::string first = must_docker({"run", "--rm", at("app:1"), "cat", "/id"}).out;
  must_docker({"rmi", at("app:1")});
  must_docker({"builder", "prune", "-af"});
  must_docker({"build", "-t", "again", "--cache-from", at("app:cache"), "."});
  EXPECT_EQ(must_docker({"run", "--rm", "again", "cat", "/id"}).out, first);
  must_docker({"rmi", "again"});
  EXPECT_EQ(docker({"images", "-q", at("app")}).out, "") << "a cache is no image of the store";
  must({"image", "pull", at("app:1")});
}

TEST_F(Registry, LocalLayersArePushedWithTheSameCompressedDigest) {
  project("packed", "services: {}\n");
  write("Dockerfile", "FROM scratch\nCOPY data /data\n");
  write("data", std::string(300000, 'x'));
  serve("127.0.0.1:5055");
  must_docker({"build", "-t", at("app:1"), "-t", at("other:1"), "."});
  must_docker({"push", at("app:1")});
  must_docker({"push", at("other:1")});
  std::string digest = digest_of(at("app:1"));
  EXPECT_FALSE(digest.empty());
  EXPECT_EQ(digest_of(at("other:1")), digest);
  std::string manifest =
      run_command({"curl", "-s", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
                   "http://127.0.0.1:5055/v2/app/manifests/" + digest})
          .out;
  EXPECT_NE(manifest.find("application/vnd.oci.image.layer.v1.tar+gzip"), std::string::npos) << manifest;
  Json sizes = Json::parse(manifest, nullptr, false);
  ASSERT_TRUE(sizes.is_object()) << manifest;
  EXPECT_LT(sizes["layers"][0]["size"].get<int64_t>(), 10000);
  must_docker({"rmi", at("app:1"), at("other:1")});
  must_docker({"build", "-t", at("app:2"), "--no-cache", "."});
  must_docker({"pull", at("app:1")});
  EXPECT_EQ(run_command({"skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}",
                         "docker://" + at("app:1")})
                .out,
            digest + "\n");
  must_docker({"save", "-o", "a.tar", at("app:1")});
  EXPECT_EQ(run_command({"skopeo", "inspect", "--raw", "oci-archive:" + path("a.tar")}).code, 0);
}

TEST_F(Registry, AttestationsArePushedWithTheImage) {
  project("attested",
          "services:\n  app:\n    image: 127.0.0.1:5055/team/app:1\n    build: { context: ., provenance: "
          "mode=max, sbom: "
          "true }\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo built > /result\nCMD cat /result\n");
  serve("127.0.0.1:5055");
  must({"build", "--push"});
  auto raw = [&](const std::string& what) {
    return Json::parse(
        run_command({"skopeo", "inspect", "--tls-verify=false", "--raw", "docker://" + at("team/app") + what})
            .out,
        nullptr, false);
  };
  Json index = raw(":1");
  ASSERT_TRUE(index.is_object() && index["manifests"].size() == 2) << index;
  EXPECT_EQ(index["manifests"][1]["annotations"]["vnd.docker.reference.digest"],
            index["manifests"][0]["digest"]);
  Json attestation = raw("@" + index["manifests"][1]["digest"].get<std::string>());
  ASSERT_EQ(attestation["layers"].size(), 2u) << attestation;
  std::string types;
  for (const Json& layer : attestation["layers"]) {
    std::string url = "http://127.0.0.1:5055/v2/team/app/blobs/" + layer["digest"].get<std::string>();
    Json statement = Json::parse(run_command({"curl", "-s", url}).out, nullptr, false);
    ASSERT_TRUE(statement.is_object());
    types += statement["predicateType"].get<std::string>() + " ";
    EXPECT_EQ("sha256:" + statement["subject"][0]["digest"]["sha256"].get<std::string>(),
              index["manifests"][0]["digest"]);
    if (statement["predicateType"] == "https://spdx.dev/Document") {
      EXPECT_GT(statement["predicate"]["packages"].size(), 50u);
    }
  }
  EXPECT_EQ(types, "https://slsa.dev/provenance/v1 https://spdx.dev/Document ");
  must({"image", "rm", at("team/app:1")});
  EXPECT_EQ(must({"run", "--rm", "-T", "app"}).out, "built\n");
  must({"down"});
}

TEST_F(Registry, FailuresNameARemedy) {
  project("failing", "services:\n  web: { image: \"127.0.0.1:5055/no/such:1\" }\n");
  serve("127.0.0.1:5055");
  must_fail({"up", "-d"}, {"127.0.0.1:5055/no/such:1", "has no such image", "check its name and tag"});
  stop_server();
  must_fail({"up", "-d"}, {"cannot reach registry 127.0.0.1:5055", "check the network"});
  CommandResult tolerant = run({"pull", "--ignore-pull-failures"});
  EXPECT_EQ(tolerant.code, 0) << tolerant.text();
  EXPECT_NE(tolerant.err.find("warning:"), std::string::npos) << tolerant.text();
}

TEST_F(Registry, DockersClientsReceiveProgress) {
  project("api", "services: {}\n");
  serve("127.0.0.1:5055");
  publish("app:1");
  std::string pulled = ask("POST", "/images/create?fromImage=127.0.0.1:5055/app&tag=1");
  for (const char* text :
       {R"({"status":"Pulling from app","progressDetail":{},"id":"1"})", R"("status":"Pulling fs layer")",
        R"("status":"Already exists")", R"("status":"Digest: sha256:)",
        R"("status":"Status: Downloaded newer image for 127.0.0.1:5055/app:1")", "\n200"})
    EXPECT_NE(pulled.find(text), std::string::npos) << text << "\n" << pulled;
  EXPECT_NE(ask("POST", "/images/create?fromImage=127.0.0.1:5055/none&tag=1").find("\n404"),
            std::string::npos);
  std::string distribution = ask("GET", "/distribution/127.0.0.1:5055/app:1/json");
  EXPECT_NE(distribution.find("\n200"), std::string::npos) << distribution;
  // From the configuration, because there is no index.
  EXPECT_NE(distribution.find(R"("Platforms":[{"architecture":")"), std::string::npos) << distribution;
  std::string pushed = ask("POST", "/images/127.0.0.1:5055/app/push?tag=1");
  EXPECT_NE(pushed.find(R"("aux")"), std::string::npos) << pushed;
}

}  // namespace
}  // namespace stack::e2e
