// Serializes the commands of a project in order of arrival; a stopping command ends earlier starting ones
// (ProjectCommand::preempts).
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/async_mutex.h"
#include "engine/project/project_command.h"

namespace stack::engine {

class ProjectLocks {
 public:
  explicit ProjectLocks(asio::io_context& io) : io_(io) {}

  // Holds the lock during its lifetime; nullopt if the command was canceled during the wait, which its client was told.
  class Held;
  Task<std::optional<Held>> take(std::string project, CommandPtr command);
  // Number of commands that have requested the lock of the project.
  uint64_t commands(const std::string& project) const;
  // The verb of the command that changes the project now; "" if there is none.
  std::string holder(const std::string& project) const;

 private:
  struct Entry {
    explicit Entry(asio::io_context& io) : mutex(io) {}
    AsyncMutex mutex;
    uint64_t asked = 0;
    std::list<CommandPtr> commands;  // the holder of the lock, then the waiting commands in order
  };

  asio::io_context& io_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

class ProjectLocks::Held {
 public:
  Held(std::shared_ptr<Entry> entry, std::list<CommandPtr>::iterator place, AsyncMutex::Lock lock)
      : entry_(std::move(entry)), place_(place), lock_(std::move(lock)) {}
  Held(Held&&) noexcept = default;
  Held& operator=(Held&&) = delete;
  ~Held() {
    if (entry_) entry_->commands.erase(place_);
  }

 private:
  std::shared_ptr<Entry> entry_;
  std::list<CommandPtr>::iterator place_;
  AsyncMutex::Lock lock_;
};

}  // namespace stack::engine
