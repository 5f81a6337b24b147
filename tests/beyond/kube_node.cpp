#include "kube_node.h"

#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/directory.h"
#include "base/text.h"

namespace stack::beyond {

namespace {

namespace kube = targets::kubernetes;

constexpr const char* kNetwork = "stack-node";
constexpr const char* kLink = "stkk1";  // this machine's end
constexpr std::chrono::seconds kNodeLimit{90};

constexpr const char* kKubelet = R"(apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
clusterDNS: ["10.96.0.10"]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://FOLDER/containerd.sock
evictionHard: {memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
localStorageCapacityIsolation: false
podLogsDir: FOLDER/logs
healthzPort: 0
resolvConf: FOLDER/resolv.conf
)";

// Without restrict_oom_score_adj, containers cannot start where this machine's root lacks CAP_SYS_RESOURCE.
constexpr const char* kContainerd = R"(version = 2
root = "FOLDER/containerd"
state = "FOLDER/containerd-state"
[grpc]
  address = "FOLDER/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "REGISTRY/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "FOLDER/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "FOLDER/hosts"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "stack"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.stack]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.stack.options]
        BinaryName = "PROGRAMS/stack-runtime"
)";

constexpr const char* kCni = R"({"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "FOLDER/addresses", "ranges": [[{"subnet": "10.244.0.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
)";

constexpr const char* kDns = R"(.:53 {
  bind 10.96.0.10
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig FOLDER/kubeconfig
    pods insecure
    ttl 1
  }
}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// The network namespaces that CNI made.
std::set<std::string> pod_networks() {
  std::set<std::string> out;
  auto names = names_in("/run/netns");
  if (!names) return out;
  for (const std::string& name : *names)
    if (name.starts_with("cni-")) out.insert(name);
  return out;
}

std::unique_ptr<Process> start_in_network(const std::string& program, std::vector<std::string> args,
                                          const std::string& log) {
  args.insert(args.begin(), {std::string("--net=/run/netns/") + kNetwork, program});
  return Process::start("nsenter", args, log);
}

}  // namespace

std::string no_node() {
  if (!kubernetes_program()) return kNoKubernetes;
  if (::geteuid() != 0) return "a node needs root";
  for (const char* program : {"containerd", "ctr", "conntrack", "iptables"})
    if (found_in_path(program).empty())
      return "no " + std::string(program) + ": install containerd, conntrack, and iptables";
  if (!path_exists("/usr/lib/cni/bridge"))
    return "no /usr/lib/cni/bridge: install containernetworking-plugins";
  return no_registry();
}

KubeNode& KubeNode::shared() {
  static KubeNode node;
  return node;
}

std::string KubeNode::address() const { return "10.78.9.2"; }
std::string KubeNode::registry() const { return "10.78.9.1:5000"; }

PrivateRegistry& KubeNode::private_registry() {
  if (!private_registry_)
    private_registry_ = std::make_unique<PrivateRegistry>(folder_->path() + "/private",
                                                          private_address(registry()), *registry_);
  return *private_registry_;
}

