#include "engine/logs/folder_watch.h"

#include <sys/inotify.h>

#include <array>
#include <set>

namespace stack::engine {

namespace {
constexpr uint32_t kEvents = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
// Merges many events of a busy writer into one call.
constexpr std::chrono::milliseconds kPause{5};
}  // namespace

struct FolderWatch::State : std::enable_shared_from_this<State> {
  using Listeners = std::list<std::function<void()>>;

  explicit State(asio::io_context& context) : io(context) {}

  Result<> open();
  static Task<> listen(std::shared_ptr<State> self);
  std::set<int> read_events(const char* bytes, size_t size);
  void call(int number);
  void unsubscribe(int number, Listeners::iterator listener);

  asio::io_context& io;
  std::unique_ptr<asio::posix::stream_descriptor> events;
  std::map<int, Listeners> folders;  // by watch descriptor
};

Result<> FolderWatch::State::open() {
  if (events) return {};
  int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return Error::last_errno("inotify");
  events = std::make_unique<asio::posix::stream_descriptor>(io, fd);
  start(io, listen(shared_from_this()));
  return {};
}

Task<> FolderWatch::State::listen(std::shared_ptr<State> self) {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t size = co_await self->events->async_read_some(asio::buffer(buffer),
                                                         asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    for (int number : self->read_events(buffer.data(), size)) self->call(number);
    co_await sleep_for(self->io, kPause);
    if (!self->events) co_return;
  }
}

std::set<int> FolderWatch::State::read_events(const char* bytes, size_t size) {
  std::set<int> changed;
  for (size_t at = 0; at + sizeof(inotify_event) <= size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(bytes + at);
    at += sizeof(inotify_event) + event->len;
    if ((event->mask & IN_Q_OVERFLOW) == 0) {
      changed.insert(event->wd);
    } else {
      for (const auto& [number, listeners] : folders) changed.insert(number);
    }
  }
  return changed;
}

void FolderWatch::State::call(int number) {
  auto found = folders.find(number);
  if (found == folders.end()) return;
  for (const std::function<void()>& listener : found->second) listener();
}

void FolderWatch::State::unsubscribe(int number, Listeners::iterator listener) {
  auto found = folders.find(number);
  found->second.erase(listener);
  if (!found->second.empty()) return;
  folders.erase(found);
  // The kernel has already removed the watch of a deleted folder.
  if (events) ::inotify_rm_watch(events->native_handle(), number);
}

FolderWatch::FolderWatch(asio::io_context& io) : state_(std::make_shared<State>(io)) {}

FolderWatch::~FolderWatch() { state_->events.reset(); }

Result<FolderWatch::Subscription> FolderWatch::watch(const std::string& folder,
                                                     std::function<void()> changed) {
  TRY(state_->open());
  int number = ::inotify_add_watch(state_->events->native_handle(), folder.c_str(), kEvents);
  if (number < 0) return Error::last_errno("watch " + folder);
  State::Listeners& listeners = state_->folders[number];
  auto place = listeners.insert(listeners.end(), std::move(changed));
  Subscription out;
  out.entry_ = std::shared_ptr<void>(
      nullptr, [state = state_, number, place](void*) { state->unsubscribe(number, place); });
  return out;
}

}  // namespace stack::engine
