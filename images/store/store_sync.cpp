// Protection from power loss: published data is synced to the disk soon afterward, in the background.
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "images/store/store_state.h"

namespace stack::images {

Result<> ImageStore::State::sync() {
  std::string list = root + "/unsynced";
  std::string listed;
  {
    std::lock_guard guard(mutex);
    Result<std::string> text = read_file(list);
    if (!text) return {};
    listed = std::move(*text);
  }
  TRY_ASSIGN(Fd directory, open_file(root, O_RDONLY | O_DIRECTORY));
  if (::syncfs(directory.get()) != 0) return Error::last_errno("sync image store");
  std::lock_guard guard(mutex);
  // Entries added meanwhile stay listed.
  Result<std::string> now = read_file(list);
  if (now && *now == listed) ::unlink(list.c_str());
  return {};
}

void ImageStore::State::sync_soon() {
  std::lock_guard guard(sync_mutex_);
  sync_wanted_ = true;
  if (!syncer_.joinable())
    syncer_ = std::jthread([this](std::stop_token stop) { serve_syncs(std::move(stop)); });
  sync_asked_.notify_one();
}

// Requests during a sync cause one more sync.
void ImageStore::State::serve_syncs(std::stop_token stop) {
  std::unique_lock held(sync_mutex_);
  while (sync_asked_.wait(held, stop, [this] { return sync_wanted_; })) {
    sync_wanted_ = false;
    held.unlock();
    (void)sync();  // failed entries stay listed and are verified after a power loss
    held.lock();
  }
}

}  // namespace stack::images
