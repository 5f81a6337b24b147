// ContainerService: taking over after the engine was gone.

#include <algorithm>

#include "base/directory.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/container_run.h"
#include "engine/container/container_service.h"

namespace stack::engine {

namespace {

// The monitor's first word after connecting; nullopt where it does not come.
Task<std::optional<runtime::Hello>> greeting(asio::io_context& io, asio::posix::stream_descriptor& control) {
  asio::steady_timer limit(io, std::chrono::seconds(5));
  limit.async_wait([&control](asio::error_code code) {
    if (!code) control.cancel();
  });
  for (;;) {
    Result<std::optional<runtime::Message>> message = runtime::receive_message(control.native_handle());
    if (!message) co_return std::nullopt;
    if (*message) {
      if (auto* hello = std::get_if<runtime::Hello>(&**message)) co_return std::move(*hello);
      if (std::holds_alternative<runtime::Closed>(**message)) co_return std::nullopt;
      continue;
    }
    asio::error_code code;
    co_await control.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return std::nullopt;
  }
}

}  // namespace

// true: the container runs, or its end was taken note of.
Task<bool> ContainerService::adopt(ContainerPtr container) {
  Result<Fd> control = runtime::connect_monitor(context_.paths.container_run(container->id));
  runtime::Monitor replacement;
  if (!control) {
    // The monitor is gone as well. Is the process still in its cgroup? (A pid alone may be somebody else's by
    // now.)
    std::string cgroup = cgroup_path(*container);
    Result<std::vector<pid_t>> pids = parts_.cgroups.pids(cgroup);
    auto pid = static_cast<pid_t>(container->state.pid);
    bool lives =
        container->alive() && pid > 0 && pids && std::find(pids->begin(), pids->end(), pid) != pids->end();
    Result<Fd> pidfd = lives ? open_pidfd(pid) : Result<Fd>(Error("gone"));
    if (!pidfd) co_return false;
    Result<runtime::LogSettings> log = log_of(*container);
    if (!log) log_error("container " + container->spec.name + ": " + log.error().text());
    runtime::AdoptRequest request;
    request.container_id = container->id;
    request.state_dir = context_.paths.container(container->id);
    request.run_dir = context_.paths.container_run(container->id);
    request.pid = pid;
    request.pidfd = pidfd->get();
    request.cgroup_path = cgroup;
    if (log) {
      request.log = *log;
    } else {
      request.log.driver = runtime::LogDriver::None;
    }
    request.tty = container->spec.tty;
    request.stdin_once = container->spec.stdin_once;
    request.engine = engine_restart();
    Result<runtime::Monitor> made = runtime::adopt(request, parts_.monitor_program);
    if (!made) {
      log_error("container " + container->spec.name + ": " + made.error().text());
      co_return false;
    }
    replacement = std::move(*made);
    control = std::move(replacement.control);
  }
  auto process = std::make_shared<ContainerProcess>(context_.io);
  process->control.assign(control->release());
  process->monitor_pid = replacement.pid;
  process->monitor_pidfd = std::move(replacement.pidfd);
  std::optional<runtime::Hello> hello = co_await greeting(context_.io, process->control);
  if (!hello) co_return false;
  auto run = std::make_shared<ContainerRun>(context_.io);
  run->netns = std::move(hello->netns);
  run->held = std::move(hello->held_fds);
  run->network_up = true;
  run->restart_cancelled = container->state.manually_stopped;
  process->pidfd = std::move(hello->pidfd);
  process->stdio = std::move(hello->stdio);
  if (Result<WallTime> began = parse_rfc3339(container->state.started_at); began) {
    auto ran = std::chrono::system_clock::now() - *began;
    process->started = std::chrono::steady_clock::now() - std::max(ran, decltype(ran)::zero());
  }
  container->run = run;
  run->process = process;
  if (!container->running()) {
    // The engine died between the start and its note of it.
    container->state.status = Status::Running;
    container->state.started_at = rfc3339(std::chrono::system_clock::now());
    container->state.finished_at = kZeroTime;
  }
  container->state.pid = hello->pid;
  container->boot_id = context_.boot_id;
  // Its end is dealt with once the networks stand, by whoever supervises it.
  process->ended = hello->exited;
  (void)context_.save(*container);
  co_return true;
}

// A container that is recorded as alive but is not, and whose end nobody saw.
Task<> ContainerService::lost(ContainerPtr container) {
  ContainerState& state = container->state;
  state.pid = 0;
  for (Endpoint& endpoint : container->endpoints) endpoint.attached = false;
  container->published.clear();
  if (state.status != Status::Restarting) {
    Result<std::optional<runtime::Exited>> end =
        runtime::read_exit_file(context_.paths.container(container->id));
    if (end && *end) {
      state.exit_code = (*end)->exit_code;
      state.oom_killed = (*end)->oom_killed;
      state.finished_at = rfc3339((*end)->finished_at);
    } else {
      state.exit_code = 255;
      state.finished_at = rfc3339(std::chrono::system_clock::now());
      state.error = "the machine or the engine stopped while it ran";
    }
  }
  state.status = Status::Exited;
  (void)context_.save(*container);
  context_.publish(*container, "die", {{"exitCode", std::to_string(state.exit_code)}});
  co_return;
}

Task<Result<>> ContainerService::recover() {
  auto rows = context_.store.load(Table::Containers);
  CO_TRY(rows);
  std::vector<ContainerPtr> half_made;
  for (const auto& [id, record] : *rows) {
    auto container = std::make_shared<Container>(context_.io);
    container->id = id;
    Result<> read = read_record(record, *container);
    if (!read) {
      log_error("container " + id + ": " + read.error().text());
      continue;
    }
    context_.containers[id] = container;
    if (container->state.status == Status::Creating) half_made.push_back(container);
  }
  std::vector<ContainerPtr> running;
  std::vector<ContainerPtr> to_start;
  auto all = context_.containers;
  for (const auto& [id, container] : all) {
    bool adopted = co_await adopt(container);
    if (adopted) {
      running.push_back(container);
      continue;
    }
    bool was_running = container->alive();
    bool was_restarting = container->state.status == Status::Restarting;
    if (was_running) co_await lost(container);
    if (container->state.status != Status::Exited) continue;
    bool rebooted = container->boot_id != context_.boot_id;
    bool again = was_restarting || ((was_running || rebooted) &&
                                    start_at_boot(container->spec.restart, container->state.exit_code,
                                                  container->state.manually_stopped));
    if (again) to_start.push_back(container);
  }
  Result<> networks = parts_.networks.adopt(running);
  if (!networks) log_error("networks: " + networks.error().text());
  for (const ContainerPtr& container : running) {
    if (container->state.status == Status::Creating) continue;
    watch_log(*container);
    if (on_started) on_started(container);
    stack::start(context_.io, supervise(container, container->run, container->run->process));
  }
  for (const ContainerPtr& container : half_made) {
    if (container->run && container->run->process) {
      (void)signal_pidfd(container->run->process->pidfd.get(), 9);
      container->run.reset();
    }
    co_await discard(container);
  }
  co_await sweep();
  for (const ContainerPtr& container : to_start) {
    auto begin = [](ContainerService& self, ContainerPtr c) -> Task<> {
      Result<bool> started = co_await self.start(c);
      if (!started) log_warning("container " + c->spec.name + ": " + started.error().text());
    };
    stack::start(context_.io, begin(*this, container));
  }
  co_return Result<>();
}

// Files and cgroups of containers that no record knows.
Task<> ContainerService::sweep() {
  for (const std::string& directory :
       {context_.paths.containers(), context_.paths.run_root + "/containers"}) {
    for (const std::string& name : names_in(directory).value_or(std::vector<std::string>())) {
      if (context_.containers.contains(name)) continue;
      log_info("removing leftovers of container " + name);
      Result<> removed = remove_tree(directory + "/" + name);
      if (!removed) log_warning(removed.error().text());
    }
  }
  std::vector<std::string> keep;
  for (const auto& [id, container] : context_.containers)
    if (container->run) keep.push_back(id);
  auto work = [cgroups = parts_.cgroups, parent = context_.paths.cgroup_parent(), keep] {
    return cgroups.sweep(parent, keep);
  };
  Result<std::vector<std::string>> swept = co_await offload(context_.pool, work);
  if (!swept) {
    log_warning("cgroups: " + swept.error().text());
    co_return;
  }
  for (const std::string& name : *swept) log_info("removed the left-over cgroup " + name);
  remove_cgroup_parent();
}

}  // namespace stack::engine
