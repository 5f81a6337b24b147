// Watches folders of log files with a single inotify(7) instance, because instances per user are limited
// (fs.inotify.max_user_instances, often 128).
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

  // Unsubscribes on destruction; may outlive the watch.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&&) noexcept = default;
    Subscription& operator=(Subscription&&) noexcept = default;

   private:
    friend class FolderWatch;
    std::shared_ptr<void> entry_;
  };

  // Calls `changed` on the engine's thread after a file in the folder is written, created, or renamed, or the folder is
  // removed. Several changes may cause one call. `changed` must not subscribe or unsubscribe. Fails if the folder cannot be
  // watched.
  Result<Subscription> watch(const std::string& folder, std::function<void()> changed);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::engine
