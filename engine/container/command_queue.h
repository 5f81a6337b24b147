// The commands of one container, which run one at a time in order of arrival. Commands that end a container (stop, kill,
// forced removal) do not queue; they preempt running and waiting starts.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "base/async.h"

namespace stack::engine {

class CommandQueue {
 public:
  // preempt() ends a Start command, but not a Steady one.
  enum class Kind { Start, Steady };

 private:
  struct Command {
    Command(asio::io_context& io, Kind command_kind)
        : turn(io, asio::steady_timer::time_point::max()), kind(command_kind) {}
    asio::steady_timer turn;  // canceled when the command's turn comes, or when it is preempted
    Kind kind;
    bool running = false;
    bool pre_empted = false;
  };
  using CommandPtr = std::shared_ptr<Command>;

 public:
  // Held while a command runs; its destruction starts the next one.
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

  // Waits for the command's turn. Returns Canceled if a start is preempted or the coroutine is canceled.
  Task<Result<Turn>> enter(Kind kind);
  // Cancels waiting starts; a running start sees pre_empted().
  void preempt();
  bool busy() const { return running_ != nullptr; }

 private:
  void leave();
  void let_run(CommandPtr command);

  asio::io_context& io_;
  CommandPtr running_;
  std::deque<CommandPtr> waiting_;
};

}  // namespace stack::engine
