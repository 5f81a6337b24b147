// The logs of several containers as one stream ordered by time, optionally followed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/container_service.h"
#include "engine/logs/attached_output.h"
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
  bool stay = false;  // continue after all containers have exited
  bool attach = false;  // with follow: also show containers whose driver keeps no file, from now on
  // End with the first exit, as Docker's logs of a container do: clients follow the next run anew.
  bool one_run = false;
};

// One line, or the exit of a container.
struct LogEvent {
  const Container* container = nullptr;
  std::optional<logs::LogEntry> entry;
  int exit_code = 0;
  bool restarting = false;
};

// "all", a number, or "" (all).
std::optional<size_t> parse_tail(const std::string& text);

// Call open(), then run() once. `selects` chooses the containers, including later ones.
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

  // Opens the existing logs, so that errors can be returned before the response starts.
  Result<> open(Selects selects);
  ~LogStream();
  // Calls `emit` for each event until it returns false (the client has left).
  Task<Result<>> run(Emit emit);
  // Ends run().
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
    std::optional<logs::LogReader> reader;     // of its file, or
    std::shared_ptr<AttachedOutput> attached;  // of its monitor
    std::optional<logs::LogEntry> head;
    FolderWatch::Subscription watch;
  };

  struct End {
    ContainerPtr container;
    int exit_code = 0;
    std::shared_ptr<AttachedOutput::Run> run;  // to be read to its end first, if it is attached
  };

  Result<> add(ContainerPtr container, bool late);
  Result<> add_file(ContainerPtr container, bool late);
  void add_attached(ContainerPtr container);
  AttachedOutput* find_attached(const ContainerPtr& container) const;
  Result<std::optional<logs::LogEntry>> next_entry(Source& source);
  // Ends whose output has been read; the others stay in ends_.
  std::vector<End> take_ends();
  void take_event(const Event& event);
  Result<> add_joining();
  Task<Result<bool>> drain(const Emit& emit);
  Task<bool> tell_ends(std::vector<End> ends, const Emit& emit);
  bool anything_alive() const;
  Task<> wait_for_news();

  Context& context_;
  ContainerService& containers_;
  FolderWatch& folders_;
  LogRequest request_;
  Selects selects_;
  std::optional<EventBus::Subscription> events_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<ContainerPtr> joining_;  // containers started since
  std::vector<End> ends_;               // exits not yet emitted
  std::shared_ptr<Wake> wake_;
  bool stopped_ = false;
};

}  // namespace stack::engine
