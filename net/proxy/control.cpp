#include "net/proxy/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/files.h"
#include "base/json.h"

namespace stack::proxy {

namespace {

constexpr int kVersion = 1;
constexpr size_t kNamesPerGreeting = 256;
constexpr size_t kLongestName = 200;

Json target_json(const std::optional<Target>& target) {
  if (!target) return nullptr;
  return {{"ip", target->ip.text()}, {"port", target->port}, {"local", target->local_only}};
}

Result<std::optional<Target>> read_target(const Json& json) {
  if (json.is_null()) return std::optional<Target>();
  TRY_ASSIGN(IpAddress ip, parse_ip(string_or(json, "ip")));
  int64_t port = int_or(json, "port");
  if (port < 1 || port > 65535) return invalid("port out of range");
  return std::optional(Target{ip, static_cast<uint16_t>(port), bool_or(json, "local")});
}

// Reaches a path longer than sun_path through a descriptor of its folder.
struct ControlAddress {
  Fd folder;
  sockaddr_un address{};
};

Result<ControlAddress> control_address(const std::string& path) {
  ControlAddress out;
  TRY_ASSIGN(out.folder, open_file(directory_name(path), O_PATH | O_DIRECTORY));
  std::string name = "/proc/self/fd/" + std::to_string(out.folder.get()) + "/" + base_name(path);
  if (name.size() >= sizeof(out.address.sun_path)) return invalid("socket name too long: " + path);
  out.address.sun_family = AF_UNIX;
  std::memcpy(out.address.sun_path, name.c_str(), name.size() + 1);
  return out;
}

Result<Fd> control_socket() {
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::last_errno("socket");
  return socket;
}

}  // namespace

std::string encode(const ProxyRequest& request) {
  using Kind = ProxyRequest::Kind;
  if (request.kind == Kind::Settle) return to_text({{"do", "settle"}});
  Json json{{"do", "remove"}, {"name", request.name}};
  if (request.kind == Kind::Remove) return to_text(json);
  json["do"] = request.kind == Kind::Add ? "add" : "target";
  json["target"] = target_json(request.target);
  return to_text(json);
}

Result<ProxyRequest> decode_request(std::string_view bytes, std::vector<Fd> fds) {
  using Kind = ProxyRequest::Kind;
  static const std::map<std::string, Kind> kinds{
      {"add", Kind::Add}, {"target", Kind::SetTarget}, {"remove", Kind::Remove}, {"settle", Kind::Settle}};
  TRY_ASSIGN(Json json, parse_json(bytes));
  auto kind = json.is_object() ? kinds.find(string_or(json, "do")) : kinds.end();
  if (kind == kinds.end()) return invalid("unknown request");
  ProxyRequest request;
  request.kind = kind->second;
  request.name = string_or(json, "name");
  bool named = request.kind != Kind::Settle;
  if (named && (request.name.empty() || request.name.size() > kLongestName)) return invalid("bad name");
  bool add = request.kind == Kind::Add;
  if (fds.size() != (add ? 1U : 0U)) return invalid("wrong number of descriptors");
  if (add) request.socket = std::move(fds.front());
  TRY_ASSIGN(request.target, read_target(json.value("target", Json())));
  return request;
}

std::vector<std::string> encode_greetings(const std::vector<std::string>& ports) {
  std::vector<std::string> out;
  for (size_t at = 0; at == 0 || at < ports.size(); at += kNamesPerGreeting) {
    size_t end = std::min(at + kNamesPerGreeting, ports.size());
    std::vector<std::string> part(ports.begin() + static_cast<std::ptrdiff_t>(at),
                                  ports.begin() + static_cast<std::ptrdiff_t>(end));
    out.push_back(to_text({{"version", kVersion}, {"ports", part}, {"more", end < ports.size()}}));
  }
  return out;
}

Result<ProxyGreeting> decode_greeting(std::string_view bytes) {
  TRY_ASSIGN(Json json, parse_json(bytes));
  if (!json.is_object() || int_or(json, "version") != kVersion)
    return invalid("stack-proxy of another version");
  ProxyGreeting greeting;
  greeting.more = bool_or(json, "more");
  for (const Json& name : json.value("ports", Json::array()))
    if (name.is_string()) greeting.ports.push_back(name.get<std::string>());
  return greeting;
}

Result<Fd> listen_control(const std::string& path) {
  TRY_ASSIGN(ControlAddress place, control_address(path));
  TRY_ASSIGN(Fd socket, control_socket());
  (void)::unlinkat(place.folder.get(), base_name(path).c_str(), 0);
  // Sets the mode of the new file, so that others cannot connect before chmod.
  (void)::fchmod(socket.get(), 0600);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&place.address), sizeof(place.address)) != 0 ||
      ::listen(socket.get(), 8) != 0)
    return Error::last_errno("listen on " + path);
  return socket;
}

Result<Fd> connect_control(const std::string& path) {
  TRY_ASSIGN(ControlAddress place, control_address(path));
  TRY_ASSIGN(Fd socket, control_socket());
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&place.address), sizeof(place.address)) == 0)
    return socket;
  if (errno == ENOENT || errno == ECONNREFUSED) return not_found("no process listens on " + path);
  return Error::last_errno("connect to " + path);
}

}  // namespace stack::proxy
