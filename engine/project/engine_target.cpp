#include "engine/project/engine_target.h"

#include "base/log.h"

namespace stack::engine {

using namespace orchestrator;

ActionTask carry_out(ActionContext, CheckUpdate) { co_return Error("a check of an update is not an action"); }

asio::awaitable<ActionResult> EngineTarget::perform(Action action, std::stop_token stop) {
  ActionContext context(parts_, command_, settings_, action.id, std::move(stop));
  ActionTask task =
      std::visit([&context](auto& body) { return carry_out(context, std::move(body)); }, action.body);
  co_return co_await std::move(task);
}

Result<> ProjectJournal::begin(const Plan&) {
  if (kind_.empty()) return {};
  // Removals must be possible on a full disk, because they free space.
  const bool frees = kind_ == "down";
  Result<> kept = store_.put(Table::Operations, project_,
                             {{"kind", kind_}, {"goal", goal_}, {"attempts", int_or(goal_, "attempts")}},
                             frees ? Space::Reserved : Space::Ordinary);
  if (kept || !frees) return kept;
  log_warning("project " + project_ +
              ": not recorded, so not resumed if the engine dies: " + kept.error().text());
  return {};
}

void ProjectJournal::finish(bool) {
  if (kind_.empty()) return;
  Result<> removed = store_.remove(Table::Operations, project_);
  if (!removed) log_warning("project " + project_ + ": " + removed.error().text());
}

void CommandProgress::changed(const Action& action, const Outcome& outcome) {
  // A rollback action that turned out not to be needed.
  bool idle = outcome.state == ActionState::Done && !outcome.performed;
  if (action.contingent() && (idle || outcome.state == ActionState::Skipped)) return;
  OrderedJson event{{"event", "action"},
                    {"id", action.id},
                    {"state", to_text(outcome.state)},
                    {"text", outcome.text},
                    {"seconds", std::chrono::duration<double>(outcome.took).count()}};
  if (outcome.error) event["error"] = outcome.error->error.text();
  command_->tell(std::move(event));
}

}  // namespace stack::engine
