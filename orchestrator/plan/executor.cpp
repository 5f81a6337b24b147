#include "orchestrator/plan/executor.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <deque>
#include <exception>
#include <functional>
#include <set>

namespace stack::orchestrator {
namespace {

using Clock = std::chrono::steady_clock;

size_t index_of(ActionId id) { return static_cast<size_t>(id - 1); }

bool is_image_action(const Action& action) {
  return std::holds_alternative<BuildImage>(action.body) || std::holds_alternative<PullImage>(action.body);
}

// Actions that can be interrupted without leaving partial work.
bool ends_on_failure(const Action& action) { return is_wait(action) || is_image_action(action); }

// A hook may run for a long time; only a cancellation of the whole command interrupts it.
bool ends_on_cancel(const Action& action) {
  bool hook =
      std::holds_alternative<RunHook>(action.body) || std::holds_alternative<RunPreStart>(action.body);
  return ends_on_failure(action) || hook;
}

}  // namespace

// One run of a plan. Kept alive by the coroutines it spawns.
class Execution : public std::enable_shared_from_this<Execution> {
 public:
  Execution(asio::any_io_executor executor, std::shared_ptr<const Plan> plan, Target& target,
            Journal& journal, Progress& progress, ExecuteOptions options,
            std::shared_ptr<Cancellation> cancellation)
      : executor_(executor),
        plan_(std::move(plan)),
        target_(target),
        journal_(journal),
        progress_(progress),
        options_(std::move(options)),
        cancellation_(std::move(cancellation)),
        finished_(executor, Clock::time_point::max()),
        wait_deadline_(executor) {}

  asio::awaitable<ExecutionReport> run() {
    if (Result<> journaled = journal_.begin(*plan_); !journaled) {
      report_.journal_error = std::move(journaled).error();
      report_.outcomes.resize(plan_->actions.size());
      co_return std::move(report_);
    }
    prepare();
    listen_for_cancellation();
    launch_ready();
    while (settled_ < plan_->actions.size()) {
      asio::error_code ignored;
      co_await finished_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    wait_deadline_.cancel();
    on_cancel_.reset();
    journal_.finish(report_.succeeded());
    co_return std::move(report_);
  }

 private:
  const Action& action(ActionId id) const { return plan_->actions[index_of(id)]; }
  Outcome& outcome(ActionId id) { return report_.outcomes[index_of(id)]; }

  void prepare() {
    size_t count = plan_->actions.size();
    report_.outcomes.resize(count);
    open_edges_.resize(count);
    dependents_.resize(count);
    stops_.resize(count);
    for (const Action& each : plan_->actions) {
      open_edges_[index_of(each.id)] = each.after.size();
      for (const Edge& edge : each.after) dependents_[index_of(edge.id)].push_back(each.id);
      if (each.after.empty()) ready_.push_back(each.id);
    }
  }

  void listen_for_cancellation() {
    if (cancellation_)
      on_cancel_.emplace(cancellation_->token(), [this] { cancel(cancellation_->reason()); });
  }

  // --- decide about an action whose predecessors are all settled

  void launch_ready() {
    while (!ready_.empty()) {
      ActionId id = ready_.front();
      ready_.pop_front();
      launch(id);
    }
  }

  void launch(ActionId id) {
    if (!is_needed(action(id))) return settle_without_work(id, ActionState::Done, "not needed");
    if (std::optional<std::string> reason = reason_to_skip(id))
      return settle_without_work(id, ActionState::Skipped, *reason);
    if (!condition_holds(action(id))) return settle_without_work(id, ActionState::Done, "image unchanged");
    if (const auto* check = std::get_if<CheckUpdate>(&action(id).body)) return settle_check(id, *check);
    if (std::holds_alternative<BuildImage>(action(id).body)) {
      if (options_.parallel_builds > 0 && running_builds_ >= options_.parallel_builds) {
        builds_waiting_.push_back(id);
        return;
      }
      ++running_builds_;
    }
    start(id);
  }

  std::optional<std::string> reason_to_skip(ActionId id) {
    for (const Edge& edge : action(id).after) {
      ActionState state = outcome(edge.id).state;
      if (edge.soft || state == ActionState::Done) continue;
      if (state == ActionState::Failed) return describe(action(edge.id)) + " failed";
      return outcome(edge.id).text;
    }
    if (action(id).contingent()) return std::nullopt;
    bool carried = carried_through_.count(id) && !(report_.canceled && ends_on_cancel(action(id)));
    if (stop_reason_ && !carried) return stop_reason_;
    return std::nullopt;
  }

  // A contingent action is needed only after a failure of the actions it undoes.
  bool is_needed(const Action& each) {
    if (!each.contingent()) return true;
    if (each.if_performed != 0 && !outcome(each.if_performed).performed) return false;
    return std::any_of(each.if_failed.begin(), each.if_failed.end(),
                       [this](ActionId id) { return outcome(id).state == ActionState::Failed; });
  }

  bool condition_holds(const Action& each) {
    if (each.only_if.empty()) return true;
    for (const ImageChange& change : each.only_if) {
      const Outcome& image = outcome(change.image);
      if (image.performed && image.result != change.was) return true;
    }
    return false;
  }

  void start(ActionId id) {
    outcome(id).state = ActionState::Running;
    if (action(id).sequence > 0) started_sequences_.insert(action(id).sequence);
    if (is_wait(action(id))) watch_deadline();
    progress_.changed(action(id), outcome(id));
    // Posted, because co_spawn runs the coroutine immediately: a chain of quick actions would build a deep stack.
    asio::post(executor_, [self = shared_from_this(), id] { self->begin(id); });
  }

  void begin(ActionId id) {
    if (broken_off_.count(id) || timed_out_.count(id))
      return settle(id, Error(ErrorKind::Canceled, "canceled"));
    asio::co_spawn(executor_, perform(shared_from_this(), id), asio::detached);
  }

  // --- perform an action

  static asio::awaitable<void> perform(std::shared_ptr<Execution> self, ActionId id) {
    Clock::time_point begin = Clock::now();
    ActionResult result = Error("not run");
    std::exception_ptr thrown;
    try {
      Action action = self->resolved(id);
      result = co_await self->target_.perform(std::move(action), self->stops_[index_of(id)].get_token());
    } catch (...) {
      thrown = std::current_exception();
    }
    if (thrown) result = error_of(thrown);
    self->outcome(id).took = Clock::now() - begin;
    self->settle(id, std::move(result));
  }

  static Error error_of(const std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return Error(e.what());
    } catch (...) {
      return Error("unknown exception");
    }
  }

