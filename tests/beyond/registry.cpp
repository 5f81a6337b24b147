#include "registry.h"

#include <unistd.h>

#include "base/base64.h"
#include "base/text.h"

namespace stack::beyond {

namespace {

constexpr const char* kBaseImageName = "debian:bookworm-slim";
constexpr const char* kPassword = "a-password";

std::unique_ptr<Process> start_registry(const std::string& folder, const std::string& address,
                                        const std::string& more) {
  std::string file = folder + "/registry.yml";
  EXPECT_TRUE(write_file(file, "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " +
                                   folder + "/registry}}\nhttp: {addr: \"" + address + "\"}\n" + more));
  return Process::start(found_in_path("docker-registry"), {"serve", file}, folder + "/registry.log");
}

std::string host_of(const std::string& address) { return address.substr(0, address.find(':')); }

}  // namespace

std::string no_registry() {
  if (found_in_path("docker-registry").empty()) return "no registry: install docker-registry";
  if (!path_exists(image_cache())) return "no images: run build/quick/tests/e2e_run --prepare-images";
  return "";
}

Registry::Registry(const std::string& folder, const std::string& address) : folder_(folder) {
  server_ = start_registry(folder_, address, "");
  EXPECT_TRUE(write_file(folder_ + "/stack.yaml", "registries:\n  insecure: [\"" + address + "\", \"" +
                                                      private_address(address) + "\"]\n"));
  CommandResult copied = run_program("cp", {"-al", image_cache(), folder_ + "/engine"});
  if (copied.exit_code != 0) copied = run_program("cp", {"-a", image_cache(), folder_ + "/engine"});
  EXPECT_EQ(copied.exit_code, 0) << copied.out;
  std::string mirrored = address + "/library/" + kBaseImageName;
  run_engine({"docker", "tag", kBaseImageName, mirrored});
  run_engine({"docker", "push", "-q", mirrored});
}

Registry::~Registry() {
  run_engine({"engine", "stop"});
  server_.reset();
  run_program("rm", {"-rf", folder_ + "/engine"});
}

std::map<std::string, std::string> Registry::engine() const {
  return {{"STACK_ROOT", folder_ + "/engine"},
          {"STACK_RUN_ROOT", folder_ + "/run"},
          {"STACK_CONFIG", folder_ + "/stack.yaml"},
          {"XDG_STATE_HOME", folder_ + "/state"}};
}

void Registry::run_engine(const std::vector<std::string>& args,
                          const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> env = more;
  env.merge(engine());
  CommandResult done = run_program(std::string(STACK_BIN_DIR) + "/stack", args, env);
  EXPECT_EQ(done.exit_code, 0) << join(args, " ") << ": " << done.out;
}

std::string private_address(const std::string& address) { return host_of(address) + ":5001"; }

PrivateRegistry::PrivateRegistry(const std::string& folder, const std::string& address, Registry& images)
    : folder_(folder), address_(address) {
  EXPECT_TRUE(ensure_directory(folder_ + "/login"));
  CommandResult hash =
      run_program("perl", {"-e", "print crypt($ARGV[0], '$2y$05$abcdefghijklmnopqrstuu')", kPassword});
  EXPECT_TRUE(write_file(folder_ + "/users", "me:" + hash.out + "\n"));
  server_ =
      start_registry(folder_, address_, "auth: {htpasswd: {realm: test, path: " + folder_ + "/users}}\n");
  EXPECT_TRUE(write_file(folder_ + "/login/config.json", "{\"auths\": {\"" + address_ + "\": {\"auth\": \"" +
                                                             encode_base64("me:" + std::string(kPassword)) +
                                                             "\"}}}"));
  images.run_engine({"docker", "tag", kBaseImageName, image()});
  images.run_engine({"docker", "push", "-q", image()}, login());
}

}  // namespace stack::beyond
