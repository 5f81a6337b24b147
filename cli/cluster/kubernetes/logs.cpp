// stack logs --target kubernetes
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/log_settings.h"
#include "cli/session/member.h"
#include "http/wire/query.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

namespace {

constexpr std::chrono::milliseconds kLookPause{1000};

// The log of one container, line by line, as `logs` of a local project shows it.
class PodLog {
 public:
  PodLog(const ClusterSession& cluster, const ProjectPod& pod, std::function<void(const Json& line)> print)
      : cluster_(cluster),
        pod_name_(string_or(member(pod.object, "metadata"), "name")),
        container_(pod.container),
        print_(std::move(print)) {}

  Result<> read(const LogSettings& settings) {
    std::string path = *kube::resource_path("Pod", cluster_.name_space, pod_name_) +
                       "/log?timestamps=true&container=" + http::percent_encode(container_);
    if (settings.follow) path += "&follow=true";
    if (!settings.since.empty()) path += "&sinceTime=" + http::percent_encode(settings.since);
    if (settings.tail != "all") path += "&tailLines=" + settings.tail;
    auto streamed = cluster_.connection->stream({.path = path}, [&](std::string_view bytes) {
      take(bytes);
      return true;
    });
    if (!pending_.empty()) line(std::exchange(pending_, {}));
    if (streamed) return {};
    // A container that has not started has no log yet.
    constexpr int kBadRequest = 400, kNotFound = 404;
    int status = streamed.error().status;
    if (status == kBadRequest || status == kNotFound) return {};
    return to_error(streamed.error(), cluster_.connection->access());
  }

 private:
  void take(std::string_view bytes) {
    pending_ += bytes;
    size_t begin = 0;
    for (size_t end = 0; (end = pending_.find('\n', begin)) != std::string::npos; begin = end + 1)
      line(pending_.substr(begin, end - begin));
    pending_.erase(0, begin);
  }

  void line(const std::string& text) { print_(log_line(pod_name_, container_, "stdout", text)); }

  const ClusterSession& cluster_;
  std::string pod_name_;
  std::string container_;
  std::function<void(const Json& line)> print_;
  std::string pending_;
};

std::string log_name(const ProjectPod& pod) { return string_or(member(pod.object, "metadata"), "name"); }

// Follows all pods, also those that start later, until none runs.
class Follower {
 public:
  Follower(const ClusterSession& cluster, const LogSettings& settings,
           std::function<void(const Json& line)> print)
      : cluster_(cluster), settings_(settings), print_(std::move(print)) {}

  Result<> run(const std::string& project, const std::vector<std::string>& services) {
    for (;;) {
      TRY_ASSIGN(std::vector<ProjectPod> pods, project_pods(cluster_, project, services));
      bool live = false;
      for (const ProjectPod& pod : pods) {
        kube::PodRow row = kube::pod_row(pod.object, 0);
        bool running = row.state == "running" || row.state == "restarting" || row.state == "created";
        live = live || running;
        std::string key = row.name + "/" + pod.container + "/" + std::to_string(row.restarts);
        if (row.state == "created" || !seen_.insert(key).second) continue;
        threads_.emplace_back([this, pod] {
          PodLog log(cluster_, pod, [this](const Json& line) {
            std::scoped_lock lock(mutex_);
            print_(line);
          });
          (void)log.read(settings_);
        });
      }
      if (!live) break;
      std::this_thread::sleep_for(kLookPause);
    }
    for (std::thread& thread : threads_) thread.join();
    return {};
  }

 private:
  const ClusterSession& cluster_;
  const LogSettings& settings_;
  std::function<void(const Json& line)> print_;
  std::mutex mutex_;
  std::set<std::string> seen_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<int> logs_on_kubernetes(Session& session, const Arguments& arguments) {
  auto settings = log_settings(arguments);
  if (!settings) return session.usage_error(settings.error().text());
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::vector<ProjectPod> pods, project_pods(cluster, project, arguments.words));
  std::vector<std::string> labels;
  for (const ProjectPod& pod : pods) labels.push_back(log_name(pod));
  LogPrinter printer = log_printer(session, arguments, project, std::move(labels));
  auto show = [&](const Json& line) { printer.line(line); };
  if (settings->follow) {
    TRY(Follower(cluster, *settings, show).run(project, arguments.words));
    return 0;
  }
  for (const ProjectPod& pod : pods) TRY(PodLog(cluster, pod, show).read(*settings));
  return 0;
}

}  // namespace stack::cli::cluster
