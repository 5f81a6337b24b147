// Queues events for a client. The work that produces them neither waits for a slow client nor ends when the client
// disconnects.
#pragma once

#include <deque>
#include <memory>

#include "base/async.h"
#include "engine/project/project_service.h"
#include "http/server/response.h"

namespace stack::engine {

class StreamQueue : public std::enable_shared_from_this<StreamQueue> {
 public:
  explicit StreamQueue(asio::io_context& io) : io_(io), signal_(io) {}

  Sink sink() {
    return [self = shared_from_this()](OrderedJson event) {
      if (self->gone_) return;
      self->events_.push_back(std::move(event));
      self->signal_.notify_all();
    };
  }

  // The client is gone: drops the queued events.
  void leave() {
    gone_ = true;
    signal_.notify_all();
  }

  // Runs the work and sends its events as lines until it ends. If the client leaves first, still waits for the
  // work, which may use objects of the request. `lazy`: sends the header with the first event, so that work that
  // fails immediately can set the whole response.
  Task<> serve(http::Response& response, Task<> work, std::string content_type = "application/x-ndjson",
               bool lazy = false) {
    auto run = [](std::shared_ptr<StreamQueue> self, Task<> inner) -> Task<> {
      try {
        co_await std::move(inner);
      } catch (const std::exception& e) {
        log_exception("request", std::current_exception());
        self->sink()({{"event", "error"},
                      {"text", std::string("internal error: ") + e.what()},
                      {"code", 1},
                      {"detail", OrderedJson::array()}});
      }
      self->over_ = true;
      self->signal_.notify_all();
    };
    start(io_, run(shared_from_this(), std::move(work)));
    while (lazy && !over_ && events_.empty()) co_await signal_.wait();
    if (lazy && events_.empty()) co_return;
    Result<> sent = co_await response.start(200, std::move(content_type));
    if (!sent) leave();
    while (!over_ || (!events_.empty() && !gone_)) {
      while (!events_.empty() && !gone_) {
        std::string line = events_.front().dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
        events_.pop_front();
        sent = co_await response.write(line);
        if (!sent) leave();
      }
      if (!over_) co_await signal_.wait();
    }
  }

 private:
  asio::io_context& io_;
  Signal signal_;
  std::deque<OrderedJson> events_;
  bool gone_ = false;
  bool over_ = false;
};

}  // namespace stack::engine
