#include "engine/project/project_lock.h"

namespace stack::engine {

Task<std::optional<ProjectLocks::Held>> ProjectLocks::take(std::string project, CommandPtr command) {
  std::shared_ptr<Entry>& known = entries_[project];
  if (!known) known = std::make_shared<Entry>(io_);
  std::shared_ptr<Entry> entry = known;
  ++entry->asked;
  bool interrupts = false;
  for (const CommandPtr& earlier : entry->commands) {
    if (!command->preempts(*earlier)) continue;
    interrupts = true;
    earlier->cancellation()->cancel("interrupted by `" + command->verb() + "`");
  }
  if (!entry->commands.empty()) {
    command->tell({{"event", "waiting"},
                   {"text", "project " + project + " is being changed by another command (" +
                                entry->commands.front()->verb() + "); " +
                                (interrupts ? "interrupting it" : "waiting for it")}});
  }
  auto place = entry->commands.insert(entry->commands.end(), command);
  std::optional<AsyncMutex::Lock> lock = co_await entry->mutex.lock(command->cancellation()->token());
  if (lock) co_return Held(entry, place, std::move(*lock));
  entry->commands.erase(place);
  command->fail(Error(ErrorKind::Canceled, command->cancellation()->reason()));
  co_return std::nullopt;
}

uint64_t ProjectLocks::commands(const std::string& project) const {
  auto entry = entries_.find(project);
  return entry == entries_.end() ? 0 : entry->second->asked;
}

std::string ProjectLocks::holder(const std::string& project) const {
  auto entry = entries_.find(project);
  if (entry == entries_.end() || entry->second->commands.empty()) return "";
  return entry->second->commands.front()->verb();
}

}  // namespace stack::engine
