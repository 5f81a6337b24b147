// Logs of several containers as one stream, in order of time, and on as they grow.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/container_service.h"
#include "engine/logs/folder_watch.h"
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

// open(), then run() once. `selects` names the containers, those that are made later included.
class LogStream {
 public:
  using Emit = std::function<Task<bool>(LogEvent)>;

  using Selects = std::function<bool(const Container&)>;

  LogStream(Context& context, ContainerService& containers, FolderWatch& folders, LogRequest request)
      : context_(context),
        containers_(containers),
        folders_(folders),
        request_(std::move(request)),
        wake_(std::make_shared<Wake>(context.io)) {}

  // Opens the logs that are there, so that what is wrong can still be told instead of an answer; nothing is left open
  // after an error.
  Result<> open(Selects selects);
  // Calls `emit` for each event; false from it (the client is gone) ends the stream.
  Task<Result<>> run(Emit emit);
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
    FolderWatch::Subscription watch;
  };

  Result<> add(ContainerPtr container, bool late);
  void take_event(const Event& event);
  Result<> add_joining();
  Task<Result<bool>> drain(const Emit& emit);
  Task<bool> tell_ends(std::vector<std::pair<ContainerPtr, int>> ends, const Emit& emit);
  bool anything_alive() const;
  Task<> wait_for_news();

  Context& context_;
  ContainerService& containers_;
  FolderWatch& folders_;
  LogRequest request_;
  Selects selects_;
  std::optional<EventBus::Subscription> events_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<ContainerPtr> joining_;               // started since
  std::vector<std::pair<ContainerPtr, int>> ends_;  // runs that ended, with their exit codes, not told yet
  std::shared_ptr<Wake> wake_;
  bool stopped_ = false;
};

}  // namespace stack::engine
