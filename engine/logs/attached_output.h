// The output of a container whose logging driver keeps no file, read from its monitor while it runs. For `up`, which shows
// the output of all services.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/container/container_service.h"
#include "engine/logs/log_reader.h"

namespace stack::engine {

class AttachedOutput : public std::enable_shared_from_this<AttachedOutput> {
 public:
  // One run of the container, as far as it is read.
  struct Run {
    bool ended = false;  // everything was read, or it could not be attached to
  };

  // `wake` is called after each change.
  AttachedOutput(Context& context, ContainerService& containers, ContainerPtr container,
                 std::function<void()> wake)
      : context_(context),
        containers_(containers),
        container_(std::move(container)),
        wake_(std::move(wake)) {}

  // Reads the current run or, if none is running, the next one from its first byte.
  void attach();
  const std::shared_ptr<Run>& run() const { return run_; }
  // The next complete line, or the unfinished last line of a run.
  std::optional<logs::LogEntry> next();
  // Ends reading; later calls of attach() have no effect.
  void stop();

 private:
  Task<> read(std::shared_ptr<PendingAttach> pending, std::shared_ptr<Run> run);
  Task<> read_frames(Fd stream);
  void take(std::string_view bytes);
  void finish_lines();

  Context& context_;
  ContainerService& containers_;
  ContainerPtr container_;
  std::function<void()> wake_;
  std::stop_source stopped_;
  std::shared_ptr<Run> run_;
  std::deque<logs::LogEntry> entries_;
  std::string pending_frame_;
  std::map<logs::LogStream, std::string> lines_;  // unfinished
};

}  // namespace stack::engine
