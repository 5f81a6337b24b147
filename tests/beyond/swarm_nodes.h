// A Docker swarm of two nodes: two dockerd in network namespaces of their own, joined by a veth pair, and an image
// registry that both reach. Needs root, and dockerd of Debian's docker.io (which need not run).
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "cluster.h"
#include "registry.h"

namespace stack::beyond {

// Why no swarm can be started here; "" if one can. dockerd is $STACK_TEST_DOCKERD or in PATH.
std::string no_swarm();

class SwarmNodes {
 public:
  // Starts it once for the process; fails the calling test if it does not become ready.
  static SwarmNodes& shared();
  ~SwarmNodes();

  // "unix:///..." of the manager (1) or the worker (2).
  std::string host(int node) const;
  std::string address(int node) const;  // of the node, from this machine
  std::string registry() const;
  std::string path() const;  // PATH with the programs of docker
  // Variables for an engine that has the images and may use the registry.
  std::map<std::string, std::string> engine() const { return registry_->engine(); }
  // Started with the first call.
  PrivateRegistry& private_registry();
  // The answer of a node's API; null if there is none.
  Json get(int node, const std::string& path);
  // docker ARGS... on a node.
  CommandResult docker(int node, std::vector<std::string> args);
  // kill -9 of the node's dockerd and of everything it runs, and its start.
  void kill_node(int node);
  void start_node(int node);
  bool wait_node(int node);

 private:
  SwarmNodes();
  std::string folder(int node) const;
  void add_links();
  void copy_images();

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<PrivateRegistry> private_registry_;
  std::map<int, std::unique_ptr<Process>> nodes_;
};

// A test with a project folder; the swarm is the target of its commands.
class SwarmTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void project(const std::string& yaml, const std::map<std::string, std::string>& files = {});
  // `stack ARGS...` in the folder; out holds both streams.
  CommandResult run(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  CommandResult must(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  // The output of a command in a task of the service, on whichever node it runs.
  std::string inside(const std::string& project_name, const std::string& service,
                     std::vector<std::string> command);
  // The running tasks of a service: `ps --format json`.
  std::vector<Json> running(const std::string& service);

  SwarmNodes& nodes() { return SwarmNodes::shared(); }
  std::string folder;

 private:
  std::optional<TemporaryDirectory> directory_;
  std::set<std::string> used_;  // folders with projects to remove
};

}  // namespace stack::beyond