  // The action with the IDs of the containers that this plan created.
  Action resolved(ActionId id) {
    Action copy = action(id);
    std::visit(
        [this](auto& inner) {
          if constexpr (requires { inner.container.made_by; }) {
            ContainerRef& container = inner.container;
            if (container.made_by != 0 && outcome(container.made_by).performed) {
              container.id = ContainerId(outcome(container.made_by).result);
            }
          }
        },
        copy.body);
    return copy;
  }

  // --- settle an action

  void settle(ActionId id, ActionResult result) {
    Outcome& mine = outcome(id);
    if (std::holds_alternative<BuildImage>(action(id).body)) --running_builds_;
    if (result) {
      mine.state = ActionState::Done;
      mine.performed = true;
      mine.result = *std::move(result);
      if (is_change(action(id))) ++report_.changed;
    } else if (broken_off_.count(id)) {
      mine.state = ActionState::Skipped;
      mine.text = stop_reason_.value_or("canceled");
    } else if (dependents_[index_of(id)].empty() && stays_in_use(action(id), result.error().error)) {
      mine.state = ActionState::Skipped;
      mine.text = result.error().error.text();
      report_.warnings.push_back(object_of(action(id)) + " is kept: " + mine.text);
    } else {
      mine.state = ActionState::Failed;
      mine.error = timed_out_.count(id) ? ActionError(timeout_error(id)) : std::move(result).error();
    }
    finish(id);
    launch_ready();
    launch_builds();
  }

  // A network or volume that others use as well outlives the project.
  static bool stays_in_use(const Action& each, const Error& error) {
    bool shareable =
        std::holds_alternative<RemoveNetwork>(each.body) || std::holds_alternative<RemoveVolume>(each.body);
    return shareable && error.kind() == ErrorKind::Conflict;
  }

  Error timeout_error(ActionId id) const {
    const char* wanted = std::holds_alternative<WaitCompleted>(action(id).body) ? "completed" : "healthy";
    return Error(ErrorKind::Timeout, std::string("application not ") + wanted + " after " +
                                         go_duration(*options_.wait_timeout) + ": " + object_of(action(id)) +
                                         " is not " + wanted);
  }

