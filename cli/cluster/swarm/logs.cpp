// stack logs --target swarm
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "cli/render/log_printer.h"
#include "cli/render/output.h"
#include "cli/session/log_follow.h"
#include "http/wire/query.h"
#include "orchestrator/targets/swarm/api/log_frames.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

constexpr std::chrono::milliseconds kTaskPause{1000};
// The log of a task on a node that is down never ends.
constexpr std::chrono::seconds kLogPatience{10};

using LinePrinter = std::function<void(const Json& line)>;

std::string label_of_task(const ProjectTask& task) { return task.row.name; }

Result<> read_log(swarm::DockerConnection& docker, const ProjectTask& task, const Arguments& arguments,
                  bool follow, const std::string& since, const LinePrinter& print_log) {
  http::ClientRequest request;
  request.target = "/tasks/" + task.row.id + "/logs?stdout=true&stderr=true&timestamps=true";
  if (follow) request.target += "&follow=true";
  if (!since.empty()) request.target += "&since=" + http::percent_encode(since);
  std::string tail = arguments.text("tail", "all");
  if (tail != "all") request.target += "&tail=" + tail;
  swarm::LogFrames frames([&](bool error, const std::string& text) {
    size_t blank = text.find(' ');
    print_log({{"container", label_of_task(task)},
               {"service", task.row.service},
               {"stream", error ? "stderr" : "stdout"},
               {"time", text.substr(0, blank)},
               {"text", blank == std::string::npos ? "" : text.substr(blank + 1)}});
  });
  auto streamed = docker.stream(
      request,
      [&](std::string_view bytes) {
        frames.add(bytes);
        return true;
      },
      follow ? std::chrono::seconds(0) : kLogPatience);
  frames.finish();
  // A task that has not started has no log.
  if (!streamed && streamed.error().kind() == ErrorKind::NotFound) return {};
  return streamed;
}

// Follows all tasks, also those that start later, until none runs.
class TaskFollower {
 public:
  TaskFollower(swarm::DockerConnection& docker, const Arguments& arguments, LinePrinter print_log)
      : docker_(docker), arguments_(arguments), print_(std::move(print_log)) {}

  Result<> run(const std::string& project, const std::string& since) {
    for (;;) {
      TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(docker_, project, arguments_.words));
      bool live = false;
      for (const ProjectTask& task : tasks) {
        live = live || (task.row.current && task.row.state != "exited");
        if (task.row.container.empty() || !seen_.insert(task.row.id).second) continue;
        bool running = task.row.state == "running";
        threads_.emplace_back([this, task, since, running] {
          (void)read_log(docker_, task, arguments_, running, since, [this](const Json& line) {
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
  const Arguments& arguments_;
  LinePrinter print_;
  std::mutex mutex_;
  std::set<std::string> seen_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<int> logs_on_swarm(Session& session, const Arguments& arguments) {
  std::string tail = arguments.text("tail", "all");
  if (tail != "all" && !is_all_digits(tail))
    return session.usage_error("invalid value \"" + tail + "\" for --tail: must be a number or all");
  std::string since;
  if (arguments.given("since")) {
    auto time = log_time(arguments.text("since"), std::chrono::system_clock::now());
    if (!time) return session.usage_error(time.error().text());
    auto parsed = parse_rfc3339(*time);
    // Docker takes seconds since 1970.
    if (parsed)
      since = std::to_string(
          std::chrono::duration_cast<std::chrono::seconds>(parsed->time_since_epoch()).count());
  }
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(*docker, project, arguments.words));
  LogStyle style;
  style.color = session.out().color && !arguments.is_set("no-color");
  style.prefix = !arguments.is_set("no-log-prefix");
  style.timestamps = arguments.is_set("timestamps");
  LogPrinter printer(style, project, [](int, std::string_view text) { print(text); });
  std::vector<std::string> labels;
  for (const ProjectTask& task : tasks) labels.push_back(label_of_task(task));
  printer.expect(std::move(labels));
  auto show = [&](const Json& line) { printer.line(line); };
  if (arguments.is_set("follow")) {
    TRY(TaskFollower(*docker, arguments, show).run(project, since));
    return 0;
  }
  for (const ProjectTask& task : tasks)
    if (!task.row.container.empty()) TRY(read_log(*docker, task, arguments, false, since, show));
  return 0;
}

}  // namespace stack::cli::cluster
