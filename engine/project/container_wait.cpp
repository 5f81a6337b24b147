#include "engine/project/container_wait.h"

#include "base/text.h"
#include "engine/api/docker_view.h"
#include "engine/logs/log_reader.h"

namespace stack::engine {

using namespace orchestrator;

namespace {

using Clock = std::chrono::steady_clock;

Error stopped() { return {ErrorKind::Canceled, "canceled"}; }

std::vector<std::string> last_log_lines(const ProjectParts& parts, const Container& container) {
  std::vector<std::string> lines;
  logs::LogQuery query;
  query.path = parts.containers.facts().log_path(container);
  query.tail = 10;
  Result<logs::LogReader> reader = logs::LogReader::open(query);
  while (reader) {
    Result<std::optional<logs::LogEntry>> entry = reader->next();
    if (!entry || !*entry) break;
    lines.push_back(container.spec.name + "  | " + std::string(trim((*entry)->text)));
  }
  return lines;
}

}  // namespace

std::vector<std::string> last_words(const ProjectParts& parts, const Container& container) {
  std::vector<std::string> lines = last_log_lines(parts, container);
  if (container.health && !container.health->results.empty()) {
    const ProbeResult& last = container.health->results.back();
    lines.push_back("health probe, exit code " + std::to_string(last.exit_code) + ":");
    for (const std::string& line : split(trim(last.output), '\n')) lines.push_back("  " + line);
  }
  return lines;
}

namespace {

std::string last_line(std::string_view text) {
  std::string_view trimmed = trim(text);
  return std::string(trimmed.substr(trimmed.find_last_of('\n') + 1));
}

}  // namespace

Json probe_progress(const HealthState& health, const HealthcheckSpec& check, SteadyTime now) {
  if (health.status != Health::Starting) return nullptr;
  Json progress{{"failures", health.failing_streak}, {"retries", check.retries}};
  Nanoseconds grace = check.start_period - std::chrono::duration_cast<Nanoseconds>(now - health.started);
  Nanoseconds left = std::max(grace, Nanoseconds::zero()) +
                     check.interval * std::max(check.retries - health.failing_streak, 0);
  progress["left_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  if (!health.results.empty()) {
    progress["exit_code"] = health.results.back().exit_code;
    progress["output"] = last_line(health.results.back().output);
  }
  return progress;
}

WaitFacts wait_facts_of(const ProjectParts& parts, const Container& container) {
  WaitFacts facts = wait_facts(container);
  if (facts.health == Health::None && facts.state == ContainerStatus::Running &&
      parts.health.check_of(container))
    facts.health = Health::Starting;
  return facts;
}

namespace {

// A command's wait for a container.
class ContainerWait {
 public:
  ContainerWait(ActionContext context, ContainerPtr container, std::string name)
      : context_(std::move(context)), container_(std::move(container)), name_(std::move(name)) {}

  // The end of the wait, if it has come.
  std::optional<ActionResult> judge(const WaitVerdict& verdict) {
    if (verdict.state == WaitVerdict::State::Done) return ActionResult();
    if (context_.stop.stop_requested()) return stopped();
    if (container_->phase == Phase::Gone) return Error("container " + name_ + " was removed");
    if (verdict.state == WaitVerdict::State::Failed)
      return ActionError(Error(verdict.text), last_words(context_.parts, *container_));
    if (Clock::now() >= limit()) return gave_up();
    tell(verdict.text, probe());
    return std::nullopt;
  }

  Task<> pause(Clock::time_point again) {
    std::stop_callback wake(context_.stop, [this] { container_->changed.notify_all(); });
    Clock::time_point deadline = std::min(again, next_check());
    bool changed = co_await container_->changed.wait_until(deadline);
    static_cast<void>(changed);
  }

 private:
  Clock::time_point limit() const {
    std::optional<Clock::time_point> abandoned = context_.command->abandoned_at();
    return abandoned ? std::max(*abandoned, started_) + kAbandonedWait : Clock::time_point::max();
  }
  // Nothing wakes the wait when the client leaves.
  Clock::time_point next_check() const { return std::min(limit(), Clock::now() + kAbandonedWait); }

  ActionResult gave_up() const {
    return ActionError(Error(ErrorKind::Timeout, "gave up waiting for " + name_ + " after " +
                                                     go_duration(kAbandonedWait) + " without a client"),
                       last_words(context_.parts, *container_));
  }

  Json probe() const {
    if (!container_->health || !container_->run) return nullptr;
    std::optional<HealthcheckSpec> check = context_.parts.health.check_of(*container_);
    if (!check) return nullptr;
    return probe_progress(*container_->health, *check, std::chrono::steady_clock::now());
  }

  void tell(const std::string& text, Json probe) {
    // The time that is left changes always.
    Json lasting = probe;
    if (lasting.is_object()) lasting.erase("left_ms");
    std::string told = text + stack::to_text(lasting);
    if (told == told_) return;
    told_ = std::move(told);
    Json line{{"event", "wait"}, {"id", context_.id}, {"text", text}};
    if (probe.is_object()) line["probe"] = std::move(probe);
    context_.tell(std::move(line));
  }

  ActionContext context_;
  ContainerPtr container_;
  std::string name_;
  Clock::time_point started_ = Clock::now();
  std::string told_;
};

}  // namespace

ActionTask wait_until(ActionContext context, ContainerRef reference,
                      std::function<WaitStatus(const Container&)> look) {
  Result<ContainerPtr> container = context.parts.engine.require_container(reference.id);
  CO_TRY(container);
  ContainerWait wait(context, *container, reference.name);
  for (;;) {
    WaitStatus seen = look(**container);
    if (std::optional<ActionResult> end = wait.judge(seen.verdict)) co_return std::move(*end);
    co_await wait.pause(seen.again);
  }
}

}  // namespace stack::engine
