// The protocol between the engine and stack-proxy: one JSON object per message over a SOCK_SEQPACKET Unix socket.
//
//   proxy -> engine, once after connecting, in one or more messages; all except the last have "more":
//     {"version":1,"ports":["<name>",...],"more":true}
//   engine -> proxy; only "settle" has an answer:
//     {"do":"add","name":"<name>","target":{"ip":"10.89.0.2","port":80,"local":false}}   with the port's socket
//     {"do":"target","name":"<name>","target":...}     null: connections wait
//     {"do":"remove","name":"<name>"}
//     {"do":"settle"}                                  answered with kSettled after all previous requests
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
// Invalid for messages that encode() does not produce.
Result<ProxyRequest> decode_request(std::string_view bytes, std::vector<Fd> fds);

struct ProxyGreeting {
  std::vector<std::string> ports;
  bool more = false;
};
// At least one message; each fits into a socket buffer.
std::vector<std::string> encode_greetings(const std::vector<std::string>& ports);
Result<ProxyGreeting> decode_greeting(std::string_view bytes);

inline constexpr std::string_view kSettled = "{\"settled\":true}";

// The largest message of either side.
inline constexpr size_t kMostControlBytes = 64 * 1024;

// SOCK_SEQPACKET sockets at a path of any length. listen_control() replaces an existing file; only the owner may connect.
// connect_control() returns NotFound if no process listens.
Result<Fd> listen_control(const std::string& path);
Result<Fd> connect_control(const std::string& path);

}  // namespace stack::proxy
