// HTTP exchanges through libcurl: blocking, on the caller's thread, interruptible by a stop token. Independent of
// registries: no authentication, retries, or redirects.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stack::images::registry {

struct TlsSettings {
  bool verify = true;
  std::vector<std::string> ca_files;  // trusted in addition to the host's; PEM
  std::string client_certificate;     // PEM files; "" = none
  std::string client_key;
  bool operator==(const TlsSettings&) const = default;
};

// The caller's proxy variables (HTTPS_PROXY, NO_PROXY, ... in either case). If empty, no proxy is used.
using ProxySettings = std::map<std::string, std::string>;

// Field names in lower case, in order of arrival.
class ResponseHeaders {
 public:
  void add(std::string_view line);  // "Name: value"
  void clear() { items_.clear(); }
  std::string get(std::string_view name) const;  // the first one, or ""
  std::vector<std::string> all(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct HttpResponse {
  int status = 0;
  ResponseHeaders headers;
  std::string body;  // the part that no sink received
};

// A body that is part of an open file.
struct FilePart {
  int fd = -1;
  int64_t offset = 0;
  int64_t length = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<FilePart> file;         // instead of `body`
  size_t body_limit = size_t{1} << 20;  // of HttpResponse::body; more is an error
  // Receives the body of a response with status 200 or 206 in pieces; its error ends the exchange. Called with the
  // response as known so far.
  std::function<Result<>(const HttpResponse& response, std::string_view bytes)> sink;
  std::function<void(int64_t sent)> on_sent;  // bytes of `file` so far
  TlsSettings tls;
  ProxySettings proxy;
  std::stop_token stop;
};

// Why the response is missing or incomplete.
struct TransportError {
  Error error;
  bool transient = false;  // worth a retry: connection refused or lost, timeout, truncated body
  bool refused = false;    // there was no connection
  bool not_tls = false;    // the peer answered, but not with TLS
};

template <typename T>
using Exchange = tl::expected<T, TransportError>;

// Keeps connections between exchanges. Thread-safe: each exchange runs on a handle of its own.
class Transport {
 public:
  Transport();
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  Exchange<HttpResponse> perform(const HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The proxy for a URL by the usual variables, "" = none. Lower-case names win; HTTP_PROXY applies only to http.
std::string proxy_for(const ProxySettings& settings, std::string_view url);

}  // namespace stack::images::registry
