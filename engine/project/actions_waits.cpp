// Actions that wait.
#include "engine/container/container_run.h"
#include "engine/project/container_wait.h"

namespace stack::engine {

using namespace orchestrator;

ActionTask carry_out(ActionContext context, WaitRunning action) {
  auto look = [&parts = context.parts](const Container& container) {
    return judge_running(wait_facts_of(parts, container));
  };
  return wait_until(context, std::move(action.container), std::move(look));
}

ActionTask carry_out(ActionContext context, WaitHealthy action) {
  auto look = [&parts = context.parts, or_running = action.or_running](const Container& container) {
    return judge_healthy(wait_facts_of(parts, container), or_running);
  };
  return wait_until(context, std::move(action.container), std::move(look));
}

ActionTask carry_out(ActionContext context, WaitCompleted action) {
  auto look = [&parts = context.parts](const Container& container) {
    return judge_completed(wait_facts_of(parts, container));
  };
  return wait_until(context, std::move(action.container), std::move(look));
}

namespace {

using Clock = std::chrono::steady_clock;

// Decides whether a container has run long enough to replace another.
class Acceptance {
 public:
  Acceptance(const ProjectParts& parts, int restarts_before, Nanoseconds monitor)
      : parts_(parts), restarts_before_(restarts_before), monitor_(monitor) {}

  WaitStatus operator()(const Container& container) const {
    WaitFacts facts = wait_facts_of(parts_, container);
    facts.restarts = container.state.restart_count - restarts_before_;
    bool runs = container.run && container.run->process;
    Clock::time_point started = runs ? container.run->process->started : waiting_since_;
    WaitStatus look = judge_accepted(facts, Clock::now() - started, monitor_);
    // Without a pending health check, only the remaining time matters.
    bool timed = facts.state == ContainerStatus::Running &&
                 (facts.health == Health::None || facts.health == Health::Healthy);
    if (timed) look.again = started + monitor_;
    return look;
  }

 private:
  const ProjectParts& parts_;
  int restarts_before_;
  Nanoseconds monitor_;
  Clock::time_point waiting_since_ = Clock::now();
};

}  // namespace

ActionTask carry_out(ActionContext context, WaitAccepted action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  Acceptance look(context.parts, (*container)->state.restart_count, action.monitor);
  co_return co_await wait_until(context, action.container, look);
}

ActionTask carry_out(ActionContext context, WaitDelay action) {
  asio::steady_timer timer(context.parts.engine.io, action.delay);
  std::stop_callback wake(context.stop, [&timer] { timer.cancel(); });
  asio::error_code canceled;
  if (!context.stop.stop_requested())
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, canceled));
  if (context.stop.stop_requested()) co_return Error(ErrorKind::Canceled, "canceled");
  co_return ActionResult();
}

}  // namespace stack::engine
