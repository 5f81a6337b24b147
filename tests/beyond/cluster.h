// A real API server on the loopback interface: etcd, kube-apiserver, controller manager, and scheduler, in a folder of its
// own, with free ports. No kubelet: pods stay pending, unless a test writes their status as a kubelet does.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "orchestrator/targets/kubernetes/api/resources.h"
#include "programs.h"

namespace stack::beyond {

// The program with Kubernetes' parts: $STACK_TEST_KUBERNETES, or the one that kube/build leaves in the cache folder.
// nullopt if there is none.
std::optional<std::string> kubernetes_program();
// The program that validates objects without a server, likewise: $STACK_TEST_VALIDATE or the cache.
std::optional<std::string> validation_program();
inline constexpr const char* kNoValidation =
    "no validation of objects: run tests/beyond/kube/build validate (needs Go), or set STACK_TEST_VALIDATE";
inline constexpr const char* kNoKubernetes =
    "no Kubernetes for tests: run tests/beyond/kube/build (needs Go), or set STACK_TEST_KUBERNETES";

class Process {
 public:
  static std::unique_ptr<Process> start(const std::string& program, const std::vector<std::string>& args,
                                        const std::string& log,
                                        const std::map<std::string, std::string>& env = {});
  ~Process();  // SIGTERM, then SIGKILL after a while
  void kill_now();
  pid_t pid() const { return pid_; }

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

// Where the parts of a cluster run.
struct ClusterPlace {
  std::string address = "127.0.0.1";
  std::string network = "";  // name of a network namespace; "": this process'
  // More arguments of the parts, by name.
  std::map<std::string, std::vector<std::string>> more = {};
};

class Cluster {
 public:
  explicit Cluster(ClusterPlace place = {});
  // Starts it once for the process; fails the calling test if it does not become ready.
  static Cluster& shared();
  ~Cluster();

  const std::string& kubeconfig() const { return kubeconfig_; }
  int port() const { return api_port_; }
  std::string token() const;  // of an administrator
  std::string folder() const { return folder_->path(); }
  // Creates a namespace and returns its name.
  std::string name_space();
  Json get(const std::string& path);
  int status_of(const std::string& path);
  void remove(const std::string& path);
  void post(const std::string& path, const Json& body) { answer_to_post(path, body); }
  Json answer_to_post(const std::string& path, const Json& body);
  // Server-side apply by somebody else, who takes the fields.
  void apply_as(const std::string& manager, const std::string& path, const Json& body);
  void patch_status(const std::string& path, const Json& status);
  // kill -9 of the API server, and its start.
  void kill_server();
  void start_server();

  // Starts one of the program's parts ("kubelet") in the cluster's network; its output is in <part>.log in the folder.
  std::unique_ptr<Process> start_part(const std::string& part, std::vector<std::string> args);

 private:
  bool wait_ready();
  void make_keys();

  ClusterPlace place_;

  std::optional<TemporaryDirectory> folder_;
  std::string kubeconfig_;
  std::string server_;
  int api_port_ = 0;
  int etcd_port_ = 0;
  std::unique_ptr<Process> etcd_, api_, controllers_, scheduler_;
  std::unique_ptr<targets::kubernetes::Connection> connection_;
  int spaces_ = 0;
};

// A test with a project folder and a namespace.
class ClusterTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void project(const std::string& yaml, const std::map<std::string, std::string>& files = {});
  // `stack ARGS... ` with the cluster, in the project's folder.
  CommandResult run(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  CommandResult must(std::vector<std::string> args, std::map<std::string, std::string> env = {});
  // Every object of the namespace that belongs to a project: "Deployment/web" -> resourceVersion.
  std::map<std::string, std::string> objects();

  std::string space;
  std::string folder;

 private:
  std::optional<TemporaryDirectory> directory_;
};

}  // namespace stack::beyond
