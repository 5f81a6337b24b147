// The engine's asynchronous building blocks on top of Asio. Everything runs on the engine thread, except functions that
// `offload` runs on the pool.
#pragma once

#include <asio.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/result.h"

namespace stack {

template <typename T = void>
using Task = asio::awaitable<T>;

// A condition variable for coroutines. A notification wakes all current waiters and is not stored.
class Signal {
 public:
  explicit Signal(asio::io_context& io) : io_(io) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void notify_all() {
    for (asio::steady_timer* waiter : waiters_) waiter->cancel();
  }

  Task<> wait() {
    bool notified = co_await wait_until(asio::steady_timer::time_point::max());
    (void)notified;
  }

  // Returns false at the deadline.
  Task<bool> wait_until(asio::steady_timer::time_point deadline) {
    asio::steady_timer timer(io_, deadline);
    auto place = waiters_.insert(waiters_.end(), &timer);
    struct ScopeExit {
      std::list<asio::steady_timer*>& list;
      std::list<asio::steady_timer*>::iterator place;
      ~ScopeExit() { list.erase(place); }
    } leave{waiters_, place};
    asio::error_code code;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, code));
    co_return code == asio::error::operation_aborted;
  }

 private:
  asio::io_context& io_;
  std::list<asio::steady_timer*> waiters_;
};

// Runs a blocking function on the pool and returns its result on the caller's executor.
template <typename Function>
auto offload(asio::thread_pool& pool, Function function) -> Task<std::invoke_result_t<Function>> {
  using T = std::invoke_result_t<Function>;
  auto work = [](Function f) -> Task<T> { co_return f(); };
  co_return co_await asio::co_spawn(pool, work(std::move(function)), asio::use_awaitable);
}

// Starts a coroutine without awaiting its result. An exception is a bug: it is logged and ends only that coroutine.
template <typename T>
void start(asio::io_context& io, Task<T> task) {
  asio::co_spawn(io, std::move(task), [](std::exception_ptr e, auto&&...) {
    if (e) log_exception("background task", e);
  });
}

inline Task<> sleep_for(asio::io_context& io, std::chrono::nanoseconds duration) {
  asio::steady_timer timer(io, duration);
  asio::error_code code;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, code));
}

}  // namespace stack
