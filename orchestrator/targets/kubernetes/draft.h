// The state of one conversion, shared by its parts.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::targets::kubernetes {

using compose::Project;
using compose::Service;

enum class WorkloadKind { Deployment, StatefulSet, DaemonSet, Job };
std::string_view to_text(WorkloadKind kind);

// The parts of a pod template while it is built.
struct Pod {
  const Service* owner = nullptr;
  std::vector<const Service*> members;  // the owner first, then services with `network_mode: service:owner`
  WorkloadKind kind = WorkloadKind::Deployment;
  std::string name;  // of the workload
  OrderedJson labels = OrderedJson::object();
  OrderedJson annotations = OrderedJson::object();
  OrderedJson volumes = OrderedJson::array();
  OrderedJson init_containers = OrderedJson::array();
  OrderedJson containers = OrderedJson::array();
  OrderedJson spec = OrderedJson::object();  // everything else
  std::set<std::string> volume_names;
  bool helper = false;  // whether the pod needs stack-pod
};

// The cluster's DNS server knows a pod as <host>.<domain> if there is a headless Service <domain> for it.
struct PodName {
  std::string host;
  std::string domain;
};

struct Draft {
  Draft(const Project& p, const ConvertInputs& i) : project(p), inputs(i) {}

  const Project& project;
  const ConvertInputs& inputs;
  FidelityNotes notes;
  std::vector<KubeObject> objects;
  std::vector<Gate> gates;
  bool isolated = false;  // whether networks become NetworkPolicies
  bool helper = false;
  std::map<std::string, WorkloadKind> kinds;            // by service
  std::map<std::string, std::string> owners;            // service -> owner of its pod
  std::map<std::string, std::set<std::string>> claims;  // volume key -> services that mount it
  std::set<std::string> gate_names;
  std::map<std::string, PodName> pod_names;  // by service, for an alias with a dot

  const ImageFacts& facts(const Service& service) const;
  // The member of the x-stack-kubernetes extension, or null.
  static Json extension(const compose::Extensions& extensions);
  // The labels of every object.
  OrderedJson labels(const std::string& service = "") const;
  OrderedJson selector(const Service& service) const;
  // Adds an object; `spec` members ("spec", "data", ...) follow the metadata.
  KubeObject& add(std::string api_version, std::string kind, std::string name, const std::string& service,
                  std::string pointer, OrderedJson members);
};

std::string service_pointer(const Service& service, std::string_view rest = {});
// The effective health check: the service's, with the image's test; nullopt if there is none or it is disabled.
std::optional<compose::Healthcheck> health_of(const Draft& draft, const Service& service);
// `$` doubled, because Kubernetes expands $(NAME) in commands, arguments, and environments.
std::string escaped(std::string_view text);
OrderedJson escaped(const compose::StringList& words);

// Names (names.cpp keeps their syntax).
std::string healthy_name(const Service& service);
std::string gate_name(const std::string& job, GateMoment moment);
std::string published_name(const Service& service);
std::string claim_name(const compose::Volume& volume);
std::string network_label(const std::string& network);
std::string helper_name(const Project& project);

// The parts, one file each.
void decide_kinds(Draft& draft);                                                      // kinds.cpp
void add_workload(Draft& draft, const Service& owner);                                // workload.cpp
OrderedJson container_of(Draft& draft, Pod& pod, const Service& service);             // container.cpp
void add_probes(Draft& draft, const Service& service, OrderedJson& out);              // probes.cpp
void add_security(Draft& draft, Pod& pod, const Service& service, OrderedJson& out);  // security.cpp
void add_mounts(Draft& draft, Pod& pod, const Service& service, OrderedJson& out);    // mounts.cpp
void add_files(Draft& draft, Pod& pod, const Service& service, OrderedJson& out);     // files.cpp
void add_bind(Draft& draft, Pod& pod, const Service& service, const compose::VolumeMount& mount,
              const std::string& pointer, OrderedJson& out);          // binds.cpp
void add_waits(Draft& draft, Pod& pod, const Service& service);       // waits.cpp
void add_scheduling(Draft& draft, Pod& pod, const Service& service);  // scheduling.cpp
void add_names(Draft& draft, const Service& service);                 // exposure.cpp
void add_published(Draft& draft, const Service& service);             // exposure.cpp
void add_claims(Draft& draft);                                        // mounts.cpp
void add_policies(Draft& draft);                                      // policies.cpp
void add_helper(Draft& draft);                                        // helper.cpp

// Adds a volume to the pod once; returns its name.
std::string pod_volume(Pod& pod, const std::string& wanted, OrderedJson source);
// An init container of the dependent's own image that runs stack-pod with these words.
OrderedJson helper_container(Draft& draft, Pod& pod, const Service& service, const std::string& name,
                             const std::vector<std::string>& words);
// Whether the nodes that the service runs on can execute this build's stack-pod.
bool helper_fits(const Draft& draft, const Service& service);
// A volumeMount.
OrderedJson mount_at(const std::string& volume, const std::string& path, bool read_only = false,
                     const std::string& sub_path = "");
// The image that the service's container has in a cluster.
std::string pod_image(Draft& draft, const Service& service);
// The Secret with the registries' credentials.
std::string registry_secret_name(const Project& project);
inline constexpr std::string_view kHelperPath = "/.stack-pod/stack-pod";

}  // namespace stack::targets::kubernetes
