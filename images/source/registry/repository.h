// A repository at an endpoint, for one caller: the requests of the OCI distribution specification with
// authentication, redirects, retries, and rate limits. Blocks; may be used from several threads at once.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "images/source/registry/auth.h"
#include "images/source/registry/endpoint.h"
#include "images/source/registry/transport.h"

namespace stack::images::registry {

// The caller's credentials and network settings. Kept only in memory.
struct Caller {
  RegistryKeyring keyring;
  ProxySettings proxy;
  std::vector<std::string> ca_files;  // trusted in addition; PEM
};

// Why a request failed, to decide what to try next.
enum class Failure {
  NotFound,     // 404: no such repository, tag or blob
  Denied,       // 401, 403: credentials are missing or insufficient
  RateLimited,  // 429 after all retries
  Unreachable,  // no connection, no TLS
  Interrupted,  // the connection broke or stalled; the received data is valid
  Unexpected,   // any other answer
  Canceled,
  Local,  // writing on this machine failed
};

struct RegistryError {
  Failure failure = Failure::Unexpected;
  Error error;
};

template <typename T = void>
using Answer = tl::expected<T, RegistryError>;

struct FetchedManifest {
  std::string bytes;
  std::string media_type;  // the Content-Type
  std::string digest;      // of the bytes
};

// Called before a wait: "too many requests, trying again in 12s".
using RetryNotice = std::function<void(const std::string& text)>;

struct RetryPolicy {
  int attempts = 5;
  std::chrono::milliseconds first_wait{1000};
  std::chrono::milliseconds longest_wait{30000};
  // A longer Retry-After is reported instead of waited for.
  std::chrono::seconds longest_retry_after{60};
  bool retry_unreachable = true;  // once, if no connection was made
};
// For one of several endpoints: a mirror is tried once, and where the next endpoint is the same registry over plain HTTP, a failed TLS
// handshake is not repeated.
RetryPolicy retry_policy(const Endpoint& endpoint, bool is_last);

class Repository {
 public:
  Repository(Transport& transport, Authenticator& authenticator, Endpoint endpoint, const Caller& caller,
             std::stop_token stop);

  const Endpoint& endpoint() const { return endpoint_; }
  void set_retry(RetryPolicy policy, RetryNotice notice);
  // Sets the scope "repository:library/nginx:pull" and others, before the first request.
  void set_actions(const std::string& actions);  // "pull", "pull,push"
  void add_scope(std::string scope);
  void set_scopes(Scopes scopes) { scopes_ = std::move(scopes); }

  // `reference` is a tag or a digest; a digest is verified.
  Answer<FetchedManifest> manifest(const std::string& reference);
  // The digest of a tag without its manifest; "" if the registry does not send it. One attempt.
  Answer<std::string> manifest_digest(const std::string& reference);

  // The blob's bytes from `offset` on. The first call of `sink` says whether the registry honored the offset: if
  // `restarted` is true, the bytes begin at 0. One attempt: the caller resumes.
  using BlobSink = std::function<Result<>(bool restarted, std::string_view bytes)>;
  Answer<> blob(const std::string& digest, int64_t offset, const BlobSink& sink);
  // The same from one of a foreign layer's own addresses, without credentials.
  Answer<> foreign_blob(const std::string& url, int64_t offset, const BlobSink& sink);

  // A request below /v2/<repository>/ (or to a Location of an upload), with retries of transient failures.
  struct Call {
    std::string method = "GET";
    std::string url;  // absolute
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::optional<FilePart> file;
    size_t body_limit = size_t{1} << 20;
    std::function<Result<>(const HttpResponse&, std::string_view)> sink;
    std::function<void(int64_t)> on_sent;
    int attempts = 0;  // 0: the policy's
    bool follow = true;
    bool with_credentials = true;
  };
  // Any answer below 400, and 404, 416 and the like only if `accept` contains them.
  Answer<HttpResponse> send(const Call& call, std::initializer_list<int> accept = {});
  // "<origin>/v2/<repository>/" + rest.
  std::string url(std::string_view rest) const;

 private:
  Answer<HttpResponse> exchange(const Call& call);  // authentication and redirects
  Answer<HttpResponse> follow_redirects(const Call& call, const std::string& authorization);
  AuthRequest auth_request() const;
  Answer<> fetch_from(Call call, int64_t offset, const BlobSink& sink);
  RegistryError error_of(const HttpResponse& response) const;
  bool wait(std::chrono::milliseconds duration) const;  // false: stopped

  Transport& transport_;
  Authenticator& authenticator_;
  Endpoint endpoint_;
  RegistryCredentials credentials_;
  ProxySettings proxy_;
  std::stop_token stop_;
  Scopes scopes_;
  RetryPolicy retry_;
  RetryNotice notice_;
};

// Retry-After: seconds or an HTTP date; nullopt if absent or invalid. `now` in seconds since 1970.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, int64_t now);
// Docker Hub's "ratelimit-limit: 100;w=21600" and "ratelimit-remaining: 0;w=21600": "100 pulls per 6 hours, 0
// left"; "" if absent.
std::string rate_limit_text(const ResponseHeaders& headers);
// The messages of an error body ({"errors":[{code,message,detail}]}), or its beginning; one line.
std::string error_body_text(std::string_view body);

}  // namespace stack::images::registry
