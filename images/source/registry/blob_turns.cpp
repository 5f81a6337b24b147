#include "images/source/registry/blob_turns.h"

namespace stack::images::registry {

BlobTurns::Turn::~Turn() {
  if (turns_ == nullptr) return;
  std::lock_guard guard(turns_->mutex_);
  turns_->busy_.erase(digest_);
  turns_->changed_.notify_all();
}

Result<BlobTurns::Turn> BlobTurns::take(const std::string& digest, std::stop_token stop,
                                        const std::function<void()>& on_wait) {
  std::unique_lock guard(mutex_);
  if (busy_.contains(digest)) {
    guard.unlock();
    on_wait();
    guard.lock();
  }
  bool free = changed_.wait(guard, stop, [&] { return !busy_.contains(digest); });
  if (!free || stop.stop_requested()) return Error(ErrorKind::Canceled, "canceled");
  busy_.insert(digest);
  return Turn(this, digest);
}

}  // namespace stack::images::registry
