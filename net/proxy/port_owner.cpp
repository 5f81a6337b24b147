#include <dirent.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "net/proxy/host_port.h"

namespace stack::proxy {

namespace {

constexpr size_t kProcFileLimit = size_t{256} << 20;

// A row of /proc/net/{tcp,udp}{,6} (proc(5)).
struct SocketRow {
  IpAddress ip;
  uint16_t port = 0;
  unsigned state = 0;
  std::string inode;
};

std::optional<unsigned> hex_number(std::string_view text) {
  unsigned value = 0;
  auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (problem != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0100007F": each 32-bit word in host byte order.
std::optional<IpAddress> address_of(std::string_view hex) {
  std::array<uint8_t, 16> bytes{};
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  for (size_t i = 0; i < hex.size(); i += 8) {
    std::optional<unsigned> word = hex_number(hex.substr(i, 8));
    if (!word) return std::nullopt;
    std::memcpy(bytes.data() + i / 2, &*word, sizeof(*word));
  }
  return address_from(std::span(bytes).first(hex.size() / 2));
}

std::optional<SocketRow> parse_row(std::string_view line) {
  std::vector<std::string> words = split(line, ' ');
  std::erase(words, "");
  if (words.size() < 10) return std::nullopt;
  std::vector<std::string> local = split(words[1], ':');
  if (local.size() != 2) return std::nullopt;
  auto ip = address_of(local[0]);
  auto port = hex_number(local[1]);
  auto state = hex_number(words[3]);
  if (!ip || !port || !state) return std::nullopt;
  return SocketRow{*ip, static_cast<uint16_t>(*port), *state, words[9]};
}

std::optional<IpAddress> mapped_v4(const IpAddress& ip) {
  constexpr std::array<uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  auto bytes = ip.bytes();
  if (ip.is_v4() || !std::equal(kPrefix.begin(), kPrefix.end(), bytes.begin())) return std::nullopt;
  return address_from(bytes.subspan(12));
}

// Whether both sockets would receive the same packets. A socket on :: may also receive IPv4.
bool collide(const IpAddress& wanted, IpAddress present) {
  if (auto v4 = mapped_v4(present)) present = *v4;
  bool same_family = wanted.is_v4() == present.is_v4();
  if (present.is_unspecified()) return same_family || !present.is_v4();
  return same_family && (wanted.is_unspecified() || wanted == present);
}

void collect(const char* file, unsigned state, const IpAddress& ip, uint16_t port,
             std::set<std::string>& links) {
  auto text = read_file(file, kProcFileLimit);
  if (!text) return;
  for (const std::string& line : split(*text, '\n')) {
    auto row = parse_row(line);
    if (row && row->port == port && row->state == state && row->inode != "0" && collide(ip, row->ip))
      links.insert("socket:[" + row->inode + "]");
  }
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;
Directory open_directory(const std::string& path) { return {::opendir(path.c_str()), &::closedir}; }

bool holds(const std::string& pid, const std::set<std::string>& links) {
  Directory fds = open_directory("/proc/" + pid + "/fd");
  if (!fds) return false;
  std::array<char, 64> target{};
  while (const dirent* entry = ::readdir(fds.get())) {
    ssize_t n = ::readlinkat(::dirfd(fds.get()), entry->d_name, target.data(), target.size());
    if (n > 0 && links.contains(std::string(target.data(), static_cast<size_t>(n)))) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> port_owner(const IpAddress& host_ip, uint16_t port, Protocol protocol) {
  constexpr unsigned kListen = 10;  // TCP_LISTEN
  constexpr unsigned kClose = 7;    // TCP_CLOSE: unconnected UDP
  std::set<std::string> links;
  bool tcp = protocol == Protocol::Tcp;
  // thread-self, because the calling thread may be in another network namespace than the process.
  for (const char* file : {tcp ? "/proc/thread-self/net/tcp" : "/proc/thread-self/net/udp",
                           tcp ? "/proc/thread-self/net/tcp6" : "/proc/thread-self/net/udp6"})
    collect(file, tcp ? kListen : kClose, host_ip, port, links);
  Directory processes = links.empty() ? Directory(nullptr, &::closedir) : open_directory("/proc");
  if (!processes) return std::nullopt;
  while (const dirent* entry = ::readdir(processes.get())) {
    std::string pid = entry->d_name;
    if (!is_all_digits(pid) || !holds(pid, links)) continue;
    auto name = read_file("/proc/" + pid + "/comm");
    return "pid " + pid + (name ? " (" + std::string(trim(*name)) + ")" : "");
  }
  return std::nullopt;
}

}  // namespace stack::proxy
