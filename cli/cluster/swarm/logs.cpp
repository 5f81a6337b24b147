// stack logs --target swarm
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/cluster/log_settings.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "orchestrator/targets/swarm/api/log_frames.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

constexpr std::chrono::milliseconds kTaskPause{1000};
// The log of a task on a node that is down never ends.
constexpr std::chrono::seconds kLogPatience{10};

using LinePrinter = std::function<void(const Json& line)>;

std::string label_of_task(const ProjectTask& task) { return task.row.name; }

// Docker takes seconds since 1970.
std::string unix_seconds(const std::string& time) {
  auto parsed = parse_rfc3339(time);
  if (!parsed) return "";
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(parsed->time_since_epoch()).count());
}

Result<> read_log(swarm::DockerConnection& docker, const ProjectTask& task, const LogSettings& settings,
                  const LinePrinter& print_log) {
  http::ClientRequest request;
  request.target = "/tasks/" + task.row.id + "/logs?stdout=true&stderr=true&timestamps=true";
  if (settings.follow) request.target += "&follow=true";
  if (!settings.since.empty()) request.target += "&since=" + unix_seconds(settings.since);
  if (settings.tail != "all") request.target += "&tail=" + settings.tail;
  swarm::LogFrames frames([&](bool error, const std::string& text) {
    print_log(log_line(label_of_task(task), task.row.service, error ? "stderr" : "stdout", text));
  });
  auto streamed = docker.stream(
      request,
      [&](std::string_view bytes) {
        frames.add(bytes);
        return true;
      },
      settings.follow ? std::chrono::seconds(0) : kLogPatience);
  frames.finish();
  // A task that has not started has no log.
  if (!streamed && streamed.error().kind() == ErrorKind::NotFound) return {};
  return streamed;
}

// Follows all tasks, also those that start later, until none runs.
class TaskFollower {
 public:
  TaskFollower(swarm::DockerConnection& docker, const LogSettings& settings, LinePrinter print_log)
      : docker_(docker), settings_(settings), print_(std::move(print_log)) {}

  Result<> run(const std::string& project, const std::vector<std::string>& services) {
    for (;;) {
      TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(docker_, project, services));
      bool live = false;
      for (const ProjectTask& task : tasks) {
        live = live || (task.row.current && task.row.state != "exited");
        if (task.row.container.empty() || !seen_.insert(task.row.id).second) continue;
        LogSettings settings = settings_;
        settings.follow = task.row.state == "running";
        threads_.emplace_back([this, task, settings] {
          (void)read_log(docker_, task, settings, [this](const Json& line) {
            std::scoped_lock lock(mutex_);
            print_(line);
          });
        });
      }
      if (!live) break;
      std::this_thread::sleep_for(kTaskPause);
    }
    for (std::thread& thread : threads_) thread.join();
    return {};
  }

 private:
  swarm::DockerConnection& docker_;
  const LogSettings& settings_;
  LinePrinter print_;
  std::mutex mutex_;
  std::set<std::string> seen_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<int> logs_on_swarm(Session& session, const Arguments& arguments) {
  auto settings = log_settings(arguments);
  if (!settings) return session.usage_error(settings.error().text());
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(*docker, project, arguments.words));
  std::vector<std::string> labels;
  for (const ProjectTask& task : tasks) labels.push_back(label_of_task(task));
  LogPrinter printer = log_printer(session, arguments, project, std::move(labels));
  auto show = [&](const Json& line) { printer.line(line); };
  if (settings->follow) {
    TRY(TaskFollower(*docker, *settings, show).run(project, arguments.words));
    return 0;
  }
  for (const ProjectTask& task : tasks)
    if (!task.row.container.empty()) TRY(read_log(*docker, task, *settings, show));
  return 0;
}

}  // namespace stack::cli::cluster
