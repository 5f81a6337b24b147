// As a new user does: five projects whose images come from a private registry, which dies in the middle of a pull.
#include <filesystem>

#include "scenario.h"

namespace stack::e2e {
namespace {

// "me" with the password "s3cret-word", by bcrypt.
constexpr const char* kUsers = "me:$2b$05$abcdefghijklmnopqrstuuEpHRRKIlpAGo.iP7Bpa.htQEJMAAnRe\n";
constexpr const char* kRegistry = "127.0.0.1:5059";

class PrivateRegistry : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (run_command({"bash", "-c", "command -v docker-registry"}).code != 0)
      GTEST_SKIP() << "needs docker-registry";
    ASSERT_TRUE(write_file(folder() + "/htpasswd", kUsers));
    ASSERT_TRUE(write_file(
        folder() + "/registry.yml",
        "version: 0.1\nlog: { level: info, accesslog: { disabled: false } }\nstorage:\n  filesystem: { "
        "rootdirectory: " +
            folder() + "/registry }\nhttp:\n  addr: " + kRegistry +
            "\nauth:\n  htpasswd: { realm: test, path: " + folder() + "/htpasswd }\n"));
    home_["HOME"] = folder();
    start_registry();
    project("images", "services: {}\n");
    CommandResult login = run({"login", kRegistry, "-u", "me", "--password-stdin"}, home_, "s3cret-word\n");
    ASSERT_EQ(login.code, 0) << login.text();
  }
  void TearDown() override {
    server_.reset();
    Scenario::TearDown();
  }
  void start_registry() {
    server_ = std::make_unique<BackgroundCommand>(
        std::vector<std::string>{"docker-registry", "serve", folder() + "/registry.yml"});
    ASSERT_TRUE(eventually(10s, [] {
      return run_command({"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5059"}).code == 0;
    })) << server_->output();
  }

  std::string at(const std::string& image) const { return std::string(kRegistry) + "/" + image; }
  // Builds an image on the shared base, pushes it, and removes it here.
  void publish(const std::string& image, const std::string& dockerfile) {
    write("Dockerfile", dockerfile);
    write("docker-compose.yml", "services: { app: { build: ., image: \"" + at(image) + "\" } }\n");
    must({"build", "--push"}, home_);
    must({"image", "rm", "-f", at(image)});
  }
  // Bytes of interrupted downloads in the store.
  uintmax_t received() {
    uintmax_t sum = 0;
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator(stack().root() + "/images/partial", problem))
      sum += entry.file_size(problem);
    return sum;
  }

  std::map<std::string, std::string> home_;
  std::unique_ptr<BackgroundCommand> server_;
};

TEST_F(PrivateRegistry, FiveProjectsComeUp) {
  publish("shop/web:1", "FROM debian:bookworm-slim\nRUN echo web > /name\nCMD sleep infinity\n");
  publish("shop/db:1",
          "FROM debian:bookworm-slim\nRUN echo db > /name\nVOLUME /data\n"
          "HEALTHCHECK --interval=1s CMD test -e /data/ready\nCMD touch /data/ready; sleep infinity\n");
  publish("job:1", "FROM debian:bookworm-slim\nRUN echo job > /name\nCMD cat /name\n");
  const std::string init = "init: true, ";
  const std::map<std::string, std::string> projects{
      {"plain", "services:\n  web: { " + init + "image: " + at("shop/web:1") + " }\n"},
      {"healthy", "services:\n  db: { " + init + "image: " + at("shop/db:1") + " }\n  web: { " + init +
                      "image: " + at("shop/web:1") +
                      ", depends_on: { db: { condition: service_healthy } } }\n"},
      {"job", "services:\n  job: { image: " + at("job:1") + " }\n  web: { " + init +
                  "image: " + at("shop/web:1") +
                  ", depends_on: { job: { condition: service_completed_successfully } } }\n"},
      {"built", "services:\n  web: { " + init + "build: { dockerfile_inline: \"FROM " + at("shop/web:1") +
                    "\\nRUN echo built > /name\\n\" } }\n"},
      {"scaled", "services:\n  web: { " + init + "image: " + at("shop/web:1") +
                     ", scale: 3, pull_policy: always }\nvolumes: { v: {} }\n"}};
  for (const auto& [name, yaml] : projects) {
    project(name, yaml);
    must({"up", "-d", "--wait"}, home_);
    EXPECT_EQ(inside("web", "cat /name"), name == "built" ? "built" : "web") << name;
    EXPECT_EQ(must({"up", "-d"}, home_).err.find("Created"), std::string::npos) << name;
  }
  for (const auto& [name, yaml] : projects) {
    project(name, yaml);
    must({"down", "-v", "--rmi", "all"});
  }
  // Without credentials, the error says what to do.
  project("plain", projects.at("plain"));
  must_fail({"up", "-d"}, {"stack login " + std::string(kRegistry)}, 1, {{"HOME", folder() + "/nobody"}});
}

TEST_F(PrivateRegistry, ItDiesInTheMiddleOfAPull) {
  publish("big:1",
          "FROM debian:bookworm-slim\nRUN head -c 200000000 /dev/urandom > /big && sha256sum /big > /sum\n"
          "CMD sleep infinity\n");
  project("big", "services:\n  web: { init: true, image: " + at("big:1") + " }\n");
  uintmax_t kept = 0;
  for (int attempt = 0; attempt < 10 && kept == 0; ++attempt) {
    std::unique_ptr<BackgroundCommand> up = start({"up", "-d"}, home_);
    bool started = eventually(30s, [&] { return received() > 1000000 || up->wait(0ms) != -1; });
    server_.reset();  // SIGKILL
    ASSERT_TRUE(started);
    int code = up->wait(120s);
    if (code == 0) {  // it was faster
      start_registry();
      must({"down", "--rmi", "all"});
      continue;
    }
    EXPECT_EQ(code, 1) << up->output();
    EXPECT_NE(up->output().find(at("big:1")), std::string::npos) << up->output();
    EXPECT_TRUE(containers().empty());
    kept = received();
    ASSERT_GT(kept, 0u) << "what came is kept";
    start_registry();
  }
  ASSERT_GT(kept, 0u) << "the pulls were too fast to be interrupted";
  must({"up", "-d"}, home_);
  EXPECT_NE(server_->output().find("http.response.status=206"), std::string::npos)
      << "the pull resumes: " << server_->output().substr(0, 3000);
  EXPECT_EQ(inside("web", "sha256sum --status -c /sum && echo same"), "same");
  EXPECT_EQ(received(), 0u);
  must({"down", "--rmi", "all"});
}

}  // namespace
}  // namespace stack::e2e