KubeNode::KubeNode() {
  auto made = TemporaryDirectory::create("/var/tmp/stack-node-");
  folder_.emplace(std::move(*made));
  foreign_networks_ = pod_networks();
  add_network();
  registry_ = std::make_unique<Registry>(folder(), registry());
  // The process that holds a pod's namespaces.
  EXPECT_TRUE(ensure_directory(folder() + "/pause"));
  EXPECT_TRUE(write_file(folder() + "/pause/Dockerfile",
                         "FROM debian:bookworm-slim\nCMD [\"sleep\", \"infinity\"]\n"));
  registry_->run_engine({"docker", "build", "-q", "-t", registry() + "/pause:1", folder() + "/pause"});
  registry_->run_engine({"docker", "push", "-q", registry() + "/pause:1"});
  write_settings();
  ClusterPlace place;
  place.address = address();
  place.network = kNetwork;
  place.more["kube-controller-manager"] = {"--enable-hostpath-provisioner"};
  cluster_ = std::make_unique<Cluster>(place);
  start_containerd();
  start_parts();
  auto limit = std::chrono::steady_clock::now() + kNodeLimit;
  while (!is_ready() && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(is_ready()) << read_file(cluster_->folder() + "/kubelet.log").value_or("");
  cluster_->post(
      "/apis/storage.k8s.io/v1/storageclasses",
      {{"metadata",
        {{"name", "node"}, {"annotations", {{"storageclass.kubernetes.io/is-default-class", "true"}}}}},
       {"provisioner", "kubernetes.io/host-path"}});
}

KubeNode::~KubeNode() {
  kubelet_.reset();
  proxy_.reset();
  dns_.reset();
  cluster_.reset();
  // containerd leaves its shims, and they the containers.
  for (const std::string& network : pod_networks())
    if (!foreign_networks_.contains(network)) {
      kill_in_namespace(network);
      run_program("ip", {"netns", "del", network});
    }
  containerd_.reset();
  kill_in_namespace(kNetwork);
  run_program("sh",
              {"-c", "grep -o ' " + folder() + "/[^ ]*' /proc/mounts | sort -r | xargs -r umount --lazy"});
  run_program("ip", {"netns", "del", kNetwork});
  run_program("ip", {"link", "del", kLink});
  run_program("find",
              {"/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/k8s.io/*", "-exec", "rmdir", "{}", ";"});
  private_registry_.reset();
  registry_.reset();
  for (const std::string& part :
       {std::string("/containerd"), std::string("/containerd-state"), std::string("/kubelet")})
    run_program("rm", {"-rf", "--one-file-system", folder() + part});
}

// A link to this machine (10.78.9.0/24), and the address of the cluster's DNS server.
void KubeNode::add_network() {
  run_program("ip", {"netns", "del", kNetwork});
  run_program("ip", {"link", "del", kLink});
  std::string in_node = "-n " + std::string(kNetwork) + " ";
  run_ip("netns add " + std::string(kNetwork));
  run_ip(in_node + "link set lo up");
  run_ip(in_node + "addr add 10.96.0.10/32 dev lo");
  run_ip("link add " + std::string(kLink) + " type veth peer name eth0 netns " + kNetwork);
  run_ip("addr add 10.78.9.1/24 dev " + std::string(kLink));
  run_ip("link set " + std::string(kLink) + " up");
  run_ip(in_node + "addr add " + address() + "/24 dev eth0");
  run_ip(in_node + "link set eth0 up");
  run_ip(in_node + "route add default via 10.78.9.1");
  CommandResult forwards =
      run_program("nsenter", {"--net=/run/netns/" + std::string(kNetwork), "sysctl", "-qw",
                              "net.ipv4.ip_forward=1", "net.bridge.bridge-nf-call-iptables=1"});
  EXPECT_EQ(forwards.exit_code, 0) << forwards.out;
}

void KubeNode::write_settings() {
  auto write = [&](const std::string& name, std::string text) {
    text = replaced(text, "FOLDER", folder());
    text = replaced(text, "REGISTRY", registry());
    text = replaced(text, "PROGRAMS", STACK_BIN_DIR);
    EXPECT_TRUE(ensure_directory(directory_name(folder() + "/" + name)));
    EXPECT_TRUE(write_file(folder() + "/" + name, text));
  };
  write("kubelet.yaml", kKubelet);
  write("containerd.toml", kContainerd);
  write("cni/pods.conflist", kCni);
  write("resolv.conf", "");
  std::string host = "[host.\"http://REGISTRY\"]\n  capabilities = [\"pull\", \"resolve\"]\n";
  write("hosts/" + registry() + "/hosts.toml", host);
  write("hosts/docker.io/hosts.toml", host);
  write("hosts/" + private_address(registry()) + "/hosts.toml",
        replaced(host, "REGISTRY", private_address(registry())));
  EXPECT_TRUE(ensure_directory(folder() + "/logs"));
  EXPECT_TRUE(ensure_directory(folder() + "/kubelet"));
}

void KubeNode::start_containerd() {
  containerd_ =
      start_in_network("containerd", {"-c", folder() + "/containerd.toml"}, folder() + "/containerd.log");
  for (int i = 0; i < 100 && !path_exists(folder() + "/containerd.sock"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

void KubeNode::start_parts() {
  std::string config = cluster_->kubeconfig();
  EXPECT_TRUE(write_file(folder() + "/Corefile",
                         replaced(replaced(kDns, "FOLDER/kubeconfig", config), "FOLDER", folder())));
  kubelet_ = cluster_->start_part(
      "kubelet", {"--kubeconfig", config, "--config", folder() + "/kubelet.yaml", "--root-dir",
                  folder() + "/kubelet", "--hostname-override", "node1", "--node-ip", address()});
  dns_ = cluster_->start_part("coredns", {"-conf", folder() + "/Corefile"});
  proxy_ = cluster_->start_part(
      "kube-proxy",
      {"--kubeconfig", config, "--proxy-mode", "iptables", "--hostname-override", "node1", "--cluster-cidr",
       "10.244.0.0/16", "--conntrack-max-per-core", "0", "--conntrack-tcp-timeout-established", "0",
       "--conntrack-tcp-timeout-close-wait", "0", "--healthz-bind-address", "127.0.0.1:10256",
       "--metrics-bind-address", "127.0.0.1:10249"});
}

bool KubeNode::is_ready() {
  Json found = cluster_->get("/api/v1/nodes/node1");
  if (!found.is_object() || !found.contains("status") || !found["status"].contains("conditions"))
    return false;
  for (const Json& condition : found["status"]["conditions"])
    if (string_or(condition, "type") == "Ready") return string_or(condition, "status") == "True";
  return false;
}

void NodeTest::SetUp() {
  if (std::string why = no_node(); !why.empty()) GTEST_SKIP() << why;
  space = node().cluster().name_space();
  auto made = TemporaryDirectory::create("/tmp/stack-node-test-");
  directory_.emplace(std::move(*made));
  folder = directory_->path() + "/shop";
  ASSERT_TRUE(ensure_directory(folder));
}

void NodeTest::TearDown() {
  if (!directory_) return;
  run({"down", "-v"});
  directory_.reset();
}

SpawnRequest NodeTest::command_request(std::vector<std::string> args,
                                       std::map<std::string, std::string> env) {
  env.emplace("STACK_TARGET", "kubernetes");
  env.emplace("KUBECONFIG", node().cluster().kubeconfig());
  env.emplace("COMPOSE_PROGRESS", "plain");
  env.merge(node().engine());
  args.insert(args.begin() + 1, {"--namespace", space});
  return program_request(std::string(STACK_BIN_DIR) + "/stack", std::move(args), std::move(env), folder);
}

CommandResult NodeTest::run(std::vector<std::string> args, std::map<std::string, std::string> env) {
  return run_request(command_request(std::move(args), std::move(env)));
}

CommandResult NodeTest::must(std::vector<std::string> args, std::map<std::string, std::string> env) {
  std::string shown = join(args, " ");
  CommandResult result = run(std::move(args), std::move(env));
  EXPECT_EQ(result.exit_code, 0) << shown << "\n" << result.out << result.err;
  return result;
}

std::vector<Json> NodeTest::pods(const std::string& service) {
  Json list =
      node().cluster().get(*kube::resource_path("Pod", space) + "?labelSelector=stack.service%3D" + service);
  if (!list.is_object() || !list.contains("items")) return {};
  return list["items"].get<std::vector<Json>>();
}

std::string NodeTest::in(const std::string& service, const std::string& command) {
  return run({"exec", "-T", service, "sh", "-c", command}).out;
}

}  // namespace stack::beyond
