#include "runtime/oci/net_devices.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "base/fd.h"
#include "base/files.h"

namespace stack::runtime {

namespace {

// A request with its attributes; lengths are checked against the buffer.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) {
    bytes_.resize(NLMSG_HDRLEN);
    header()->nlmsg_type = type;
    header()->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  }

  template <typename T>
  Request& fixed(const T& part) {
    append(&part, sizeof(part));
    return *this;
  }

  Request& attribute(uint16_t type, const void* value, size_t size) {
    rtattr head{};
    head.rta_type = type;
    head.rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    append(&head, sizeof(head));
    append(value, size);
    return *this;
  }
  Request& attribute(uint16_t type, const std::string& text) {
    return attribute(type, text.c_str(), text.size() + 1);
  }

  std::string_view finish() {
    header()->nlmsg_len = static_cast<uint32_t>(bytes_.size());
    return bytes_;
  }

 private:
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  void append(const void* part, size_t size) {
    bytes_.append(static_cast<const char*>(part), size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }

  std::string bytes_;
};

template <typename T>
const T* payload(const nlmsghdr& message) {
  return reinterpret_cast<const T*>(reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN);
}

using OnMessage = std::function<void(const nlmsghdr&)>;

// A route socket of the network namespace in which it was opened.
class RouteSocket {
 public:
  static Result<RouteSocket> open() {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) return Error::last_errno("netlink socket");
    return RouteSocket(std::move(fd));
  }

  // Sends the request and reads the replies until the acknowledgment or the end of the dump.
  Result<> ask(Request request, const OnMessage& on_message = {}) {
    TRY(write_all(fd_.get(), request.finish()));
    for (;;) {
      std::vector<char> buffer(size_t{32} * 1024);
      ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return Error::last_errno("netlink");
      auto left = static_cast<unsigned>(size);
      for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
           message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE) return {};
        if (message->nlmsg_type == NLMSG_ERROR) {
          int code = payload<nlmsgerr>(*message)->error;
          return code == 0 ? Result<>() : Error::from_errno("netlink", -code);
        }
        if (on_message) on_message(*message);
      }
    }
  }

 private:
  explicit RouteSocket(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

struct Address {
  ifaddrmsg head{};
  std::string local, address, broadcast;
  uint32_t flags = 0;
};

Address parse_address(const nlmsghdr& message) {
  Address out;
  out.head = *payload<ifaddrmsg>(message);
  out.flags = out.head.ifa_flags;
  auto left = static_cast<unsigned>(IFA_PAYLOAD(&message));
  auto* first = reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ifaddrmsg));
  for (auto* part = reinterpret_cast<const rtattr*>(first); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
    std::string value(static_cast<const char*>(RTA_DATA(part)), RTA_PAYLOAD(part));
    if (part->rta_type == IFA_LOCAL) out.local = value;
    if (part->rta_type == IFA_ADDRESS) out.address = value;
    if (part->rta_type == IFA_BROADCAST) out.broadcast = value;
    if (part->rta_type == IFA_FLAGS && value.size() == sizeof(out.flags))
      std::memcpy(&out.flags, value.data(), value.size());
  }
  return out;
}

ifinfomsg link_head(int index, unsigned flags, unsigned change) {
  ifinfomsg head{};
  head.ifi_family = AF_UNSPEC;
  head.ifi_index = index;
  head.ifi_flags = flags;
  head.ifi_change = change;
  return head;
}

// 0 if no link has that name.
Result<int> find_link(RouteSocket& socket, const std::string& name) {
  int index = 0;
  Request request(RTM_GETLINK, NLM_F_ACK);
  request.fixed(link_head(0, 0, 0)).attribute(IFLA_IFNAME, name);
  Result<> done = socket.ask(
      std::move(request), [&](const nlmsghdr& message) { index = payload<ifinfomsg>(message)->ifi_index; });
  if (!done && done.error().code() == ENODEV) return 0;
  TRY(std::move(done));
  return index;
}

