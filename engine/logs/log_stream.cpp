#include "engine/logs/log_stream.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace stack::engine {

std::optional<size_t> parse_tail(const std::string& text) {
  if (!is_all_digits(text) || text.size() > 15) return std::nullopt;
  return static_cast<size_t>(std::stoull(text));
}

Result<std::optional<WallTime>> parse_log_time(const std::string& text) {
  if (text.empty() || text == "0") return std::optional<WallTime>();
  if (Result<WallTime> time = parse_rfc3339(text)) return std::optional(*time);
  if (text.find_first_not_of("0123456789.") == std::string::npos && text.size() < 24) {
    char* end = nullptr;
    double seconds = std::strtod(text.c_str(), &end);
    return std::optional(
        WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(seconds))));
  }
  Result<Nanoseconds> back = parse_duration(text);
  if (!back)
    return invalid("invalid time \"" + text +
                   "\": expected RFC 3339, seconds since 1970, or a duration such as 10m");
  return std::optional(std::chrono::system_clock::now() -
                       std::chrono::duration_cast<WallTime::duration>(*back));
}

Result<> LogStream::add(ContainerPtr container, bool late) {
  for (const auto& source : sources_)
    if (source->container == container) return {};
  logs::LogQuery query;
  query.path = containers_.log_path(*container);
  query.tail = late ? std::nullopt : request_.tail;
  query.since = request_.since;
  query.until = request_.until;
  query.out = request_.out;
  query.err = request_.err;
  query.follow = request_.follow;
  Result<logs::LogReader> reader = logs::LogReader::open(query);
  if (!reader) return std::move(reader).error().in("logs of container " + container->spec.name);
  auto source =
      std::make_unique<Source>(Source{std::move(container), std::move(*reader), std::nullopt, nullptr});
  if (source->reader.watch_fd() >= 0) {
    int copy = ::fcntl(source->reader.watch_fd(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return Error::last_errno("logs");
    source->watch = std::make_shared<asio::posix::stream_descriptor>(context_.io, copy);
    start(context_.io, watch(source->watch, wake_));
  }
  sources_.push_back(std::move(source));
  return {};
}

Task<> LogStream::watch(std::shared_ptr<asio::posix::stream_descriptor> descriptor,
                        std::shared_ptr<Wake> wake) {
  for (;;) {
    asio::error_code code;
    co_await descriptor->async_wait(asio::posix::stream_descriptor::wait_read,
                                    asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    wake->rouse();
    // The reader empties the descriptor in its own time; without a pause this would spin until then.
    asio::steady_timer pause(descriptor->get_executor(), std::chrono::milliseconds(5));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, code));
  }
}

// All that is there now, oldest first over all sources. false: the client is gone.
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
    event.restarting = container->state.status == Status::Restarting;
    bool listening = co_await emit(std::move(event));
    if (!listening) co_return false;
  }
  co_return true;
}

bool LogStream::anything_alive(const std::function<bool(const Container&)>& selects) const {
  return std::any_of(context_.containers.begin(), context_.containers.end(),
                     [&](const auto& entry) { return entry.second->run && selects(*entry.second); });
}

Task<Result<>> LogStream::run(std::function<bool(const Container&)> selects, Emit emit) {
  for (const auto& [id, container] : context_.containers) {
    if (container->state.status == Status::Creating || !selects(*container)) continue;
    Result<> added = add(container, false);
    CO_TRY(added);
  }
  std::vector<ContainerPtr> joining;
  EventBus::Subscription subscription = context_.events.subscribe([&](const Event& event) {
    if (event.type != "container") return;
    ContainerPtr container = context_.find_container(event.id);
    if (event.action == "start" && container && selects(*container)) joining.push_back(container);
    // Also of a container so short-lived that it has not joined yet.
    if (event.action == "die" && container && selects(*container))
      ends_.emplace_back(container, container->state.exit_code);
    wake_->rouse();
  });
  struct Close {
    std::vector<std::unique_ptr<Source>>& sources;
    ~Close() {
      for (const auto& source : sources)
        if (source->watch) source->watch->cancel();
    }
  } close{sources_};
  for (;;) {
    wake_->pending = false;
    for (const ContainerPtr& container : std::exchange(joining, {})) {
      Result<> added = add(container, true);
      // One that is gone again already, as `run --rm` has them, is no failure of the others.
      if (!added && !container->removing && context_.containers.contains(container->id)) co_return added;
    }
    // Ends that come while the lines are handed out wait for the next turn: their last lines come first.
    std::vector<std::pair<ContainerPtr, int>> ends = std::exchange(ends_, {});
    Result<bool> listening = co_await drain(emit);
    CO_TRY(listening);
    if (!*listening) co_return Result<>();
    if (!request_.follow || stopped_) co_return Result<>();
    bool still = co_await tell_ends(std::move(ends), emit);
    if (!still) co_return Result<>();
    if (!request_.stay && !anything_alive(selects) && joining.empty() && ends_.empty()) {
      for (const auto& source : sources_) source->reader.finish();
      Result<bool> rest = co_await drain(emit);
      CO_TRY(rest);
      co_return Result<>();
    }
    // `pending` keeps a call that came while we were busy.
    while (!wake_->pending && !stopped_) {
      bool roused =
          co_await wake_->signal.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(1));
      if (!roused) break;
    }
  }
}

}  // namespace stack::engine
