#include "cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/directory.h"
#include "base/process.h"
#include "base/text.h"

namespace stack::beyond {

namespace {

namespace kube = targets::kubernetes;

constexpr const char* kToken = "test-token";
constexpr std::chrono::seconds kReadyLimit{90};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

int free_port() {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

std::vector<std::string> environment_words(const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    std::string word = *at;
    size_t equals = word.find('=');
    if (equals != std::string::npos) all[word.substr(0, equals)] = word.substr(equals + 1);
  }
  for (const char* name : {"STACK_TARGET", "KUBECONFIG", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME"})
    all.erase(name);
  for (const auto& [name, value] : more) all[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

}  // namespace

namespace {

std::optional<std::string> cached_program(const char* variable, const std::string& prefix) {
  std::string named = environment(variable);
  if (!named.empty()) return named;
  std::string cache = environment("XDG_CACHE_HOME");
  if (cache.empty()) cache = environment("HOME") + "/.cache";
  auto names = names_in(cache + "/stack-tests");
  if (!names) return std::nullopt;
  for (const std::string& name : *names)
    if (name.starts_with(prefix) && !name.ends_with(".partial")) return cache + "/stack-tests/" + name;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> kubernetes_program() { return cached_program("STACK_TEST_KUBERNETES", "kube-"); }
std::optional<std::string> validation_program() { return cached_program("STACK_TEST_VALIDATE", "validate-"); }

std::unique_ptr<Process> Process::start(const std::string& program, const std::vector<std::string>& args,
                                        const std::string& log,
                                        const std::map<std::string, std::string>& env) {
  auto out = open_file(log, O_WRONLY | O_CREAT | O_APPEND);
  auto in = open_file("/dev/null", O_RDONLY);
  SpawnRequest request;
  request.program = program;
  request.args = args;
  request.env = environment_words(env);
  request.replace_env = true;
  request.fds = {{0, in->get()}, {1, out->get()}, {2, out->get()}};
  auto pid = spawn(request);
  if (!pid) {
    ADD_FAILURE() << pid.error().text();
    return nullptr;
  }
  return std::unique_ptr<Process>(new Process(*pid));
}

void Process::kill_now() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < 100; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  kill_now();
}

Cluster& Cluster::shared() {
  static Cluster cluster;
  return cluster;
}

Cluster::Cluster() {
  auto made = TemporaryDirectory::create("/tmp/stack-cluster-");
  folder_.emplace(std::move(*made));
  std::string program = *kubernetes_program();
  api_port_ = free_port();
  etcd_port_ = free_port();
  int peer = free_port();
  std::string etcd_url = "http://127.0.0.1:" + std::to_string(etcd_port_);
  std::string peer_url = "http://127.0.0.1:" + std::to_string(peer);
  std::string dir = folder();
  EXPECT_TRUE(write_file(dir + "/tokens.csv", std::string(kToken) + ",admin,admin,system:masters\n"));
  auto key = run_captured({.program = "openssl",
                           .args = {"genrsa", "-out", dir + "/sa.key", "2048"},
                           .env = {},
                           .directory = "",
                           .fds = {}});
  EXPECT_TRUE(key && key->exit_code == 0);
  auto pub = run_captured({.program = "openssl",
                           .args = {"rsa", "-in", dir + "/sa.key", "-pubout", "-out", dir + "/sa.pub"},
                           .env = {},
                           .directory = "",
                           .fds = {}});
  EXPECT_TRUE(pub && pub->exit_code == 0);
  etcd_ = Process::start(
      program,
      {"etcd", "--data-dir", dir + "/etcd", "--listen-client-urls", etcd_url, "--advertise-client-urls",
       etcd_url, "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
       "--initial-cluster", "default=" + peer_url, "--unsafe-no-fsync", "--log-level", "warn"},
      dir + "/etcd.log");
  server_ = "https://127.0.0.1:" + std::to_string(api_port_);
  kubeconfig_ = dir + "/kubeconfig";
  start_server();
  std::string text = "apiVersion: v1\nkind: Config\nclusters: [{name: t, cluster: {server: \"" + server_ +
                     "\", certificate-authority: \"" + dir + "/pki/apiserver.crt\"}}]\n" +
                     "users: [{name: admin, user: {token: " + kToken +
                     "}}, {name: stranger, user: {token: wrong}}]\n" +
                     "contexts: [{name: t, context: {cluster: t, user: admin}}, " +
                     "{name: stranger, context: {cluster: t, user: stranger}}]\ncurrent-context: t\n";
  EXPECT_TRUE(write_file(kubeconfig_, text));
  controllers_ = Process::start(program,
                                {"kube-controller-manager", "--kubeconfig", kubeconfig_,
                                 "--service-account-private-key-file", dir + "/sa.key", "--root-ca-file",
                                 dir + "/pki/apiserver.crt", "--leader-elect=false", "--secure-port", "0"},
                                dir + "/controllers.log");
  scheduler_ = Process::start(
      program, {"kube-scheduler", "--kubeconfig", kubeconfig_, "--leader-elect=false", "--secure-port", "0"},
      dir + "/scheduler.log");
}

Cluster::~Cluster() {
  scheduler_.reset();
  controllers_.reset();
  api_.reset();
  etcd_.reset();
}

void Cluster::start_server() {
  std::string dir = folder();
  api_ = Process::start(*kubernetes_program(),
                        {"kube-apiserver",
                         "--etcd-servers",
                         "http://127.0.0.1:" + std::to_string(etcd_port_),
                         "--bind-address",
                         "127.0.0.1",
                         "--secure-port",
                         std::to_string(api_port_),
                         "--cert-dir",
                         dir + "/pki",
                         "--service-cluster-ip-range",
                         "10.96.0.0/16",
                         "--service-account-issuer",
                         "https://kubernetes.default.svc",
                         "--service-account-key-file",
                         dir + "/sa.pub",
                         "--service-account-signing-key-file",
                         dir + "/sa.key",
                         "--token-auth-file",
                         dir + "/tokens.csv",
                         "--authorization-mode",
                         "RBAC",
                         "--endpoint-reconciler-type",
                         "none",
                         "--allow-privileged"},
                        dir + "/apiserver.log");
  EXPECT_TRUE(wait_ready()) << read_file(dir + "/apiserver.log").value_or("");
}

void Cluster::kill_server() { api_->kill_now(); }

bool Cluster::wait_ready() {
  auto limit = std::chrono::steady_clock::now() + kReadyLimit;
  while (std::chrono::steady_clock::now() < limit) {
    auto authority = read_file(folder() + "/pki/apiserver.crt");
    if (authority) {
      kube::Access access;
      access.context = "t";
      access.server = server_;
      access.authority = *authority;
      access.token = kToken;
      connection_ = std::make_unique<kube::Connection>(access);
      auto ready = connection_->text({.path = "/readyz"});
      if (ready && *ready == "ok") return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return false;
}

std::string Cluster::name_space() {
  std::string name = "space-" + std::to_string(++spaces_);
  post("/api/v1/namespaces", {{"metadata", {{"name", name}}}});
  return name;
}

Json Cluster::get(const std::string& path) {
  auto answer = connection_->call({.path = path});
  return answer ? *answer : Json(nullptr);
}

int Cluster::status_of(const std::string& path) {
  auto answer = connection_->call({.path = path});
  return answer ? 200 : answer.error().status;
}

void Cluster::post(const std::string& path, const Json& body) {
  auto answer = connection_->call({.method = "POST", .path = path, .body = body.dump()});
  EXPECT_TRUE(answer) << path << ": " << answer.error().message;
}

void Cluster::apply_as(const std::string& manager, const std::string& path, const Json& body) {
  auto answer = connection_->call({.method = "PATCH",
                                   .path = path + "?force=true&fieldManager=" + manager,
                                   .body = body.dump(),
                                   .content_type = "application/apply-patch+yaml"});
  EXPECT_TRUE(answer) << path << ": " << answer.error().message;
}

void Cluster::patch_status(const std::string& path, const Json& status) {
  auto answer = connection_->call({.method = "PATCH",
                                   .path = path + "/status",
                                   .body = Json{{"status", status}}.dump(),
                                   .content_type = "application/merge-patch+json"});
  EXPECT_TRUE(answer) << path << ": " << answer.error().message;
}

void ClusterTest::SetUp() {
  if (!kubernetes_program()) GTEST_SKIP() << kNoKubernetes;
  space = Cluster::shared().name_space();
  auto made = TemporaryDirectory::create("/tmp/stack-beyond-");
  directory_.emplace(std::move(*made));
  folder = directory_->path() + "/shop";
  ASSERT_TRUE(ensure_directory(folder));
}

void ClusterTest::TearDown() { directory_.reset(); }

void ClusterTest::project(const std::string& yaml, const std::map<std::string, std::string>& files) {
  ASSERT_TRUE(write_file(folder + "/compose.yaml", yaml));
  for (const auto& [name, text] : files) {
    ASSERT_TRUE(ensure_directory(directory_name(folder + "/" + name)));
    ASSERT_TRUE(write_file(folder + "/" + name, text));
  }
}

CommandResult ClusterTest::run(std::vector<std::string> args, std::map<std::string, std::string> env) {
  env["STACK_TARGET"] = "kubernetes";
  env.emplace("KUBECONFIG", Cluster::shared().kubeconfig());
  env.emplace("STACK_RUN_ROOT", folder + "/no-engine");
  std::string out = directory_->path() + "/out";
  std::string err = directory_->path() + "/err";
  auto out_file = open_file(out, O_WRONLY | O_CREAT | O_TRUNC);
  auto err_file = open_file(err, O_WRONLY | O_CREAT | O_TRUNC);
  auto in_file = open_file("/dev/null", O_RDONLY);
  args.insert(args.begin() + 1, {"--namespace", space});
  SpawnRequest request;
  request.program = std::string(STACK_BIN_DIR) + "/stack";
  request.args = std::move(args);
  request.env = environment_words(env);
  request.replace_env = true;
  request.directory = folder;
  request.fds = {{0, in_file->get()}, {1, out_file->get()}, {2, err_file->get()}};
  CommandResult result;
  auto pid = spawn(request);
  if (!pid) {
    ADD_FAILURE() << pid.error().text();
    return result;
  }
  auto status = wait_for(*pid);
  result.exit_code = status ? exit_code_of(*status) : -1;
  result.out = read_file(out).value_or("");
  result.err = read_file(err).value_or("");
  return result;
}

CommandResult ClusterTest::must(std::vector<std::string> args, std::map<std::string, std::string> env) {
  std::string shown = join(args, " ");
  CommandResult result = run(std::move(args), std::move(env));
  EXPECT_EQ(result.exit_code, 0) << shown << "\n" << result.out << result.err;
  return result;
}

std::map<std::string, std::string> ClusterTest::objects() {
  std::map<std::string, std::string> out;
  for (const std::string& kind : kube::project_kinds()) {
    Json list = Cluster::shared().get(*kube::resource_path(kind, space) + "?labelSelector=stack.project");
    if (!list.is_object() || !list.contains("items")) continue;
    for (const Json& item : list["items"])
      out[kind + "/" + string_or(item["metadata"], "name")] = string_or(item["metadata"], "resourceVersion");
  }
  return out;
}

}  // namespace stack::beyond
