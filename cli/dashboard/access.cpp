#include "cli/dashboard/access.h"

#include <algorithm>

#include "base/identity.h"

namespace stack::cli {

namespace {

constexpr size_t kSecretBytes = 32;

// Takes the same time wherever the texts differ.
bool equal_secrets(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  return difference == 0;
}

}  // namespace

std::string Access::new_token() {
  std::lock_guard lock(mutex_);
  token_ = random_hex(kSecretBytes);
  return token_;
}

std::string Access::link(const std::string& token) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/#token=" + token;
}

std::optional<std::string> Access::open_session(std::string_view token) {
  std::lock_guard lock(mutex_);
  if (token_.empty() || !equal_secrets(token, token_)) return std::nullopt;
  token_.clear();
  sessions_.push_back(random_hex(kSecretBytes));
  return sessions_.back();
}

bool Access::is_session(std::string_view secret) const {
  std::lock_guard lock(mutex_);
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [&](const std::string& one) { return equal_secrets(secret, one); });
}

const char* Access::foreign(const http::Headers& headers) const {
  const std::string port = ":" + std::to_string(port_);
  const std::string host = headers.get("Host");
  if (host != "127.0.0.1" + port && host != "localhost" + port)
    return "the Host field is not the address of this dashboard";
  std::optional<std::string_view> origin = headers.find("Origin");
  if (origin && *origin != "http://" + host) return "requests from other web pages are not allowed";
  return nullptr;
}

const char* Access::foreign_script(const http::Headers& headers) const {
  const std::string site = headers.get("Sec-Fetch-Site", "none");
  if (site != "same-origin" && site != "none") return "requests from other web pages are not allowed";
  return nullptr;
}

}  // namespace stack::cli