  // The failed step of a replica, or 0.
  ActionId failed_step(const UpdateSteps& steps) {
    auto failed = std::find_if(steps.begin(), steps.end(),
                               [this](ActionId id) { return outcome(id).state == ActionState::Failed; });
    return failed == steps.end() ? 0 : *failed;
  }

  void settle_check(ActionId id, const CheckUpdate& check) {
    UpdateFacts facts{check.service, check.rollback, check.batch == check.batches, check.total, 0, ""};
    std::vector<ActionId> failures;
    for (const UpdateSteps& steps : check.replicas) {
      if (ActionId step = failed_step(steps); step != 0) failures.push_back(step);
    }
    facts.failed = static_cast<int>(failures.size());
    if (!failures.empty()) facts.first_failure = failure_text(failures.front());
    auto verdict = judge_update(facts, check.on_failure, check.max_failure_ratio);
    outcome(id).state = verdict ? ActionState::Failed : ActionState::Done;
    outcome(id).performed = !verdict;
    if (verdict) {
      outcome(id).error = outcome(failures.front()).error;
      outcome(id).error->error = Error(outcome(failures.front()).error->error.kind(), *verdict);
    } else if (facts.last) {
      for (ActionId failure : failures) report_.warnings.push_back("tolerated: " + failure_text(failure));
    }
    finish(id);
  }

  std::string failure_text(ActionId id) {
    const Error& error = outcome(id).error->error;
    return is_wait(action(id)) ? error.text() : describe(action(id)) + ": " + error.text();
  }

  void settle_without_work(ActionId id, ActionState state, std::string text) {
    outcome(id).state = state;
    outcome(id).text = std::move(text);
    finish(id);
  }

  // Reports the outcome and releases the actions that wait for it.
  void finish(ActionId id) {
    const Action& mine = action(id);
    progress_.changed(mine, outcome(id));
    if (outcome(id).state == ActionState::Failed) note_failure(id);
    for (ActionId dependent : dependents_[index_of(id)]) {
      if (--open_edges_[index_of(dependent)] == 0) ready_.push_back(dependent);
    }
    if (++settled_ == plan_->actions.size()) finished_.cancel();
  }

  void note_failure(ActionId id) {
    if (action(id).judged) return;
    if (action(id).optional) {
      bool waits = std::holds_alternative<WaitHealthy>(action(id).body) ||
                   std::holds_alternative<WaitCompleted>(action(id).body) ||
                   std::holds_alternative<WaitRunning>(action(id).body);
      std::string what = !waits || action(id).service.empty()
                             ? describe(action(id))
                             : "optional dependency \"" + action(id).service + "\" failed to start";
      report_.warnings.push_back(what + ": " + outcome(id).error->error.text());
      return;
    }
    report_.failed.push_back(id);
    if (plan_->keep_going || stop_reason_) return;
    stop_reason_ = describe(action(id)) + " failed";
    carry_through(true);
    break_off();
  }

  void launch_builds() {
    while (!builds_waiting_.empty() && (stop_reason_ || running_builds_ < options_.parallel_builds)) {
      ActionId id = builds_waiting_.front();
      builds_waiting_.pop_front();
      launch(id);
      launch_ready();
    }
  }

  // --- stop early

  // Started sequences are completed, together with the actions that they wait for.
  void carry_through(bool with_predecessors) {
    std::vector<ActionId> open;
    for (const Action& each : plan_->actions) {
      if (each.sequence > 0 && started_sequences_.count(each.sequence)) open.push_back(each.id);
    }
    while (!open.empty()) {
      ActionId id = open.back();
      open.pop_back();
      if (!carried_through_.insert(id).second || !with_predecessors) continue;
      for (const Edge& edge : action(id).after) open.push_back(edge.id);
    }
  }

  bool is_breakable(const Action& each) const {
    if (each.contingent()) return false;
    return report_.canceled ? ends_on_cancel(each)
                            : ends_on_failure(each) && !carried_through_.count(each.id);
  }

  void break_off() {
    std::vector<ActionId> running;
    for (const Action& each : plan_->actions) {
      if (is_breakable(each) && outcome(each.id).state == ActionState::Running) running.push_back(each.id);
    }
    for (ActionId id : running) {
      broken_off_.insert(id);
      stops_[index_of(id)].request_stop();
    }
  }

