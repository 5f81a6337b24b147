// The commands of one container: they run one at a time, in the order in which they came. Those that end a
// container (stop, kill, forced removal) do not queue: they pre-empt the starts that run or wait.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "base/async.h"

namespace stack::engine {

class CommandQueue {
 public:
  // Start: pre_empt() ends it. Steady: it does not.
  enum class Kind { Start, Steady };

 private:
  struct Command {
    Command(asio::io_context& io, Kind command_kind)
        : turn(io, asio::steady_timer::time_point::max()), kind(command_kind) {}
    asio::steady_timer turn;  // canceled when the command's turn has come, or never will
    Kind kind;
    bool running = false;
    bool pre_empted = false;
  };
  using CommandPtr = std::shared_ptr<Command>;

 public:
  // Held while a command runs; its destruction lets the next one run.
  class Turn {
   public:
    Turn(CommandQueue* queue, CommandPtr command) : queue_(queue), command_(std::move(command)) {}
    Turn(Turn&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), command_(std::move(other.command_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (queue_ != nullptr) queue_->leave();
    }
    bool pre_empted() const { return command_->pre_empted; }

   private:
    CommandQueue* queue_;
    CommandPtr command_;
  };

  explicit CommandQueue(asio::io_context& io) : io_(io) {}
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  // Waits for the command's turn. Cancelled where a start was pre-empted, or the waiting coroutine canceled.
  Task<Result<Turn>> enter(Kind kind);
  // Starts that wait are canceled; one that runs finds pre_empted() set.
  void pre_empt();
  bool busy() const { return running_ != nullptr; }

 private:
  void leave();
  void let_run(CommandPtr command);

  asio::io_context& io_;
  CommandPtr running_;
  std::deque<CommandPtr> waiting_;
};

}  // namespace stack::engine
