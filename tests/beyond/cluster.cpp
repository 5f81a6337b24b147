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

std::optional<std::string> cached_program(const char* named_by, const std::string& prefix) {
  std::string named = variable(named_by);
  if (!named.empty()) return named;
  std::string cache = variable("XDG_CACHE_HOME");
  if (cache.empty()) cache = variable("HOME") + "/.cache";
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

Cluster::Cluster(ClusterPlace place) : place_(std::move(place)) {
  auto made = TemporaryDirectory::create("/tmp/stack-cluster-");
  folder_.emplace(std::move(*made));
  api_port_ = free_port();
  etcd_port_ = free_port();
  int peer = free_port();
  std::string etcd_url = "http://127.0.0.1:" + std::to_string(etcd_port_);
  std::string peer_url = "http://127.0.0.1:" + std::to_string(peer);
  std::string dir = folder();
  EXPECT_TRUE(write_file(dir + "/tokens.csv", std::string(kToken) + ",admin,admin,system:masters\n"));
  make_keys();
  etcd_ = start_part(
      "etcd", {"--data-dir", dir + "/etcd", "--listen-client-urls", etcd_url, "--advertise-client-urls",
               etcd_url, "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
               "--initial-cluster", "default=" + peer_url, "--unsafe-no-fsync", "--log-level", "warn"});
  server_ = "https://" + place_.address + ":" + std::to_string(api_port_);
  kubeconfig_ = dir + "/kubeconfig";
  start_server();
  std::string text = "apiVersion: v1\nkind: Config\nclusters: [{name: t, cluster: {server: \"" + server_ +
                     "\", certificate-authority: \"" + dir + "/pki/apiserver.crt\"}}]\n" +
                     "users: [{name: admin, user: {token: " + kToken +
                     "}}, {name: stranger, user: {token: wrong}}, {name: carol, user: {client-certificate: "
                     "admin.crt, client-key: admin.key}}]\n" +
                     "contexts: [{name: t, context: {cluster: t, user: admin}}, " +
                     "{name: stranger, context: {cluster: t, user: stranger}}, {name: carol, context: "
                     "{cluster: t, user: carol}}]\ncurrent-context: t\n";
  EXPECT_TRUE(write_file(kubeconfig_, text));
  controllers_ = start_part(
      "kube-controller-manager",
      {"--kubeconfig", kubeconfig_, "--service-account-private-key-file", dir + "/sa.key", "--root-ca-file",
       dir + "/pki/apiserver.crt", "--leader-elect=false", "--secure-port", "0"});
  scheduler_ = start_part("kube-scheduler",
                          {"--kubeconfig", kubeconfig_, "--leader-elect=false", "--secure-port", "0"});
}

std::unique_ptr<Process> Cluster::start_part(const std::string& part, std::vector<std::string> args) {
  args.insert(args.begin(), part);
  auto more = place_.more.find(part);
  if (more != place_.more.end()) args.insert(args.end(), more->second.begin(), more->second.end());
  std::string program = *kubernetes_program();
  if (!place_.network.empty()) {
    args.insert(args.begin(), {"--net=/run/netns/" + place_.network, program});
    program = "nsenter";
  }
  return Process::start(program, args, folder() + "/" + part + ".log");
}

// The key of service accounts, and a certificate authority for clients with a certificate of an administrator.
void Cluster::make_keys() {
  std::string dir = folder();
  for (const std::string& words :
       {std::string("genrsa -out sa.key 2048"), std::string("rsa -in sa.key -pubout -out sa.pub"),
        std::string("req -x509 -newkey rsa:2048 -nodes -keyout clients.key -out clients.crt -days 2 -subj "
                    "/CN=clients"),
        std::string(
            "req -newkey rsa:2048 -nodes -keyout admin.key -out admin.csr -subj /O=system:masters/CN=carol"),
        std::string("x509 -req -in admin.csr -CA clients.crt -CAkey clients.key -CAcreateserial -days 2 -out "
                    "admin.crt")}) {
    CommandResult made = run_program("openssl", split(words, ' '), {}, dir);
    EXPECT_EQ(made.exit_code, 0) << words << ": " << made.out;
  }
}

Cluster::~Cluster() {
  scheduler_.reset();
  controllers_.reset();
  api_.reset();
  etcd_.reset();
}

void Cluster::start_server() {
  std::string dir = folder();
  api_ = start_part("kube-apiserver", {"--etcd-servers",
                                       "http://127.0.0.1:" + std::to_string(etcd_port_),
                                       "--bind-address",
                                       place_.address,
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
                                       "--client-ca-file",
                                       dir + "/clients.crt",
                                       "--authorization-mode",
                                       "RBAC",
                                       "--endpoint-reconciler-type",
                                       "none",
                                       "--kubelet-preferred-address-types",
                                       "InternalIP",
                                       "--allow-privileged"});
  EXPECT_TRUE(wait_ready()) << read_file(dir + "/kube-apiserver.log").value_or("");
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

void Cluster::remove(const std::string& path) {
  auto answer = connection_->call({.method = "DELETE", .path = path});
  EXPECT_TRUE(answer) << path << ": " << answer.error().message;
}

std::string Cluster::token() const { return kToken; }

Json Cluster::answer_to_post(const std::string& path, const Json& body) {
  auto answer = connection_->call({.method = "POST", .path = path, .body = body.dump()});
  EXPECT_TRUE(answer) << path << ": " << answer.error().message;
  return answer ? *answer : Json(nullptr);
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
  env.emplace("XDG_STATE_HOME", directory_->path() + "/state");
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
