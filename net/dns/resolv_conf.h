// The host's resolver configuration (resolv.conf(5)), read and followed.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/dns/upstream_address.h"

namespace stack::dns {

// The first three `nameserver` lines that are addresses; others are skipped, as the C library does. Pure.
std::vector<UpstreamAddress> parse_resolv_conf(std::string_view text);

// The servers of `path`. Where its only server is systemd-resolved's stub (127.0.0.53) and `systemd_path`
// names others, those: the stub may be gone while its list stays. A missing file gives none.
std::vector<UpstreamAddress> read_upstreams(const std::string& path, const std::string& systemd_path);

// Follows both files with inotify(7) on their folders and the folders of what they link to, so replaced,
// removed and re-created files are noticed too.
class ResolvConfWatch {
 public:
  // Reads at once; `on_change` is called later, from the context's thread, with a list that differs from the
  // last one.
  ResolvConfWatch(asio::io_context& context, std::string path, std::string systemd_path,
                  std::function<void(const std::vector<UpstreamAddress>&)> on_change);
  ~ResolvConfWatch();
  ResolvConfWatch(const ResolvConfWatch&) = delete;
  ResolvConfWatch& operator=(const ResolvConfWatch&) = delete;

  const std::vector<UpstreamAddress>& current() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::dns
