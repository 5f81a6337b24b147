// Folders of log files, watched by one inotify(7) instance: a user has few of those (fs.inotify.max_user_instances,
// often 128), but many watches.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/result.h"

namespace stack::engine {

class FolderWatch {
 public:
  explicit FolderWatch(asio::io_context& io);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // Ends with its destruction; may outlive the watch.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&&) noexcept = default;
    Subscription& operator=(Subscription&&) noexcept = default;

   private:
    friend class FolderWatch;
    std::shared_ptr<void> entry_;
  };

  // Calls `changed` on the engine's thread after a file in the folder was written, made or renamed, or the folder went
  // away; several changes may come as one call. It must not subscribe or unsubscribe. Errors where the folder cannot be
  // watched; nothing is left open then.
  Result<Subscription> watch(const std::string& folder, std::function<void()> changed);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::engine
