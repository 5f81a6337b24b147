// Small network clients, like a user's browser or tool.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/json.h"

namespace stack::e2e {

struct HttpAnswer {
  int status = 0;  // 0: no response
  std::string body;
};

HttpAnswer http_get(const std::string& address, int port, const std::string& path,
                    std::chrono::milliseconds timeout = std::chrono::seconds(5));

// One request on the engine's socket; `body` null sends none.
struct ApiAnswer {
  int status = 0;
  Json body;
};
ApiAnswer api_call(const std::string& socket, const std::string& method, const std::string& path,
                   const Json& body = nullptr);

bool tcp_connects(const std::string& address, int port,
                  std::chrono::milliseconds timeout = std::chrono::seconds(1));

// Sends one datagram and waits for one.
std::optional<std::string> udp_ask(const std::string& address, int port, const std::string& text,
                                   std::chrono::milliseconds timeout = std::chrono::seconds(2));

}  // namespace stack::e2e
