// stack logs --target kubernetes
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/render/log_printer.h"
#include "cli/render/output.h"
#include "cli/session/log_follow.h"
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

  Result<> read(const Arguments& arguments, bool follow, const std::string& since) {
    std::string path = *kube::resource_path("Pod", cluster_.name_space, pod_name_) +
                       "/log?timestamps=true&container=" + http::percent_encode(container_);
    if (follow) path += "&follow=true";
    if (!since.empty()) path += "&sinceTime=" + http::percent_encode(since);
    std::string tail = arguments.text("tail", "all");
    if (tail != "all") path += "&tailLines=" + tail;
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

  void line(const std::string& text) {
    size_t blank = text.find(' ');
    std::string time = text.substr(0, blank);
    print_({{"container", pod_name_},
            {"service", container_},
            {"stream", "stdout"},
            {"time", time},
            {"text", blank == std::string::npos ? "" : text.substr(blank + 1)}});
  }

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
  Follower(const ClusterSession& cluster, const Arguments& arguments,
           std::function<void(const Json& line)> print)
      : cluster_(cluster), arguments_(arguments), print_(std::move(print)) {}

  Result<> run(const std::string& project, const std::string& since) {
    for (;;) {
      TRY_ASSIGN(std::vector<ProjectPod> pods, project_pods(cluster_, project, arguments_.words));
      bool live = false;
      for (const ProjectPod& pod : pods) {
        kube::PodRow row = kube::pod_row(pod.object, 0);
        bool running = row.state == "running" || row.state == "restarting" || row.state == "created";
        live = live || running;
        std::string key = row.name + "/" + pod.container + "/" + std::to_string(row.restarts);
        if (row.state == "created" || !seen_.insert(key).second) continue;
        threads_.emplace_back([this, pod, since] {
          PodLog log(cluster_, pod, [this](const Json& line) {
            std::scoped_lock lock(mutex_);
            print_(line);
          });
          (void)log.read(arguments_, true, since);
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
  const Arguments& arguments_;
  std::function<void(const Json& line)> print_;
  std::mutex mutex_;
  std::set<std::string> seen_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<int> logs_on_kubernetes(Session& session, const Arguments& arguments) {
  std::string tail = arguments.text("tail", "all");
  if (tail != "all" && !is_all_digits(tail))
    return session.usage_error("invalid value \"" + tail + "\" for --tail: must be a number or all");
  std::string since;
  if (arguments.given("since")) {
    auto time = log_time(arguments.text("since"), std::chrono::system_clock::now());
    if (!time) return session.usage_error(time.error().text());
    since = *time;
  }
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::vector<ProjectPod> pods, project_pods(cluster, project, arguments.words));
  LogStyle style;
  style.color = session.out().color && !arguments.is_set("no-color");
  style.prefix = !arguments.is_set("no-log-prefix");
  style.timestamps = arguments.is_set("timestamps");
  LogPrinter printer(style, project, [](int, std::string_view text) { print(text); });
  std::vector<std::string> labels;
  for (const ProjectPod& pod : pods) labels.push_back(log_name(pod));
  printer.expect(std::move(labels));
  auto show = [&](const Json& line) { printer.line(line); };
  if (arguments.is_set("follow")) {
    TRY(Follower(cluster, arguments, show).run(project, since));
    return 0;
  }
  for (const ProjectPod& pod : pods) TRY(PodLog(cluster, pod, show).read(arguments, false, since));
  return 0;
}

}  // namespace stack::cli::cluster
