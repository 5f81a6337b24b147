// What the engine and stack-proxy say to each other: one JSON object a message, over a SOCK_SEQPACKET unix socket.
//
//   proxy -> engine, once after connecting, in one or more messages of which all but the last have "more":
//     {"version":1,"ports":["<name>",...],"more":true}
//   engine -> proxy, without answers but for the last:
//     {"do":"add","name":"<name>","target":{"ip":"10.89.0.2","port":80,"local":false}}   with the port's socket
//     {"do":"target","name":"<name>","target":...}     null: connections wait
//     {"do":"remove","name":"<name>"}
//     {"do":"settle"}                                  answered by kSettled when all of the above is done
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "net/proxy/port_proxy.h"

namespace stack::proxy {

struct ProxyRequest {
  enum class Kind { Add, SetTarget, Remove, Settle };
  Kind kind = Kind::Remove;
  std::string name;
  std::optional<Target> target;
  Fd socket;  // Add only
};

std::string encode(const ProxyRequest& request);
// Invalid for anything that encode() does not write.
Result<ProxyRequest> decode_request(std::string_view bytes, std::vector<Fd> fds);

struct ProxyGreeting {
  std::vector<std::string> ports;
  bool more = false;
};
// In messages that fit into a socket's buffer, at least one.
std::vector<std::string> encode_greetings(const std::vector<std::string>& ports);
Result<ProxyGreeting> decode_greeting(std::string_view bytes);

inline constexpr std::string_view kSettled = "{\"settled\":true}";

// The largest message of either side.
inline constexpr size_t kMostControlBytes = 64 * 1024;

// SOCK_SEQPACKET sockets by path, of any length. listen_control() replaces what is there; only the owner may connect.
// connect_control(): NotFound where nobody listens.
Result<Fd> listen_control(const std::string& path);
Result<Fd> connect_control(const std::string& path);

}  // namespace stack::proxy
