#include "net/link/link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

namespace stack::net {
namespace {

Link read_link(const nlmsghdr& header) {
  const auto& info = header_of<ifinfomsg>(header);
  const auto attributes = parse_attributes(header, sizeof(ifinfomsg), IFLA_LINKINFO);
  Link link;
  link.index = static_cast<uint32_t>(info.ifi_index);
  link.up = (info.ifi_flags & IFF_UP) != 0;
  link.running = (info.ifi_flags & IFF_RUNNING) != 0;
  link.name = text_of(attributes[IFLA_IFNAME]);
  link.master = u32_of(attributes[IFLA_MASTER]);
  link.mtu = u32_of(attributes[IFLA_MTU]);
  const auto mac = bytes_of(attributes[IFLA_ADDRESS]);
  if (mac.size() == link.mac.bytes.size()) std::copy(mac.begin(), mac.end(), link.mac.bytes.begin());
  link.kind = text_of(parse_nested(attributes[IFLA_LINKINFO], IFLA_INFO_KIND)[IFLA_INFO_KIND]);
  return link;
}

Message set_group(const std::string& name, uint32_t group) {
  Message message(RTM_NEWLINK, 0, 256);
  message.header(ifinfomsg{}).put_text(IFLA_IFNAME, name).put_u32(IFLA_GROUP, group);
  return message;
}

// The kernel deletes all links of a group in one pass. Avoids the default group 0 and other small numbers.
uint32_t fresh_group() {
  std::random_device random;
  return 0x40000000U | (random() & 0x3fffffffU);
}

}  // namespace

Result<std::vector<Link>> list_links(Host& host, std::string_view name_prefix) {
  std::vector<Link> links;
  Message message(RTM_GETLINK, NLM_F_DUMP, 256);
  message.header(ifinfomsg{});
  TRY(host.route().query(message, "list network interfaces", [&](const nlmsghdr& header) {
    if (header.nlmsg_type != RTM_NEWLINK) return;
    Link link = read_link(header);
    if (link.name.starts_with(name_prefix)) links.push_back(std::move(link));
  }));
  return links;
}

Result<std::optional<Link>> find_link(Host& host, const std::string& name) {
  TRY(check_interface_name(name));
  std::optional<Link> found;
  Message message(RTM_GETLINK, 0, 256);
  message.header(ifinfomsg{}).put_text(IFLA_IFNAME, name);
  auto done = host.route().query(message, "look up interface " + name, [&](const nlmsghdr& header) {
    if (header.nlmsg_type == RTM_NEWLINK) found = read_link(header);
  });
  if (!done && done.error().code() != ENODEV) return std::move(done).error();
  return found;
}

Result<bool> wait_until_running(Host& host, const std::string& name, int attempts) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    TRY_ASSIGN(const auto link, find_link(host, name));
    if (!link) return not_found("network interface " + name + " disappeared");
    if (link->running) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return false;
}

Result<> remove_links(Host& host, std::span<const std::string> names) {
  if (names.empty()) return {};
  const uint32_t group = fresh_group();
  std::vector<Message> messages;
  for (const std::string& name : names) {
    TRY(check_interface_name(name));
    messages.push_back(set_group(name, group));
  }
  TRY_ASSIGN(const auto answers, host.route().send_all(messages));
  size_t present = 0;
  Result<> first_failure;
  for (size_t i = 0; i < names.size(); ++i) {
    if (answers[i].error == 0)
      ++present;
    else if (answers[i].error != ENODEV && first_failure)
      first_failure = netlink_error("remove interface " + names[i], answers[i].error, answers[i].text);
  }
  if (present == 0) return first_failure;
  Message message(RTM_DELLINK, 0, 256);
  message.header(ifinfomsg{}).put_u32(IFLA_GROUP, group);
  auto removed = host.route().request(message, "remove network interfaces");
  // Another program may have removed them between the two calls.
  if (!removed && removed.error().code() != ENODEV) return removed;
  return first_failure;
}

Result<> check_interface_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != "..";
  const bool clean = std::none_of(name.begin(), name.end(), [](char c) {
    return c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
  });
  if (fits && clean) return {};
  return invalid("invalid interface name '" + std::string(name) + "'");
}

}  // namespace stack::net
