// stack ps and port --target kubernetes
#include <chrono>

#include "base/text.h"
#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/process_list.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/member.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

namespace {

int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "192.0.2.7:8080->80/tcp": the published ports of each service.
Result<std::map<std::string, std::vector<Json>>> published_services(const ClusterSession& cluster,
                                                                    const std::string& project) {
  kube::ApiResult<std::vector<Json>> services = cluster.resources().list("Service", project);
  if (!services) return to_error(services.error(), cluster.connection->access());
  std::map<std::string, std::vector<Json>> out;
  for (Json& service : *services) {
    const Json& spec = member(service, "spec");
    const Json& labels = member(member(service, "metadata"), "labels");
    if (string_or(spec, "clusterIP") == "None" || labels.contains(kube::kGateLabel)) continue;
    out[string_or(member(member(service, "metadata"), "labels"), kube::kServiceLabel)].push_back(service);
  }
  return out;
}

// The address under which the port of a Service can be reached: of its load balancer, of a node, or inside the cluster.
std::string address_of(const Json& service, const Json& port) {
  std::string number = std::to_string(int_or(port, "port"));
  const Json& ingress = member(member(member(service, "status"), "loadBalancer"), "ingress");
  if (ingress.is_array() && !ingress.empty()) {
    std::string host = string_or(ingress[0], "ip", string_or(ingress[0], "hostname"));
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + number;
  }
  int64_t node_port = int_or(port, "nodePort");
  if (node_port > 0) return "node:" + std::to_string(node_port);
  return string_or(member(service, "spec"), "clusterIP") + ":" + number;
}

std::string ports_text(const std::vector<Json>& services) {
  std::vector<std::string> out;
  for (const Json& service : services)
    for (const Json& port : items_of(member(member(service, "spec"), "ports")))
      out.push_back(address_of(service, port) + "->" + to_text(member(port, "targetPort")) + "/" +
                    lower(string_or(port, "protocol", "tcp")));
  return join(out, ", ");
}

}  // namespace

Result<int> ps_on_kubernetes(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::vector<ProjectPod> pods, project_pods(cluster, project, arguments.words));
  TRY_ASSIGN(auto published, published_services(cluster, project));
  int64_t now = now_seconds();
  ProcessList list;
  std::vector<std::string> states = arguments.all("status");
  for (const ProjectPod& pod : pods) {
    kube::PodRow row = kube::pod_row(pod.object, now);
    // As for local projects: ended pods are shown only on request.
    bool ended = row.state == "exited";
    if (states.empty() ? ended && !arguments.is_set("all")
                       : std::find(states.begin(), states.end(), row.state) == states.end())
      continue;
    list.services.insert(pod.service);
    list.names += row.name + "\n";
    list.rows.push_back(
        {{"Name", row.name},
         {"Image", row.image},
         {"Command", ellipsis("\"" + row.command + "\"", arguments.is_set("no-trunc") ? 1000 : 20)},
         {"Project", project},
         {"Service", pod.service},
         {"CreatedAt", row.created},
         {"RunningFor", age_text(row.created)},
         {"State", row.state},
         {"Status", row.status},
         {"Health", row.health},
         {"ExitCode", row.exit_code},
         {"Restarts", row.restarts},
         {"Node", row.node},
         {"Address", row.address},
         {"Ports", ports_text(published[pod.service])}});
  }
  return print_processes(arguments, list,
                         {"Name", "Image", "Command", "Service", "RunningFor", "Status", "Ports"});
}

Result<int> port_on_kubernetes(Session& session, const Arguments& arguments) {
  std::string service = arguments.words[0];
  auto wanted = wanted_port(arguments);
  if (!wanted) return session.usage_error(wanted.error().text());
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(auto published, published_services(cluster, project));
  const std::vector<Json>& services = published[kube::object_name(service)];
  for (const Json& one : services)
    for (const Json& port : items_of(member(member(one, "spec"), "ports")))
      if (to_text(member(port, "targetPort")) + "/" + lower(string_or(port, "protocol", "tcp")) == *wanted) {
        print_line(address_of(one, port));
        return 0;
      }
  std::string has = ports_text(services);
  return not_found("port " + *wanted + " of service " + service + " is not published" +
                   (has.empty() ? "" : "; it has " + has));
}

}  // namespace stack::cli::cluster
