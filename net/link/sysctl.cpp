#include "net/link/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "net/link/link.h"
#include "net/link/namespace.h"

namespace stack::net {
namespace {

const std::string kRoot = "/proc/sys/net/";

// Enables a switch; returns whether it was off.
Result<bool> turn_on(int netns_fd, const std::string& name) {
  TRY_ASSIGN(const std::string now, read_sysctl(netns_fd, name));
  if (now != "0") return false;
  TRY(write_sysctl(netns_fd, name, "1"));
  return true;
}

}  // namespace

// The kernel selects the namespace by the task that opens the file.
Result<std::string> read_sysctl(int netns_fd, const std::string& name) {
  TRY_ASSIGN(const std::string text, with_namespace(netns_fd, [&] { return read_file(kRoot + name); }));
  return std::string(trim(text));
}

Result<> write_sysctl(int netns_fd, const std::string& name, const std::string& value) {
  return with_namespace(netns_fd,
                        [&]() -> Result<> {
                          TRY_ASSIGN(const Fd file, open_file(kRoot + name, O_WRONLY));
                          return write_all(file.get(), value);
                        })
      .in("set net." + name);
}

Result<bool> enable_ipv4_forwarding(Host& host) { return turn_on(host.netns(), "ipv4/ip_forward"); }

Result<bool> enable_ipv6_forwarding(Host& host) {
  TRY_ASSIGN(const std::string now, read_sysctl(host.netns(), "ipv6/conf/all/forwarding"));
  if (now != "0") return false;
  // Must precede enabling forwarding, otherwise the host would lose its routes from router advertisements.
  TRY_ASSIGN(const auto links, list_links(host));
  for (const Link& link : links) {
    const std::string accept = "ipv6/conf/" + link.name + "/accept_ra";
    auto value = read_sysctl(host.netns(), accept);
    if (value && *value == "1") TRY(write_sysctl(host.netns(), accept, "2"));
  }
  return turn_on(host.netns(), "ipv6/conf/all/forwarding");
}

}  // namespace stack::net
