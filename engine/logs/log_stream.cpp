#include "engine/logs/log_stream.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace stack::engine {

std::optional<size_t> parse_tail(const std::string& text) {
  if (!is_all_digits(text) || text.size() > 15) return std::nullopt;
  return static_cast<size_t>(std::stoull(text));
}

LogStream::~LogStream() {
  for (const auto& source : sources_)
    if (source->attached) source->attached->stop();
}

Result<> LogStream::add(ContainerPtr container, bool late) {
  for (const auto& source : sources_)
    if (source->container == container) return {};
  Result<LogPlan> plan = plan_log(container->spec.log);
  bool attaches = request_.attach && request_.follow && plan && !plan->keeps_file;
  if (!attaches) return add_file(std::move(container), late);
  add_attached(std::move(container));
  return {};
}

void LogStream::add_attached(ContainerPtr container) {
  auto attached =
      std::make_shared<AttachedOutput>(context_, containers_, container, [wake = wake_] { wake->rouse(); });
  attached->attach();
  sources_.push_back(
      std::make_unique<Source>(Source{std::move(container), std::nullopt, std::move(attached), std::nullopt, {}}));
}

AttachedOutput* LogStream::find_attached(const ContainerPtr& container) const {
  for (const auto& source : sources_)
    if (source->container == container) return source->attached.get();
  return nullptr;
}

Result<std::optional<logs::LogEntry>> LogStream::next_entry(Source& source) {
  if (source.attached) return source.attached->next();
  return source.reader->next();
}

std::vector<LogStream::End> LogStream::take_ends() {
  std::vector<End> ready;
  std::vector<End> waiting;
  for (End& end : std::exchange(ends_, {})) {
    bool read = !end.run || end.run->ended;
    (read ? ready : waiting).push_back(std::move(end));
  }
  ends_ = std::move(waiting);
  return ready;
}

Result<> LogStream::add_file(ContainerPtr container, bool late) {
  logs::LogQuery query;
  query.path = containers_.facts().log_path(*container);
  query.tail = late ? std::nullopt : request_.tail;
  query.since = request_.since;
  query.until = request_.until;
  query.out = request_.out;
  query.err = request_.err;
  query.follow = request_.follow;
  FolderWatch::Subscription watch;
  if (request_.follow) {
    // Must precede the first read, so that no change is missed.
    TRY_ASSIGN(watch, folders_.watch(directory_name(query.path), [wake = wake_] { wake->rouse(); }));
  }
  Result<logs::LogReader> reader = logs::LogReader::open(query);
  if (!reader) return std::move(reader).error().in("logs of container " + container->spec.name);
  sources_.push_back(std::make_unique<Source>(
      Source{std::move(container), std::move(*reader), nullptr, std::nullopt, std::move(watch)}));
  return {};
}

// Emits all available lines, oldest first across all sources. Returns false if the client has left.
Task<Result<bool>> LogStream::drain(const Emit& emit) {
  for (;;) {
    Source* oldest = nullptr;
    for (const auto& source : sources_) {
      if (!source->head) {
        Result<std::optional<logs::LogEntry>> next = next_entry(*source);
        CO_TRY(next);
        source->head = std::move(*next);
      }
      if (source->head && (oldest == nullptr || source->head->time < oldest->head->time))
        oldest = source.get();
    }
    if (oldest == nullptr) co_return true;
    LogEvent event;
    event.container = oldest->container.get();
    event.entry = std::exchange(oldest->head, std::nullopt);
    bool listening = co_await emit(std::move(event));
    if (!listening || stopped_) co_return false;
  }
}

Task<bool> LogStream::tell_ends(std::vector<End> ends, const Emit& emit) {
  for (const End& end : ends) {
    LogEvent event;
    event.container = end.container.get();
    event.exit_code = end.exit_code;
    event.restarting = end.container->status() == ContainerStatus::Restarting;
    bool listening = co_await emit(std::move(event));
    if (!listening) co_return false;
  }
  co_return true;
}

bool LogStream::anything_alive() const {
  return std::any_of(context_.containers.begin(), context_.containers.end(), [&](const auto& entry) {
    return (entry.second->run || entry.second->alive()) && selects_(*entry.second);
  });
}

void LogStream::take_event(const Event& event) {
  if (event.type != "container") return;
  ContainerPtr container = context_.find_container(event.id);
  bool selected = container && selects_(*container);
  if (event.action == "start" && selected) joining_.push_back(container);
  // An attachment must precede the start.
  Result<LogPlan> plan = selected ? plan_log(container->spec.log) : Result<LogPlan>(LogPlan());
  if (event.action == "create" && selected && request_.attach && request_.follow && plan && !plan->keeps_file)
    add_attached(container);
  // Also for a short-lived container that has not joined yet.
  if (event.action == "die" && selected) {
    AttachedOutput* attached = find_attached(container);
    ends_.push_back({container, container->state.exit_code, attached ? attached->run() : nullptr});
    if (attached) attached->attach();
  }
  wake_->rouse();
}

Result<> LogStream::open(Selects selects) {
  selects_ = std::move(selects);
  for (const auto& [id, container] : context_.containers) {
    if (!container->exists() || !selects_(*container)) continue;
    if (Result<> added = add(container, false); !added) {
      sources_.clear();
      return added;
    }
  }
  events_.emplace(context_.events.subscribe([this](const Event& event) { take_event(event); }));
  return {};
}

Result<> LogStream::add_joining() {
  for (const ContainerPtr& container : std::exchange(joining_, {})) {
    Result<> added = add(container, true);
    // A container that was already removed, such as of `run --rm`, must not fail the others.
    if (!added && !container->leaving() && context_.containers.contains(container->id)) return added;
  }
  return {};
}

// `pending` records a call that arrived meanwhile.
Task<> LogStream::wait_for_news() {
  while (!wake_->pending && !stopped_) {
    bool roused =
        co_await wake_->signal.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    if (!roused) break;
  }
}

Task<Result<>> LogStream::run(Emit emit) {
  for (;;) {
    wake_->pending = false;
    Result<> added = add_joining();
    CO_TRY(added);
    // Exits that arrive while lines are emitted wait for the next round, so that the last lines come first.
    std::vector<End> ends = take_ends();
    Result<bool> listening = co_await drain(emit);
    CO_TRY(listening);
    if (!*listening) co_return Result<>();
    if (!request_.follow || stopped_) co_return Result<>();
    bool run_ended = request_.one_run && !ends.empty();
    bool still = co_await tell_ends(std::move(ends), emit);
    if (!still || run_ended) co_return Result<>();
    if (!request_.stay && !anything_alive() && joining_.empty() && ends_.empty()) {
      for (const auto& source : sources_)
        if (source->reader) source->reader->finish();
      Result<bool> rest = co_await drain(emit);
      CO_TRY(rest);
      co_return Result<>();
    }
    co_await wait_for_news();
  }
}

}  // namespace stack::engine
