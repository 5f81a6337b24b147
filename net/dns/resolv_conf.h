// Reads and watches the host's resolver configuration (resolv.conf(5)).
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/dns/upstream_address.h"

namespace stack::dns {

// The first three `nameserver` lines with valid addresses; skips others like the C library. Pure.
std::vector<UpstreamAddress> parse_resolv_conf(std::string_view text);

// The servers in `path`. If its only server is systemd-resolved's stub (127.0.0.53) and `systemd_path` lists others,
// returns those, because the stub may not be running. Empty if the file is missing.
std::vector<UpstreamAddress> read_upstreams(const std::string& path, const std::string& systemd_path);

// Watches both files with inotify(7) on their folders and the folders of their link targets, so that replaced, removed,
// and recreated files are noticed.
class ResolvConfWatch {
 public:
  // Reads immediately; later calls `on_change` on the context's thread with each list that differs from the last one.
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
