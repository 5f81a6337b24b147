// Hooks: commands that run before a service starts, and in its containers at their start and stop.
#include "base/log.h"
#include "base/text.h"
#include "engine/project/container_wait.h"
#include "model/labels.h"

namespace stack::engine {

using namespace orchestrator;

namespace {

constexpr std::chrono::hours kHookLimit{24};
constexpr size_t kHookOutputLimit = size_t{64} << 10;

using Captured = Result<ExecService::Captured>;

ExecRequest request_of(const HookSpec& hook) {
  ExecRequest request;
  request.command = hook.command;
  request.user = hook.user;
  request.privileged = hook.privileged;
  request.working_dir = hook.working_dir;
  request.env = hook.env;
  return request;
}

struct HookRun {
  explicit HookRun(asio::io_context& io) : ended(io) {}
  std::optional<Captured> result;
  Signal ended;
};

Task<> run_in(ExecService& execs, ContainerPtr container, ExecRequest request, std::shared_ptr<HookRun> run) {
  run->result = co_await execs.run(container, std::move(request), kHookLimit, kHookOutputLimit);
  run->ended.notify_all();
}

// Runs the command to completion. Returns immediately on a stop request: the command ends with its container.
Task<Captured> run_hook(ActionContext context, ContainerPtr container, ExecRequest request) {
  auto run = std::make_shared<HookRun>(context.parts.engine.io);
  start(context.parts.engine.io, run_in(context.parts.execs, container, std::move(request), run));
  std::stop_callback wake(context.stop, [run] { run->ended.notify_all(); });
  while (!run->result && !context.stop.stop_requested()) co_await run->ended.wait();
  if (run->result) co_return std::move(*run->result);
  co_return Error(ErrorKind::Canceled, "canceled");
}

}  // namespace

ActionTask carry_out(ActionContext context, RunHook action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  std::vector<HookSpec> hooks =
      action.moment == HookMoment::PostStart ? (*container)->spec.post_start : (*container)->spec.pre_stop;
  for (const HookSpec& hook : hooks) {
    ExecRequest request = request_of(hook);
    Captured run = co_await run_hook(context, *container, std::move(request));
    CO_TRY(run);
    if (run->exit_code != 0)
      co_return ActionError(Error((*container)->label(label::kService) + " hook exited with status " +
                                  std::to_string(run->exit_code) + ": " + join(hook.command, " ")),
                            split(trim(run->output), '\n'));
  }
  co_return ActionResult();
}

namespace {

// Creates and starts the hook's container, or finds one that an earlier engine started for the same version of the
// service.
Task<Result<ContainerPtr>> hook_container(ActionContext context, RunPreStart action) {
  ContainerService& containers = context.parts.containers;
  ContainerPtr present = context.parts.engine.find_container(action.spec.name);
  if (present && present->spec.name == action.spec.name) {
    const std::string& hash = action.spec.labels[label::kConfigHash];
    bool exists = present->exists() && present->status() != ContainerStatus::Created;
    if (exists && present->label(label::kConfigHash) == hash) co_return present;
    Result<> removed = co_await containers.remove(present, true, true);
    CO_TRY(removed);
  }
  action.spec.volumes_from = {action.container.id.text()};
  Result<ContainerPtr> made = co_await containers.create(std::move(action.spec), {});
  CO_TRY(made);
  Result<bool> started = co_await containers.start(*made);
  if (started) co_return *made;
  Result<> removed = co_await containers.remove(*made, true, true);
  if (!removed) log_warning(removed.error().text());
  co_return std::move(started).error();
}

}  // namespace

ActionTask carry_out(ActionContext context, RunPreStart action) {
  std::string command = join(action.spec.command.value_or(std::vector<std::string>{}), " ");
  ContainerRef reference{{}, 0, action.spec.name};
  size_t index = action.index;
  Result<ContainerPtr> hook = co_await hook_container(context, std::move(action));
  CO_TRY(hook);
  ContainerPtr container = *hook;
  reference.id = container->id;
  auto look = [&parts = context.parts](const Container& of) {
    return judge_completed(wait_facts_of(parts, of));
  };
  ActionResult ended = co_await wait_until(context, reference, look);
  std::vector<std::string> lines = ended ? std::vector<std::string>{} : last_words(context.parts, *container);
  int code = container->state.exit_code;
  Result<> removed = co_await context.parts.containers.remove(container, true, true);
  if (!removed) log_warning(removed.error().text());
  if (ended || ended.error().error.kind() != ErrorKind::Internal) co_return ended;
  co_return ActionError(
      Error("pre_start[" + std::to_string(index) + "]: " + (command.empty() ? "" : command + " ") +
            "exited with code " + std::to_string(code)),
      std::move(lines));
}

}  // namespace stack::engine
