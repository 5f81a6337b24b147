#include "swarm_nodes.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/text.h"
#include "http/wire/unix_socket.h"
#include "orchestrator/targets/swarm/api/docker_connection.h"

namespace stack::beyond {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartLimit{60};
constexpr const char* kBaseImage = "debian:bookworm-slim";

std::string dockerd() {
  std::string named = variable("STACK_TEST_DOCKERD");
  return named.empty() ? found_in_path("dockerd") : named;
}

// dockerd finds containerd, runc, and docker-proxy beside itself or in the folder `bin` next to its own.
std::string docker_path() {
  std::string own = directory_name(dockerd());
  return own + ":" + directory_name(own) + "/bin:" + variable("PATH") + ":/usr/sbin:/sbin";
}

std::string space(int node) { return "stack-swarm" + std::to_string(node); }

}  // namespace

std::string no_swarm() {
  if (::geteuid() != 0) return "a swarm needs root";
  if (dockerd().empty()) return "no dockerd: install docker.io, or set STACK_TEST_DOCKERD";
  return no_registry();
}

SwarmNodes& SwarmNodes::shared() {
  static SwarmNodes nodes;
  return nodes;
}

std::string SwarmNodes::folder(int node) const { return folder_->path() + "/n" + std::to_string(node); }
std::string SwarmNodes::host(int node) const { return "unix://" + folder(node) + "/docker.sock"; }
std::string SwarmNodes::address(int node) const { return "10.79." + std::to_string(node) + ".1"; }
std::string SwarmNodes::path() const { return docker_path(); }
std::string SwarmNodes::registry() const { return "10.79.1.254:5000"; }

PrivateRegistry& SwarmNodes::private_registry() {
  if (!private_registry_)
    private_registry_ = std::make_unique<PrivateRegistry>(folder_->path() + "/private",
                                                          private_address(registry()), *registry_);
  return *private_registry_;
}

SwarmNodes::SwarmNodes() {
  auto made = TemporaryDirectory::create("/var/tmp/stack-swarm-");
  folder_.emplace(std::move(*made));
  add_links();
  for (int node : {1, 2}) {
    EXPECT_TRUE(ensure_directory(folder(node)));
    start_node(node);
  }
  for (int node : {1, 2}) EXPECT_TRUE(wait_node(node)) << read_file(folder(node) + "/log").value_or("");
  registry_ = std::make_unique<Registry>(folder_->path(), registry());
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
  private_registry_.reset();
  registry_.reset();
  nodes_.clear();
  for (int node : {1, 2}) {
    kill_in_namespace(space(node));
    run_program("umount", {"--lazy", "--recursive", folder(node)});
    run_program("ip", {"netns", "del", space(node)});
    run_program("ip", {"link", "del", "stkh" + std::to_string(node)});
    // dockerd leaves its parent cgroup.
    run_program("find", {"/sys/fs/cgroup", "-depth", "-type", "d", "-path",
                         "*/stack-swarm" + std::to_string(node) + "*", "-exec", "rmdir", "{}", ";"});
  }
  // Layers of overlay mounts that ended with their namespaces.
  run_program("rm", {"-rf", folder_->path() + "/n1", folder_->path() + "/n2"});
}

// Each node: a link to this machine (10.79.<node>.0/24), and one to the other node (10.79.0.0/24).
void SwarmNodes::add_links() {
  for (int node : {1, 2}) {
    std::string n = std::to_string(node);
    run_program("ip", {"netns", "del", space(node)});
    run_program("ip", {"link", "del", "stkh" + n});
    run_ip("netns add " + space(node));
    run_ip("-n " + space(node) + " link set lo up");
    run_ip("link add stkh" + n + " type veth peer name stkn" + n + " netns " + space(node));
    run_ip("addr add 10.79." + n + ".254/24 dev stkh" + n);
    run_ip("link set stkh" + n + " up");
    run_ip("-n " + space(node) + " addr add 10.79." + n + ".1/24 dev stkn" + n);
    run_ip("-n " + space(node) + " link set stkn" + n + " up");
    run_ip("-n " + space(node) + " route add default via 10.79." + n + ".254");
  }
  run_ip("link add stkp1 netns " + space(1) + " type veth peer name stkp2 netns " + space(2));
  for (int node : {1, 2}) {
    std::string n = std::to_string(node);
    run_ip("-n " + space(node) + " addr add 10.79.0." + n + "/24 dev stkp" + n);
    run_ip("-n " + space(node) + " link set stkp" + n + " up");
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
  kill_in_namespace(space(node));
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

// The base image, for the nodes under its public name.
void SwarmNodes::copy_images() {
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
  env.merge(nodes().engine());
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
