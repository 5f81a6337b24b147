// Logs of several containers as one stream, in order of time, and on as they grow.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/container_service.h"
#include "engine/logs/log_reader.h"

namespace stack::engine {

struct LogRequest {
  std::optional<size_t> tail;  // nullopt: all
  std::optional<WallTime> since;
  std::optional<WallTime> until;
  bool out = true;
  bool err = true;
  bool follow = false;
  bool stay = false;  // goes on when nothing is alive any more
};

// One line, or the end of a container's run.
struct LogEvent {
  const Container* container = nullptr;
  std::optional<logs::LogEntry> entry;
  int exit_code = 0;
  bool restarting = false;
};

// "all", a number, or "" (all).
std::optional<size_t> parse_tail(const std::string& text);
// RFC 3339, seconds since 1970 ("1700000000.5"), or a duration before now ("10m"). nullopt for "" and "0".
Result<std::optional<WallTime>> parse_log_time(const std::string& text);

// Calls `emit` for each event; false from it (the client is gone) ends the stream. `selects` names the
// containers, those that are made later included. `gone` is asked when the stream is woken without news.
class LogStream {
 public:
  using Emit = std::function<Task<bool>(LogEvent)>;

  LogStream(Context& context, ContainerService& containers, LogRequest request)
      : context_(context),
        containers_(containers),
        request_(std::move(request)),
        wake_(std::make_shared<Wake>(context.io)) {}

  Task<Result<>> run(std::function<bool(const Container&)> selects, Emit emit);
  // Ends a run from outside.
  void stop() {
    stopped_ = true;
    wake_->rouse();
  }

 private:
  struct Wake {
    explicit Wake(asio::io_context& io) : signal(io) {}
    Signal signal;
    bool pending = false;
    void rouse() {
      pending = true;
      signal.notify_all();
    }
  };
  struct Source {
    ContainerPtr container;
    logs::LogReader reader;
    std::optional<logs::LogEntry> head;
    std::shared_ptr<asio::posix::stream_descriptor> watch;
  };

  Result<> add(ContainerPtr container, bool late);
  Task<> watch(std::shared_ptr<asio::posix::stream_descriptor> descriptor, std::shared_ptr<Wake> wake);
  Task<Result<bool>> drain(const Emit& emit);
  Task<bool> tell_ends(std::vector<std::pair<ContainerPtr, int>> ends, const Emit& emit);
  bool anything_alive(const std::function<bool(const Container&)>& selects) const;

  Context& context_;
  ContainerService& containers_;
  LogRequest request_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::pair<ContainerPtr, int>> ends_;  // runs that ended, with their exit codes, not told yet
  std::shared_ptr<Wake> wake_;
  bool stopped_ = false;
};

}  // namespace stack::engine