  void cancel(const std::string& reason) {
    if (report_.canceled || settled_ == plan_->actions.size()) return;
    report_.canceled = reason;
    if (!stop_reason_) stop_reason_ = reason;
    carried_through_.clear();
    carry_through(false);
    break_off();
    launch_builds();
  }

  void watch_deadline() {
    if (!options_.wait_timeout || deadline_set_) return;
    deadline_set_ = true;
    wait_deadline_.expires_after(*options_.wait_timeout);
    wait_deadline_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
      auto self = weak.lock();
      if (!error && self) self->expire();
    });
  }

  // All current waits have timed out.
  void expire() {
    for (const Action& each : plan_->actions) {
      if (is_wait(each) && outcome(each.id).state == ActionState::Running) timed_out_.insert(each.id);
    }
    for (ActionId id : std::set<ActionId>(timed_out_)) stops_[index_of(id)].request_stop();
  }

  asio::any_io_executor executor_;
  std::shared_ptr<const Plan> plan_;
  Target& target_;
  Journal& journal_;
  Progress& progress_;
  ExecuteOptions options_;
  std::shared_ptr<Cancellation> cancellation_;

  ExecutionReport report_;
  std::vector<size_t> open_edges_;                 // not yet settled, per action
  std::vector<std::vector<ActionId>> dependents_;  // per action
  std::vector<std::stop_source> stops_;            // per action
  std::deque<ActionId> ready_;
  std::deque<ActionId> builds_waiting_;
  int running_builds_ = 0;
  size_t settled_ = 0;
  std::set<int> started_sequences_;
  std::optional<std::string> stop_reason_;  // if set, no new action starts
  std::set<ActionId> carried_through_;
  std::set<ActionId> broken_off_;
  std::set<ActionId> timed_out_;
  bool deadline_set_ = false;
  std::optional<std::stop_callback<std::function<void()>>> on_cancel_;
  asio::steady_timer finished_;  // canceled when all actions are settled
  asio::steady_timer wait_deadline_;
};

std::string_view to_text(ActionState state) {
  switch (state) {
    case ActionState::Pending:
      return "pending";
    case ActionState::Running:
      return "running";
    case ActionState::Done:
      return "done";
    case ActionState::Failed:
      return "failed";
    case ActionState::Skipped:
      return "skipped";
  }
  return "";
}

void Cancellation::cancel(std::string reason) {
  if (canceled()) return;
  reason_ = std::move(reason);
  source_.request_stop();
}

Error ExecutionReport::error(const Plan& plan) const {
  if (journal_error) return journal_error->in("the plan cannot be recorded");
  if (failed.empty()) return {ErrorKind::Canceled, canceled.value_or("canceled")};
  const Action& action = plan.actions[index_of(failed.front())];
  const Error& cause = outcomes[index_of(failed.front())].error->error;
  Error error = is_wait(action) ? cause : cause.in(describe(action));
  return action.service.empty() ? error : error.in("service " + action.service);
}

const std::vector<std::string>& ExecutionReport::detail() const {
  static const std::vector<std::string> kNone;
  return failed.empty() ? kNone : outcomes[index_of(failed.front())].error->detail;
}

int ExecutionReport::exit_code() const {
  if (succeeded()) return 0;
  if (failed.empty()) return 1;
  switch (outcomes[index_of(failed.front())].error->error.kind()) {
    case ErrorKind::NotExecutable:
      return 126;
    case ErrorKind::NoCommand:
      return 127;
    default:
      return 1;
  }
}

bool ExecutionReport::image_failed(const Plan& plan) const {
  return !failed.empty() && is_image_action(plan.actions[index_of(failed.front())]);
}

std::vector<bool> ExecutionReport::performed() const {
  std::vector<bool> list;
  for (const Outcome& outcome : outcomes) list.push_back(outcome.performed);
  return list;
}

std::vector<std::string> ExecutionReport::ids() const {
  std::vector<std::string> list;
  for (const Outcome& outcome : outcomes) list.push_back(outcome.result);
  return list;
}

asio::awaitable<ExecutionReport> execute(std::shared_ptr<const Plan> plan, Target& target, Journal& journal,
                                         Progress& progress, ExecuteOptions options,
                                         std::shared_ptr<Cancellation> cancellation) {
  auto executor = co_await asio::this_coro::executor;
  auto execution = std::make_shared<Execution>(executor, std::move(plan), target, journal, progress,
                                               std::move(options), std::move(cancellation));
  co_return co_await execution->run();
}

}  // namespace stack::orchestrator
