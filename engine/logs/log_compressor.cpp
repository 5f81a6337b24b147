#include "engine/logs/log_compressor.h"

#include <sys/inotify.h>

#include <array>

#include "base/files.h"
#include "base/log.h"
#include "engine/logs/log_archive.h"

namespace stack::engine {

void LogCompressor::watch(const std::string& log_path, int max_file) {
  if (!events_) {
    int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
      log_warning("rotated logs are not compressed: " + Error::last_errno("inotify").text());
      return;
    }
    events_ = std::make_unique<asio::posix::stream_descriptor>(context_.io, fd);
    start(context_.io, listen());
  }
  int number = ::inotify_add_watch(events_->native_handle(), directory_name(log_path).c_str(),
                                   IN_MOVED_TO | IN_ONLYDIR);
  if (number < 0) {
    log_warning("rotated logs are not compressed: " + Error::last_errno("watch " + log_path).text());
    return;
  }
  auto& log = logs_[number];
  if (log) return;
  log = std::make_shared<Log>(Log{log_path, max_file, false, false});
  start(context_.io, compress(log));
}

Task<> LogCompressor::listen() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t size = co_await events_->async_read_some(asio::buffer(buffer),
                                                    asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    for (size_t at = 0; at + sizeof(inotify_event) <= size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += sizeof(inotify_event) + event->len;
      auto found = logs_.find(event->wd);
      if (found == logs_.end()) continue;
      if ((event->mask & IN_IGNORED) != 0) {
        logs_.erase(found);
      } else if (event->len > 0 && event->name == base_name(found->second->path) + ".1") {
        start(context_.io, compress(found->second));
      }
    }
  }
}

Task<> LogCompressor::compress(std::shared_ptr<Log> log) {
  if (log->busy) {
    log->again = true;
    co_return;
  }
  log->busy = true;
  do {
    log->again = false;
    auto work = [path = log->path, max_file = log->max_file] {
      return logs::compress_rotated(path, max_file);
    };
    Result<> done = co_await offload(context_.pool, work);
    // The folder is removed with its container.
    if (!done && path_exists(directory_name(log->path))) log_warning("logs: " + done.error().text());
  } while (log->again);
  log->busy = false;
}

}  // namespace stack::engine
