#include "engine/state/disk_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"

namespace stack::engine {

namespace {

// Continues after a failure; returns the first one. A path that was removed meanwhile needs nothing.
Result<> sync_paths(const std::set<std::string>& paths) {
  Result<> outcome;
  for (const std::string& path : paths) {
    Result<Fd> file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file && file.error().code() == ENOENT) continue;
    Result<> synced = file ? Result<>() : Result<>(file.error());
    if (file && ::fsync(file->get()) != 0) synced = Error::last_errno("sync " + path);
    if (!synced && outcome) outcome = std::move(synced);
  }
  return outcome;
}

}  // namespace

void DiskSync::note(std::string path) {
  paths_.insert(std::move(path));
  ++noted_;
}

Task<> DiskSync::settle() {
  uint64_t wanted = noted_;
  while (settled_ < wanted) {
    if (busy_) {
      co_await done_.wait();
      continue;
    }
    busy_ = true;
    uint64_t reached = noted_;
    auto work = [paths = std::exchange(paths_, {})] { return sync_paths(paths); };
    Result<> synced = co_await offload(thread_, work);
    if (!synced) log_error("a change may not survive a power cut: " + synced.error().text());
    busy_ = false;
    settled_ = reached;
    done_.notify_all();
  }
}

}  // namespace stack::engine
