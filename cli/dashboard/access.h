// Decides who may use the dashboard: the one-time token of its link, the sessions opened by it, and the checks against other
// web pages (DNS rebinding, requests across origins). Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/wire/headers.h"

namespace stack::cli {

class Access {
 public:
  // The port of the listener on 127.0.0.1.
  explicit Access(uint16_t port) : port_(port) {}

  // A new token for one session; replaces a token that was not used.
  std::string new_token();
  // The link for the user. The token is in the fragment, which browsers do not send, log, or pass on.
  std::string link(const std::string& token) const;
  // Opens a session with the token, which is void afterward. nullopt for any other text.
  std::optional<std::string> open_session(std::string_view token);
  bool is_session(std::string_view secret) const;

  // nullptr, or why no page of ours can have sent this request: the Host is not this loopback address and port, or the Origin
  // is another one.
  const char* foreign(const http::Headers& headers) const;
  // The same for requests of the page's scripts, which never come from another site. Links to the page may.
  const char* foreign_script(const http::Headers& headers) const;

 private:
  uint16_t port_;
  mutable std::mutex mutex_;
  std::string token_;  // "" if it has been used
  std::vector<std::string> sessions_;
};

}  // namespace stack::cli
