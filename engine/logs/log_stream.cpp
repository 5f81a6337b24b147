#include "engine/logs/log_stream.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace stack::engine {

std::optional<size_t> parse_tail(const std::string& text) {
  if (!is_all_digits(text) || text.size() > 15) return std::nullopt;
  return static_cast<size_t>(std::stoull(text));
}

Result<> LogStream::add(ContainerPtr container, bool late) {
  for (const auto& source : sources_)
    if (source->container == container) return {};
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
      Source{std::move(container), std::move(*reader), std::nullopt, std::move(watch)}));
  return {};
}

// Emits all available lines, oldest first across all sources. Returns false if the client has left.
Task<Result<bool>> LogStream::drain(const Emit& emit) {
  for (;;) {
    Source* oldest = nullptr;
    for (const auto& source : sources_) {
      if (!source->head) {
        Result<std::optional<logs::LogEntry>> next = source->reader.next();
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

Task<bool> LogStream::tell_ends(std::vector<std::pair<ContainerPtr, int>> ends, const Emit& emit) {
  for (const auto& [container, exit_code] : ends) {
    LogEvent event;
    event.container = container.get();
    event.exit_code = exit_code;
    event.restarting = container->status() == ContainerStatus::Restarting;
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
  // Also for a short-lived container that has not joined yet.
  if (event.action == "die" && selected) ends_.emplace_back(container, container->state.exit_code);
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
    std::vector<std::pair<ContainerPtr, int>> ends = std::exchange(ends_, {});
    Result<bool> listening = co_await drain(emit);
    CO_TRY(listening);
    if (!*listening) co_return Result<>();
    if (!request_.follow || stopped_) co_return Result<>();
    bool still = co_await tell_ends(std::move(ends), emit);
    if (!still) co_return Result<>();
    if (!request_.stay && !anything_alive() && joining_.empty() && ends_.empty()) {
      for (const auto& source : sources_) source->reader.finish();
      Result<bool> rest = co_await drain(emit);
      CO_TRY(rest);
      co_return Result<>();
    }
    co_await wait_for_news();
  }
}

}  // namespace stack::engine
