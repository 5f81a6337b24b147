#include "engine/container/health_service.h"

#include "base/log.h"
#include "engine/container/container_run.h"
#include "model/labels.h"

namespace stack::engine {

std::optional<HealthcheckSpec> HealthService::configured(const Container& container) const {
  const std::optional<HealthcheckSpec>& own = container.spec.healthcheck;
  if (own && !own->test.empty()) return own;
  Result<images::Image> image = containers_.parts().images.resolve(container.image_id);
  if (!image || !image->config().healthcheck) return std::nullopt;
  const images::Healthcheck& theirs = *image->config().healthcheck;
  HealthcheckSpec merged = own.value_or(HealthcheckSpec{});
  merged.test = theirs.test;
  auto inherit = [](auto& mine, auto value) {
    if (mine == decltype(value){}) mine = value;
  };
  inherit(merged.interval, theirs.interval);
  inherit(merged.timeout, theirs.timeout);
  inherit(merged.start_period, theirs.start_period);
  inherit(merged.start_interval, theirs.start_interval);
  inherit(merged.retries, theirs.retries);
  return merged;
}

std::optional<HealthcheckSpec> HealthService::check_of(const Container& container) const {
  std::optional<HealthcheckSpec> check = configured(container);
  if (!check || !is_enabled(*check)) return std::nullopt;
  return with_defaults(*check);
}

void HealthService::watch(ContainerPtr container) {
  std::optional<HealthcheckSpec> check = check_of(*container);
  if (!check || !container->run || !container->run->process) return;
  container->health = health_at_start(std::chrono::steady_clock::now());
  start(context_.io, probe_loop(container, container->run->process, *check));
}

Task<> HealthService::probe_loop(ContainerPtr container, std::shared_ptr<ContainerProcess> process,
                                 HealthcheckSpec check) {
  auto over = [&] { return !container->run || container->run->process != process; };
  while (!over()) {
    Nanoseconds pause = next_probe_in(*container->health, check, std::chrono::steady_clock::now());
    auto deadline = std::chrono::steady_clock::now() + pause;
    bool woken = true;
    while (woken && !over()) woken = co_await container->changed.wait_until(deadline);
    if (over()) co_return;
    if (container->status() != ContainerStatus::Running) continue;  // paused: not probed
    int pauses = container->run->pauses;
    auto began = std::chrono::steady_clock::now();
    ProbeResult result = co_await probe(container, check);
    result.began = began;
    if (over() || !container->health) co_return;
    if (container->run->pauses != pauses) continue;
    Health before = container->health->status;
    container->health = advance(*container->health, std::move(result), check);
    // For waits that show the progress of the check.
    if (container->health->status == stack::Health::Starting) container->changed.notify_all();
    if (container->health->status == before) continue;
    context_.publish(*container, "health_status: " + std::string(to_text(container->health->status)));
    container->changed.notify_all();
    if (container->health->status == stack::Health::Unhealthy &&
        container->spec.labels.contains(label::kRestartOn))
      start(context_.io, restart_unhealthy(container, process));
  }
}

// A coroutine of its own, because the restart ends the probes.
Task<> HealthService::restart_unhealthy(ContainerPtr container, std::shared_ptr<ContainerProcess> process) {
  if (!container->run || container->run->process != process) co_return;
  log_warning("container " + container->spec.name + " is unhealthy; restarting it");
  Result<> restarted = co_await containers_.restart(container, std::nullopt);
  if (!restarted) log_warning("container " + container->spec.name + ": " + restarted.error().text());
}

Task<ProbeResult> HealthService::probe(ContainerPtr container, HealthcheckSpec check) {
  ProbeResult result;
  result.start = std::chrono::system_clock::now();
  ExecRequest request;
  request.command.assign(check.test.begin() + 1, check.test.end());
  if (check.test[0] == "CMD-SHELL") {
    std::vector<std::string> shell;
    if (Result<images::Image> image = containers_.parts().images.resolve(container->image_id); image)
      shell = image->config().shell;
    if (shell.empty()) shell = {"/bin/sh", "-c"};
    shell.insert(shell.end(), request.command.begin(), request.command.end());
    request.command = std::move(shell);
  }
  Result<ExecService::Captured> run =
      co_await execs_.run(container, std::move(request), check.timeout, kProbeOutputLimit);
  result.end = std::chrono::system_clock::now();
  if (!run) {
    result.exit_code = -1;
    result.output = run.error().text();
  } else if (run->exit_code == -1) {
    co_return timed_out(result.start, result.end, check, run->output);
  } else {
    result.exit_code = run->exit_code;
    result.output = run->output;
  }
  co_return result;
}

}  // namespace stack::engine
