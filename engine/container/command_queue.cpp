#include "engine/container/command_queue.h"

#include <algorithm>

namespace stack::engine {

void CommandQueue::let_run(CommandPtr command) {
  command->running = true;
  running_ = std::move(command);
}

Task<Result<CommandQueue::Turn>> CommandQueue::enter(Kind kind) {
  auto command = std::make_shared<Command>(io_, kind);
  if (!running_ && waiting_.empty()) {
    let_run(command);
    co_return Turn(this, command);
  }
  waiting_.push_back(command);
  asio::error_code code;
  co_await command->turn.async_wait(asio::redirect_error(asio::use_awaitable, code));
  if (command->running) co_return Turn(this, command);
  std::erase(waiting_, command);
  co_return Error(ErrorKind::Canceled, "preempted by a command that ends the container");
}

void CommandQueue::preempt() {
  if (running_ && running_->kind == Kind::Start) running_->pre_empted = true;
  for (const CommandPtr& command : waiting_) {
    if (command->kind != Kind::Start) continue;
    command->pre_empted = true;
    command->turn.cancel();
  }
  std::erase_if(waiting_, [](const CommandPtr& command) { return command->pre_empted; });
}

void CommandQueue::leave() {
  running_.reset();
  if (waiting_.empty()) return;
  CommandPtr first = waiting_.front();
  waiting_.pop_front();
  let_run(first);
  first->turn.cancel();
}

}  // namespace stack::engine
