// Actions on containers: create, start, stop, remove, and others.
#include "engine/project/actions.h"

#include <signal.h>

#include <chrono>

#include "base/process.h"
#include "model/labels.h"

namespace stack::engine {

using namespace orchestrator;

ActionTask carry_out(ActionContext context, CreateContainer action) {
  CreateOptions options;
  options.config_text = action.config_text;
  if (action.inherit_anonymous_volumes && !action.replaces.empty())
    options.volumes_of = context.parts.engine.find_container(action.replaces);
  Result<images::Image> image = context.parts.containers.parts().images.resolve(action.spec.image);
  if (!image) co_return std::move(image).error().in("image " + action.spec.image);
  action.spec.labels[label::kImage] = image->id;
  Result<ContainerPtr> made = co_await context.parts.containers.create(std::move(action.spec), options);
  CO_TRY(made);
  co_return (*made)->id.text();
}

ActionTask carry_out(ActionContext context, RenameContainer action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->spec.name == action.name) co_return ActionResult();
  Result<> renamed = co_await context.parts.containers.rename(*container, action.name);
  CO_TRY(renamed);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, StartContainer action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->status() == ContainerStatus::Paused) {
    Result<> thawed = co_await context.parts.containers.unpause(*container);
    CO_TRY(thawed);
    co_return ActionResult();
  }
  Result<bool> started = co_await context.parts.containers.start(*container);
  CO_TRY(started);
  co_return ActionResult();
}

namespace {

constexpr auto kNoticeableStop = std::chrono::seconds(2);
constexpr int kKilled = 128 + SIGKILL;

// The stop signal's name if the first process has no handler for it, so that the kernel does not deliver it.
std::optional<std::string> unhandled_stop_signal(const ContainerService& containers, const Container& container) {
  Result<int> number = containers.facts().stop_signal(container);
  if (!number || container.state.pid <= 0 || *number == SIGKILL) return std::nullopt;
  if (notices_signal(static_cast<pid_t>(container.state.pid), *number)) return std::nullopt;
  const char* name = ::sigabbrev_np(*number);
  return name == nullptr ? "signal " + std::to_string(*number) : std::string("SIG") + name;
}

std::string stop_advice(const std::string& name, const std::string& signal,
                        std::chrono::steady_clock::duration took) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(took).count();
  return "container " + name + " was killed after " + std::to_string(seconds) +
         " s, because its first process has no handler for " + signal +
         "; set `init: true`, or start the command with `exec`";
}

}  // namespace

ActionTask carry_out(ActionContext context, StopContainer action) {
  ContainerPtr container = context.parts.engine.find_container(action.container.id);
  if (!container) co_return ActionResult();
  const std::optional<std::string> deaf = unhandled_stop_signal(context.parts.containers, *container);
  const auto began = std::chrono::steady_clock::now();
  const StopPurpose purpose = action.restarts ? StopPurpose::Restart : StopPurpose::Rest;
  Result<bool> stopped = co_await context.parts.containers.stop(container, action.timeout, "", purpose);
  CO_TRY(stopped);
  const auto took = std::chrono::steady_clock::now() - began;
  if (deaf && took >= kNoticeableStop && container->state.exit_code == kKilled)
    context.tell({{"event", "warning"}, {"text", stop_advice(container->spec.name, *deaf, took)}});
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, KillContainer action) {
  ContainerPtr container = context.parts.engine.find_container(action.container.id);
  if (!container || !container->alive()) co_return ActionResult();
  Result<> killed = co_await context.parts.containers.kill(container, action.signal);
  CO_TRY(killed);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, RemoveContainer action) {
  ContainerPtr container = context.parts.engine.find_container(action.container.id);
  if (!container) co_return ActionResult();
  // --rm or another client may be removing it already.
  while (container->phase == Phase::Removing) co_await container->changed.wait();
  if (container->phase == Phase::Gone) co_return ActionResult();
  Result<> removed = co_await context.parts.containers.remove(container, true, action.volumes);
  CO_TRY(removed);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, PauseContainer action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->status() == ContainerStatus::Paused) co_return ActionResult();
  Result<> paused = co_await context.parts.containers.pause(*container);
  CO_TRY(paused);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, UnpauseContainer action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->status() != ContainerStatus::Paused) co_return ActionResult();
  Result<> thawed = co_await context.parts.containers.unpause(*container);
  CO_TRY(thawed);
  co_return ActionResult();
}

}  // namespace stack::engine
