#include "swarm_nodes.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/process.h"
#include "base/text.h"
#include "http/wire/unix_socket.h"
#include "orchestrator/targets/swarm/api/docker_connection.h"

namespace stack::beyond {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartLimit{60};
constexpr const char* kBaseImage = "debian:bookworm-slim";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string found_in_path(const std::string& program) {
  for (const std::string& folder : split(variable("PATH") + ":/usr/sbin:/sbin", ':'))
    if (!folder.empty() && ::access((folder + "/" + program).c_str(), X_OK) == 0)
      return folder + "/" + program;
  return "";
}

std::string dockerd() {
  std::string named = variable("STACK_TEST_DOCKERD");
  return named.empty() ? found_in_path("dockerd") : named;
}

// dockerd finds containerd, runc, and docker-proxy beside itself or in the folder `bin` next to its own.
std::string docker_path() {
  std::string own = directory_name(dockerd());
  return own + ":" + directory_name(own) + "/bin:" + variable("PATH") + ":/usr/sbin:/sbin";
}

std::string image_cache() {
  std::string named = variable("STACK_TEST_IMAGE_CACHE");
  return (named.empty() ? std::string(STACK_BUILD_DIR) + "/e2e-images" : named) + "/root";
}

std::vector<std::string> environment_with(std::map<std::string, std::string> more) {
  for (char** at = environ; *at != nullptr; ++at) {
    std::string word = *at;
    std::string name = word.substr(0, word.find('='));
    bool ours = name.starts_with("STACK_") || name.starts_with("DOCKER_") || name.starts_with("COMPOSE_");
    if (!ours) more.emplace(name, word.substr(name.size() + 1));
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

CommandResult run_program(const std::string& program, std::vector<std::string> args,
                          std::map<std::string, std::string> env = {}, const std::string& directory = "") {
  SpawnRequest request;
  request.program = program;
  request.args = std::move(args);
  request.env = environment_with(std::move(env));
  request.replace_env = true;
  request.directory = directory;
  CommandResult out;
  auto done = run_captured(std::move(request));
  if (!done) {
    out.err = done.error().text();
    return out;
  }
  out.exit_code = done->exit_code;
  out.out = done->output;
  return out;
}

void ip(const std::string& words) {
  CommandResult done = run_program("ip", split(words, ' '));
  EXPECT_EQ(done.exit_code, 0) << "ip " << words << ": " << done.out << done.err;
}

std::string space(int node) { return "stack-swarm" + std::to_string(node); }

}  // namespace

std::string no_swarm() {
  if (::geteuid() != 0) return "a swarm needs root";
  if (dockerd().empty()) return "no dockerd: install docker.io, or set STACK_TEST_DOCKERD";
  if (found_in_path("docker-registry").empty()) return "no registry: install docker-registry";
  if (!path_exists(image_cache())) return "no images: run build/quick/tests/e2e_run --prepare-images";
  return "";
}

SwarmNodes& SwarmNodes::shared() {
  static SwarmNodes nodes;
  return nodes;
}

std::string SwarmNodes::folder(int node) const { return folder_->path() + "/n" + std::to_string(node); }
std::string SwarmNodes::host(int node) const { return "unix://" + folder(node) + "/docker.sock"; }
std::string SwarmNodes::address(int node) const { return "10.79." + std::to_string(node) + ".1"; }
std::string SwarmNodes::registry() const { return "10.79.1.254:5000"; }
std::string SwarmNodes::engine_config() const { return folder_->path() + "/stack.yaml"; }
std::string SwarmNodes::engine_root() const { return folder_->path() + "/engine"; }

SwarmNodes::SwarmNodes() {
  auto made = TemporaryDirectory::create("/var/tmp/stack-swarm-");
  folder_.emplace(std::move(*made));
  add_links();
  for (int node : {1, 2}) {
    EXPECT_TRUE(ensure_directory(folder(node)));
    start_node(node);
  }
  for (int node : {1, 2}) EXPECT_TRUE(wait_node(node)) << read_file(folder(node) + "/log").value_or("");
  make_registry();
  CommandResult init =
      docker(1, {"swarm", "init", "--advertise-addr", "10.79.0.1", "--default-addr-pool", "10.92.0.0/16"});
  EXPECT_EQ(init.exit_code, 0) << init.out;
  std::string token(trim(docker(1, {"swarm", "join-token", "-q", "worker"}).out));
  CommandResult joined =
      docker(2, {"swarm", "join", "--token", token, "--advertise-addr", "10.79.0.2", "10.79.0.1:2377"});
  EXPECT_EQ(joined.exit_code, 0) << joined.out;
  copy_images();
}

SwarmNodes::~SwarmNodes() {
  run_program(std::string(STACK_BIN_DIR) + "/stack", {"engine", "stop"},
              {{"STACK_ROOT", engine_root()}, {"STACK_RUN_ROOT", folder_->path() + "/run"}});
  nodes_.clear();
  for (int node : {1, 2}) {
    for (const std::string& pid : split(run_program("ip", {"netns", "pids", space(node)}).out, '\n'))
      if (is_all_digits(pid)) ::kill(std::stoi(pid), SIGKILL);
    run_program("umount", {"--lazy", "--recursive", folder(node)});
    run_program("ip", {"netns", "del", space(node)});
    run_program("ip", {"link", "del", "stkh" + std::to_string(node)});
    // dockerd leaves its parent cgroup.
    run_program("find", {"/sys/fs/cgroup", "-depth", "-type", "d", "-path",
                         "*/stack-swarm" + std::to_string(node) + "*", "-exec", "rmdir", "{}", ";"});
  }
  // Layers of overlay mounts that ended with their namespaces.
  run_program("rm", {"-rf", folder_->path() + "/n1", folder_->path() + "/n2", engine_root()});
}

// Each node: a link to this machine (10.79.<node>.0/24), and one to the other node (10.79.0.0/24).
void SwarmNodes::add_links() {
  for (int node : {1, 2}) {
    std::string n = std::to_string(node);
    run_program("ip", {"netns", "del", space(node)});
    run_program("ip", {"link", "del", "stkh" + n});
    ip("netns add " + space(node));
    ip("-n " + space(node) + " link set lo up");
    ip("link add stkh" + n + " type veth peer name stkn" + n + " netns " + space(node));
    ip("addr add 10.79." + n + ".254/24 dev stkh" + n);
    ip("link set stkh" + n + " up");
    ip("-n " + space(node) + " addr add 10.79." + n + ".1/24 dev stkn" + n);
    ip("-n " + space(node) + " link set stkn" + n + " up");
    ip("-n " + space(node) + " route add default via 10.79." + n + ".254");
  }
  ip("link add stkp1 netns " + space(1) + " type veth peer name stkp2 netns " + space(2));
  for (int node : {1, 2}) {
    std::string n = std::to_string(node);
    ip("-n " + space(node) + " addr add 10.79.0." + n + "/24 dev stkp" + n);
    ip("-n " + space(node) + " link set stkp" + n + " up");
  }
  // Names are refused at once, so that nothing waits for the public registry.
  EXPECT_TRUE(write_file(folder_->path() + "/resolv.conf", "nameserver 127.0.0.1\n"));
}

void SwarmNodes::start_node(int node) {
  std::string n = std::to_string(node);
  std::string command = "hostname node" + n + " && mount --bind " + folder_->path() +
                        "/resolv.conf /etc/resolv.conf && exec " + dockerd() + " \"$@\"";
  nodes_[node] = Process::start("nsenter",
                                {"--net=/run/netns/" + space(node),
                                 "unshare",
                                 "--uts",
                                 "--mount",
                                 "--propagation",
                                 "private",
                                 "sh",
                                 "-c",
                                 command,
                                 "dockerd",
                                 "--data-root",
                                 folder(node) + "/data",
                                 "--exec-root",
                                 folder(node) + "/exec",
                                 "--host",
                                 host(node),
                                 "--pidfile",
                                 folder(node) + "/pid",
                                 "--cgroup-parent",
                                 "/stack-swarm" + n,
                                 "--default-address-pool",
                                 "base=10.8" + n + ".0.0/16,size=24",
                                 "--bip",
                                 "172.2" + n + ".0.1/24",
                                 "--insecure-registry",
                                 "10.79.0.0/16",
                                 "--registry-mirror",
                                 "http://" + registry()},
                                folder(node) + "/log", {{"PATH", docker_path()}});
}

bool SwarmNodes::wait_node(int node) {
  auto limit = std::chrono::steady_clock::now() + kStartLimit;
  while (std::chrono::steady_clock::now() < limit) {
    if (get(node, "/info").is_object()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return false;
}

void SwarmNodes::kill_node(int node) {
  nodes_[node]->kill_now();
  for (const std::string& pid : split(run_program("ip", {"netns", "pids", space(node)}).out, '\n'))
    if (is_all_digits(pid)) ::kill(std::stoi(pid), SIGKILL);
}

Json SwarmNodes::get(int node, const std::string& path) {
  std::string socket = folder(node) + "/docker.sock";
  targets::swarm::DockerConnection connection([socket] { return http::connect_unix(socket); }, socket);
  auto answer = connection.call("GET", path);
  return answer ? *answer : Json(nullptr);
}

CommandResult SwarmNodes::docker(int node, std::vector<std::string> args) {
  return run_program("docker", std::move(args), {{"PATH", docker_path()}, {"DOCKER_HOST", host(node)}});
}

// Debian's docker-registry with a folder of its own. It mirrors the public registry for the nodes.
void SwarmNodes::make_registry() {
  std::string file = folder_->path() + "/registry.yml";
  EXPECT_TRUE(write_file(file, "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " +
                                   folder_->path() + "/registry}}\nhttp: {addr: \"" + registry() + "\"}\n"));
  EXPECT_TRUE(write_file(engine_config(), "registries:\n  insecure: [\"" + registry() + "\"]\n"));
  registry_ =
      Process::start(found_in_path("docker-registry"), {"serve", file}, folder_->path() + "/registry.log");
}

// The base image, for the nodes under its public name; the engine has the images of the examples.
void SwarmNodes::copy_images() {
  CommandResult copied = run_program("cp", {"-al", image_cache(), engine_root()});
  if (copied.exit_code != 0) copied = run_program("cp", {"-a", image_cache(), engine_root()});
  EXPECT_EQ(copied.exit_code, 0) << copied.out;
  std::map<std::string, std::string> env{{"STACK_ROOT", engine_root()},
                                         {"STACK_RUN_ROOT", folder_->path() + "/run"},
                                         {"STACK_CONFIG", engine_config()}};
  std::string stack = std::string(STACK_BIN_DIR) + "/stack";
  std::string mirrored = registry() + "/library/" + kBaseImage;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"docker", "tag", kBaseImage, mirrored},
        {"docker", "push", "-q", mirrored}}) {
    CommandResult done = run_program(stack, words, env);
    EXPECT_EQ(done.exit_code, 0) << join(words, " ") << ": " << done.out;
  }
  for (int node : {1, 2}) {
    CommandResult pulled = docker(node, {"pull", "-q", kBaseImage});
    EXPECT_EQ(pulled.exit_code, 0) << pulled.out;
  }
}

void SwarmTest::SetUp() {
  if (std::string why = no_swarm(); !why.empty()) GTEST_SKIP() << why;
  SwarmNodes::shared();
  auto made = TemporaryDirectory::create("/tmp/stack-swarm-test-");
  directory_.emplace(std::move(*made));
  folder = directory_->path() + "/shop";
  ASSERT_TRUE(ensure_directory(folder));
}

void SwarmTest::TearDown() {
  for (const std::string& used : used_) {
    folder = used;
    run({"down", "-v"});
  }
  directory_.reset();
}

void SwarmTest::project(const std::string& yaml, const std::map<std::string, std::string>& files) {
  ASSERT_TRUE(write_file(folder + "/compose.yaml", yaml));
  for (const auto& [name, text] : files) {
    ASSERT_TRUE(ensure_directory(directory_name(folder + "/" + name)));
    ASSERT_TRUE(write_file(folder + "/" + name, text));
  }
}

CommandResult SwarmTest::run(std::vector<std::string> args, std::map<std::string, std::string> env) {
  if (args[0] == "deploy") used_.insert(folder);
  env.emplace("STACK_TARGET", "swarm");
  env.emplace("DOCKER_HOST", nodes().host(1));
  env.emplace("STACK_ROOT", nodes().engine_root());
  env.emplace("STACK_RUN_ROOT", directory_name(nodes().engine_config()) + "/run");
  env.emplace("STACK_CONFIG", nodes().engine_config());
  env.emplace("COMPOSE_PROGRESS", "plain");
  return run_program(std::string(STACK_BIN_DIR) + "/stack", std::move(args), std::move(env), folder);
}

CommandResult SwarmTest::must(std::vector<std::string> args, std::map<std::string, std::string> env) {
  std::string shown = join(args, " ");
  CommandResult result = run(std::move(args), std::move(env));
  EXPECT_EQ(result.exit_code, 0) << shown << "\n" << result.out << result.err;
  return result;
}

std::vector<Json> SwarmTest::running(const std::string& service) {
  std::vector<Json> out;
  for (const std::string& line : split(run({"ps", "--format", "json", service}).out, '\n')) {
    auto row = parse_json(line);
    if (row && string_or(*row, "State") == "running") out.push_back(std::move(*row));
  }
  return out;
}

std::string SwarmTest::inside(const std::string& project_name, const std::string& service,
                              std::vector<std::string> command) {
  for (int node : {1, 2}) {
    std::string id(
        trim(nodes()
                 .docker(node, {"ps", "-q", "--filter", "label=com.docker.stack.namespace=" + project_name,
                                "--filter", "label=stack.service=" + service})
                 .out));
    if (id.empty()) continue;
    std::vector<std::string> words{"exec", id.substr(0, id.find('\n'))};
    words.insert(words.end(), command.begin(), command.end());
    return nodes().docker(node, words).out;
  }
  return "no running container of " + service;
}

}  // namespace stack::beyond
