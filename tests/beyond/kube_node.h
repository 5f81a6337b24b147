// A Kubernetes cluster with one real node: its parts, containerd, kubelet, kube-proxy, and CoreDNS in a network namespace,
// and a registry that the node and the engine reach. The node's containers run with stack-runtime. Needs root and Debian's
// containerd, containernetworking-plugins, conntrack, and iptables.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/process.h"
#include "cluster.h"
#include "registry.h"

namespace stack::beyond {

// Why no node can be started here; "" if one can.
std::string no_node();

class KubeNode {
 public:
  // Starts it once for the process; fails the calling test if it does not become ready.
  static KubeNode& shared();
  ~KubeNode();

  Cluster& cluster() { return *cluster_; }
  std::string address() const;  // of the node, from this machine
  std::string registry() const;
  std::map<std::string, std::string> engine() const { return registry_->engine(); }
  // Started with the first call.
  PrivateRegistry& private_registry();
  std::string folder() const { return folder_->path(); }

 private:
  KubeNode();
  void add_network();
  void write_settings();
  void start_containerd();
  void start_parts();
  bool is_ready();

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<PrivateRegistry> private_registry_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Process> containerd_, kubelet_, proxy_, dns_;
  std::set<std::string> foreign_networks_;  // of CNI, from before
};

// A test with a project folder and a namespace on the node.
class NodeTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  KubeNode& node() { return KubeNode::shared(); }
  // `stack ARGS...` in the folder; out holds both streams.
  CommandResult run(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  CommandResult must(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  // The same, to be started by the test.
  SpawnRequest command_request(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  // The pods of a service, oldest first.
  std::vector<Json> pods(const std::string& service);
  // The output of a shell command in the service's container.
  std::string in(const std::string& service, const std::string& command);

  std::string space;
  std::string folder;

 private:
  std::optional<TemporaryDirectory> directory_;
};

}  // namespace stack::beyond
