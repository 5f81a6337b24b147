// ProjectService: starts containers that did not survive and whose restart policy requires them to run, by a plan
// of their project: in the order of depends_on, after containers that must be healthy or own the network. Failed
// starts are retried with increasing delays until another command changes the project.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "engine/project/project_service.h"
#include "model/labels.h"

namespace stack::engine {

namespace {

constexpr std::chrono::milliseconds kFirstDelay{500};
constexpr std::chrono::milliseconds kLongestDelay{60'000};
constexpr std::chrono::seconds kWaitLimit{600};

// A container to start, and the facts that show that it has started.
struct Pending {
  ContainerPtr container;
  std::string started_before;

  bool wanted() const {
    const Container& c = *container;
    bool started = c.alive() || c.state.started_at != started_before;
    return !started && !c.leaving() && !c.state.stopped_by_user;
  }
};

std::vector<Pending> pending_of(const std::vector<ContainerPtr>& containers) {
  std::vector<Pending> pending;
  for (const ContainerPtr& container : containers)
    pending.push_back({container, container->state.started_at});
  return pending;
}

Json request_for(const std::vector<Pending>& pending) {
  std::set<std::string> services;
  Json ids = Json::array();
  for (const Pending& one : pending) {
    services.insert(one.container->label(label::kService));
    ids.push_back(one.container->id.text());
  }
  return {{"services", services},
          {"containers", ids},
          {"no_deps", true},
          {"keep_going", true},
          {"wait_timeout", kWaitLimit.count()}};
}

Task<> start_alone(asio::io_context& io, ContainerService& containers, ContainerPtr container) {
  Pending pending{container, container->state.started_at};
  for (auto delay = kFirstDelay; pending.wanted(); delay = std::min(delay * 2, kLongestDelay)) {
    Result<bool> started = co_await containers.start(container);
    if (started) co_return;
    log_warning("container " + container->spec.name + ": " + started.error().text());
    co_await sleep_for(io, delay);
  }
}

Task<> stop_alone(ContainerService& containers, ContainerPtr container) {
  Result<bool> stopped = co_await containers.stop(container, std::nullopt);
  if (!stopped) log_warning("container " + container->spec.name + ": " + stopped.error().text());
}

}  // namespace

Task<> ProjectService::start_project(std::string name, std::vector<ContainerPtr> containers) {
  std::vector<Pending> pending = pending_of(containers);
  for (auto delay = kFirstDelay;; delay = std::min(delay * 2, kLongestDelay)) {
    co_await perform(name, request_for(pending), own_command("start", name));
    std::erase_if(pending, [](const Pending& one) { return !one.wanted(); });
    if (pending.empty()) co_return;
    const uint64_t commands = locks_.commands(name);
    co_await sleep_for(parts_.engine.io, delay);
    if (locks_.commands(name) != commands) co_return;
  }
}

void ProjectService::start_by_policy(std::vector<ContainerPtr> stopped) {
  std::map<std::string, std::vector<ContainerPtr>> projects;
  for (ContainerPtr& container : stopped) {
    std::string name = container->label(label::kProject);
    if (!name.empty() && container->label(label::kOneOff) != "True" && stored_.contains(name)) {
      projects[name].push_back(std::move(container));
    } else {
      start(parts_.engine.io, start_alone(parts_.engine.io, parts_.containers, std::move(container)));
    }
  }
  for (auto& [name, containers] : projects)
    start(parts_.engine.io, start_project(name, std::move(containers)));
}

Task<> ProjectService::stop_for_reboot() {
  Context& context = parts_.engine;
  context.host_stops = true;
  std::set<std::string> projects;
  std::vector<ContainerPtr> alone;
  for (const auto& [id, container] : context.containers) {
    if (!container->alive()) continue;
    std::string name = container->label(label::kProject);
    if (name.empty() || container->label(label::kOneOff) == "True") {
      alone.push_back(container);
    } else {
      projects.insert(name);
    }
  }
  struct Waiting {
    explicit Waiting(asio::io_context& io) : ended(io) {}
    size_t count = 0;
    Signal ended;
  };
  auto waiting = std::make_shared<Waiting>(context.io);
  auto counted = [](Task<> task, std::shared_ptr<Waiting> shared) -> Task<> {
    co_await std::move(task);
    --shared->count;
    shared->ended.notify_all();
  };
  waiting->count = projects.size() + alone.size();
  for (const std::string& name : projects)
    start(context.io, counted(perform(name, Json::object(), own_command("stop", name)), waiting));
  for (const ContainerPtr& container : alone)
    start(context.io, counted(stop_alone(parts_.containers, container), waiting));
  while (waiting->count > 0) co_await waiting->ended.wait();
}

}  // namespace stack::engine
