#include "net/dns/resolv_conf.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <climits>
#include <cstdlib>
#include <set>

#include "base/files.h"
#include "base/text.h"

namespace stack::dns {

namespace {

constexpr size_t kMaxServers = 3;  // MAXNS of the C library
// Delay, because editors and DHCP clients write in several steps.
constexpr std::chrono::milliseconds kSettle{50};
constexpr size_t kFileLimit = 1024 * 1024;

std::string_view next_word(std::string_view& line) {
  size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  line.remove_prefix(begin);
  size_t end = std::min(line.find_first_of(" \t"), line.size());
  std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

bool is_systemd_stub(const UpstreamAddress& server) {
  return server.ip == IpAddress::v4(0x7F000035) || server.ip == IpAddress::v4(0x7F000036);
}

std::vector<UpstreamAddress> read_servers(const std::string& path) {
  auto text = read_file(path, kFileLimit);
  return text ? parse_resolv_conf(*text) : std::vector<UpstreamAddress>();
}

}  // namespace

std::vector<UpstreamAddress> parse_resolv_conf(std::string_view text) {
  std::vector<UpstreamAddress> out;
  for (const std::string& line_text : split(text, '\n')) {
    std::string_view line = line_text;
    if (next_word(line) != "nameserver" || out.size() == kMaxServers) continue;
    auto server = parse_upstream(trim(next_word(line)));
    if (server) out.push_back(std::move(*server));
  }
  return out;
}

std::vector<UpstreamAddress> read_upstreams(const std::string& path, const std::string& systemd_path) {
  std::vector<UpstreamAddress> servers = read_servers(path);
  if (servers.size() != 1 || !is_systemd_stub(servers.front())) return servers;
  std::vector<UpstreamAddress> behind = read_servers(systemd_path);
  return behind.empty() ? servers : behind;
}

struct ResolvConfWatch::State : std::enable_shared_from_this<ResolvConfWatch::State> {
  State(asio::io_context& context, std::string p, std::string s)
      : path(std::move(p)), systemd_path(std::move(s)), events(context), settle(context) {}

  void watch_folders() {
    for (const std::string& file : {path, systemd_path}) {
      watch_folder_of(file);
      std::array<char, PATH_MAX> real{};
      if (::realpath(file.c_str(), real.data()) != nullptr) watch_folder_of(real.data());
    }
  }

  // Idempotent; a missing folder may be added after a later change.
  void watch_folder_of(const std::string& file) {
    ::inotify_add_watch(events.native_handle(), directory_name(file).c_str(),
                        IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
  }

  bool open() {
    Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd) return false;
    asio::error_code problem;
    events.assign(fd.get(), problem);
    if (problem) return false;
    fd.release();
    return true;
  }

  void wait() {
    events.async_read_some(asio::buffer(buffer),
                           [self = shared_from_this()](const asio::error_code& problem, size_t) {
                             if (problem) return;
                             self->reread_soon();
                             self->wait();
                           });
  }

  // The folders contain other files as well; rereading ours is cheaper than parsing the events.
  void reread_soon() {
    if (pending) return;
    pending = true;
    settle.expires_after(kSettle);
    settle.async_wait([self = shared_from_this()](const asio::error_code& problem) {
      if (problem) return;
      self->pending = false;
      self->watch_folders();
      self->reread();
    });
  }

  void reread() {
    std::vector<UpstreamAddress> fresh = read_upstreams(path, systemd_path);
    if (fresh == servers) return;
    servers = std::move(fresh);
    if (on_change) on_change(servers);
  }

  std::string path;
  std::string systemd_path;
  asio::posix::stream_descriptor events;
  asio::steady_timer settle;
  bool pending = false;
  std::array<char, 4096> buffer{};
  std::vector<UpstreamAddress> servers;
  std::function<void(const std::vector<UpstreamAddress>&)> on_change;
};

ResolvConfWatch::ResolvConfWatch(asio::io_context& context, std::string path, std::string systemd_path,
                                 std::function<void(const std::vector<UpstreamAddress>&)> on_change)
    : state_(std::make_shared<State>(context, std::move(path), std::move(systemd_path))) {
  bool watching = state_->open();
  // Adds the watches before the first read, so that no change is missed.
  if (watching) state_->watch_folders();
  state_->reread();
  state_->on_change = std::move(on_change);
  if (watching) state_->wait();
}

ResolvConfWatch::~ResolvConfWatch() {
  state_->on_change = nullptr;
  asio::error_code ignored;
  state_->events.close(ignored);
  state_->settle.cancel();
}

const std::vector<UpstreamAddress>& ResolvConfWatch::current() const { return state_->servers; }

}  // namespace stack::dns