Result<std::vector<Address>> permanent_addresses(RouteSocket& socket, int index) {
  std::vector<Address> out;
  Request request(RTM_GETADDR, NLM_F_DUMP);
  request.fixed(ifaddrmsg{});
  TRY(socket.ask(std::move(request), [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWADDR) return;
    Address address = parse_address(message);
    bool wanted = static_cast<int>(address.head.ifa_index) == index &&
                  address.head.ifa_scope == RT_SCOPE_UNIVERSE && (address.flags & IFA_F_PERMANENT) != 0;
    if (wanted) out.push_back(std::move(address));
  }));
  return out;
}

Result<> add_address(RouteSocket& socket, const Address& address, int index) {
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
  ifaddrmsg head = address.head;
  head.ifa_index = static_cast<unsigned>(index);
  head.ifa_flags = 0;
  request.fixed(head);
  if (!address.local.empty()) request.attribute(IFA_LOCAL, address.local.data(), address.local.size());
  if (!address.address.empty())
    request.attribute(IFA_ADDRESS, address.address.data(), address.address.size());
  if (!address.broadcast.empty())
    request.attribute(IFA_BROADCAST, address.broadcast.data(), address.broadcast.size());
  return socket.ask(std::move(request)).in("address");
}

// Opens a socket in the other namespace, which we enter only for the opening.
Result<RouteSocket> open_inside(int netns) {
  TRY_ASSIGN(Fd own, open_file("/proc/self/ns/net", O_RDONLY));
  if (::setns(netns, CLONE_NEWNET) != 0) return Error::last_errno("enter network namespace");
  Result<RouteSocket> socket = RouteSocket::open();
  if (::setns(own.get(), CLONE_NEWNET) != 0) return Error::last_errno("return to own network namespace");
  return socket;
}

Result<std::string> free_name(RouteSocket& inside, const std::string& wanted) {
  size_t place = wanted.find("%d");
  if (place == std::string::npos) {
    TRY_ASSIGN(int used, find_link(inside, wanted));
    if (used != 0) return conflict("the container already has a device of that name: " + wanted);
    return wanted;
  }
  for (int number = 0; number < 4096; ++number) {
    std::string name = wanted;
    name.replace(place, 2, std::to_string(number));
    TRY_ASSIGN(int used, find_link(inside, name));
    if (used == 0) return name;
  }
  return conflict("no free name for " + wanted);
}

Result<> move_device(RouteSocket& host, RouteSocket& inside, int netns, const NetDeviceSpec& device) {
  TRY_ASSIGN(int index, find_link(host, device.host_name));
  if (index == 0) return not_found("no such device on the host");
  TRY_ASSIGN(std::vector<Address> addresses, permanent_addresses(host, index));
  TRY_ASSIGN(std::string name, free_name(inside, device.name));
  Request move(RTM_NEWLINK, NLM_F_ACK);
  move.fixed(link_head(index, 0, IFF_UP))
      .attribute(IFLA_NET_NS_FD, &netns, sizeof(netns))
      .attribute(IFLA_IFNAME, name);
  TRY(host.ask(std::move(move)).in("move"));
  TRY_ASSIGN(int moved, find_link(inside, name));
  for (const Address& address : addresses) TRY(add_address(inside, address, moved));
  Request up(RTM_NEWLINK, NLM_F_ACK);
  up.fixed(link_head(moved, IFF_UP, IFF_UP));
  return inside.ask(std::move(up)).in("set up");
}

bool same_namespace(const std::string& one, const std::string& other) {
  struct stat first{}, second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_ino == second.st_ino && first.st_dev == second.st_dev;
}

}  // namespace

Result<> move_net_devices(const std::vector<NetDeviceSpec>& devices, pid_t pid) {
  if (devices.empty()) return {};
  std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  if (same_namespace(path, "/proc/self/ns/net"))
    return invalid("netDevices requires a separate network namespace");
  TRY_ASSIGN(Fd netns, open_file(path, O_RDONLY));
  TRY_ASSIGN(RouteSocket host, RouteSocket::open());
  TRY_ASSIGN(RouteSocket inside, open_inside(netns.get()));
  for (const NetDeviceSpec& device : devices)
    TRY(move_device(host, inside, netns.get(), device).in("netDevices: " + device.host_name));
  return {};
}

}  // namespace stack::runtime
