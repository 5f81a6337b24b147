#include "images/source/registry/repository.h"

#include <curl/curl.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "base/units.h"
#include "images/source/registry/manifest.h"
#include "images/source/registry/url.h"
#include "model/image_reference.h"

namespace stack::images::registry {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMostRedirects = 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}
bool is_transient_status(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::string accept_manifests() {
  return std::string(kOciManifestType) + ", " + std::string(kOciIndexType) + ", " +
         std::string(kDockerManifestType) + ", " + std::string(kDockerIndexType) + ", */*;q=0.1";
}

// Up to a fifth more or less, so that many clients do not retry at the same moment.
milliseconds with_jitter(milliseconds wait) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int64_t> spread(-wait.count() / 5, wait.count() / 5);
  return wait + milliseconds(spread(random));
}

RegistryError transport_failure(TransportError error) {
  Failure failure = Failure::Local;
  if (error.error.kind() == ErrorKind::Canceled) {
    failure = Failure::Canceled;
  } else if (error.refused || error.not_tls) {
    failure = Failure::Unreachable;
  } else if (error.transient) {
    failure = Failure::Interrupted;
  }
  return {failure, std::move(error.error)};
}

RegistryError canceled() { return {Failure::Canceled, Error(ErrorKind::Canceled, "canceled")}; }

// Content-Range: bytes 100-199/200.
std::optional<int64_t> range_start(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  std::string_view digits = text.substr(0, text.find('-'));
  if (!is_all_digits(digits) || digits.size() > 18) return std::nullopt;
  return std::stoll(std::string(digits));
}

std::string one_line(std::string_view text, size_t most) {
  std::string out;
  for (char c : text.substr(0, most)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return std::string(trim(out));
}

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text, int64_t now) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  if (is_all_digits(text))
    return text.size() > 9 ? std::nullopt : std::optional(seconds(std::stoll(std::string(text))));
  time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return seconds(std::max<int64_t>(0, date - now));
}

std::string rate_limit_text(const ResponseHeaders& headers) {
  std::string limit = headers.get("ratelimit-limit");
  std::string remaining = headers.get("ratelimit-remaining");
  std::string count = limit.substr(0, limit.find(';'));
  if (!is_all_digits(count) || count.size() > 9) return {};
  std::string out = count + " pulls";
  size_t window = limit.find("w=");
  std::string length = window == std::string::npos ? "" : limit.substr(window + 2);
  if (is_all_digits(length) && length.size() < 9 && std::stol(length) >= 3600)
    out += " per " + std::to_string(std::stol(length) / 3600) + " hours";
  std::string left = remaining.substr(0, remaining.find(';'));
  if (is_all_digits(left)) out += ", " + left + " left";
  return out;
}

std::string error_body_text(std::string_view body) {
  Result<Json> json = parse_json(body);
  if (!json || !json->is_object()) return body.find('<') == std::string_view::npos ? one_line(body, 200) : "";
  std::string out;
  if (auto errors = json->find("errors"); errors != json->end() && errors->is_array())
    for (const Json& item : *errors) {
      std::string message = string_or(item, "message");
      if (message.empty()) message = lower(string_or(item, "code"));
      if (!message.empty() && out.size() < 400) out += (out.empty() ? "" : "; ") + one_line(message, 300);
    }
  return out.empty() ? one_line(string_or(*json, "message"), 300) : out;
}

Repository::Repository(Transport& transport, Authenticator& authenticator, Endpoint endpoint,
                       const Caller& caller, std::stop_token stop)
    : transport_(transport),
      authenticator_(authenticator),
      endpoint_(std::move(endpoint)),
      proxy_(caller.proxy),
      stop_(std::move(stop)) {
  endpoint_.tls.ca_files.insert(endpoint_.tls.ca_files.end(), caller.ca_files.begin(), caller.ca_files.end());
  size_t slash = endpoint_.credentials_for.find('/');
  Reference place{endpoint_.credentials_for.substr(0, slash),
                  slash == std::string::npos ? "" : endpoint_.credentials_for.substr(slash + 1), "", ""};
  if (const RegistryCredentials* found = find_credentials(caller.keyring, place)) credentials_ = *found;
  set_actions("pull");
}

RetryPolicy retry_policy(const Endpoint& endpoint, bool is_last) {
  RetryPolicy policy;
  if (is_last) return policy;
  if (endpoint.mirror) policy.attempts = 1;
  policy.retry_unreachable = false;
  return policy;
}

void Repository::set_retry(RetryPolicy policy, RetryNotice notice) {
  retry_ = policy;
  notice_ = std::move(notice);
}

void Repository::set_actions(const std::string& actions) {
  scopes_ = {"repository:" + endpoint_.repository + ":" + actions};
}

void Repository::add_scope(std::string scope) {
  if (std::find(scopes_.begin(), scopes_.end(), scope) != scopes_.end()) return;
  scopes_.push_back(std::move(scope));
  std::sort(scopes_.begin(), scopes_.end());
}

std::string Repository::url(std::string_view rest) const {
  std::string out = endpoint_.origin + "/v2/" + endpoint_.repository + "/";
  out.append(rest);
  return out;
}

AuthRequest Repository::auth_request() const {
  return {endpoint_.origin, scopes_, credentials_, endpoint_.tls, proxy_, stop_};
}

bool Repository::wait(milliseconds duration) const {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop_, duration, [] { return false; });
  return !stop_.stop_requested();
}

// The Authorization field is sent only to the registry's own origin, not to other origins after a redirect.
Answer<HttpResponse> Repository::follow_redirects(const Call& call, const std::string& authorization) {
  std::optional<Url> home = parse_url(endpoint_.origin);
  std::string url = call.url;
  for (int count = 0; count <= kMostRedirects; ++count) {
    std::optional<Url> place = parse_url(url);
    if (!place)
      return tl::unexpected(RegistryError{Failure::Unexpected, invalid("invalid address in a response")});
    bool at_home = home && place->origin() == home->origin();
    HttpRequest request;
    request.method = call.method;
    request.url = url;
    request.headers = call.headers;
    if (at_home && !authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    request.body = call.body;
    request.file = call.file;
    request.body_limit = call.body_limit;
    request.sink = call.sink;
    request.on_sent = call.on_sent;
    request.tls = endpoint_.tls;
    if (!at_home) request.tls.client_certificate.clear();
    request.proxy = proxy_;
    request.stop = stop_;
    Exchange<HttpResponse> answer = transport_.perform(request);
    if (!answer) return tl::unexpected(transport_failure(std::move(answer).error()));
    if (!call.follow || !is_redirect(answer->status)) return std::move(*answer);
    std::optional<Url> next = resolve_location(*place, answer->headers.get("location"));
    if (!next)
      return tl::unexpected(RegistryError{Failure::Unexpected, invalid("redirected to an unusable address")});
    url = next->text();
  }
  return tl::unexpected(RegistryError{Failure::Unexpected, invalid("redirected in a loop")});
}

Answer<HttpResponse> Repository::exchange(const Call& call) {
  if (!call.with_credentials) return follow_redirects(call, "");
  AuthRequest auth = auth_request();
  std::string authorization = authenticator_.known(auth).value_or("");
  Answer<HttpResponse> answer = follow_redirects(call, authorization);
  if (!answer || answer->status != 401) return answer;
  std::vector<std::string> challenges = answer->headers.all("www-authenticate");
  if (challenges.empty()) return answer;
  Result<std::string> next = authenticator_.answer(auth, challenges, authorization);
  if (!next) {
    if (next.error().kind() == ErrorKind::Canceled) return tl::unexpected(canceled());
    return tl::unexpected(RegistryError{Failure::Denied, std::move(next).error()});
  }
  return follow_redirects(call, *next);
}

RegistryError Repository::error_of(const HttpResponse& response) const {
  std::string reason = error_body_text(response.body);
  std::string text =
      "it answered " + std::to_string(response.status) + (reason.empty() ? "" : " (" + reason + ")");
  switch (response.status) {
    case 401:
    case 403:
      return {Failure::Denied, invalid(std::move(text))};
    case 404:
      return {Failure::NotFound, not_found(std::move(text))};
    case 429: {
      std::string limit = rate_limit_text(response.headers);
      auto after = parse_retry_after(response.headers.get("retry-after"), ::time(nullptr));
      if (!limit.empty()) text += ": " + limit;
      if (after) text += ": try again in " + human_duration(*after);
      return {Failure::RateLimited, Error(std::move(text))};
    }
    default:
      return {Failure::Unexpected, Error(std::move(text))};
  }
}

Answer<HttpResponse> Repository::send(const Call& call, std::initializer_list<int> accept) {
  int attempts = call.attempts > 0 ? call.attempts : retry_.attempts;
  milliseconds pause = retry_.first_wait;
  for (int attempt = 1;; ++attempt) {
    if (stop_.stop_requested()) return tl::unexpected(canceled());
    Answer<HttpResponse> answer = exchange(call);
    bool accepted = answer && (answer->status < 400 ||
                               std::find(accept.begin(), accept.end(), answer->status) != accept.end());
    if (accepted) return answer;
    RegistryError error = answer ? error_of(*answer) : std::move(answer).error();
    bool transient = answer ? is_transient_status(answer->status) : error.failure == Failure::Interrupted;
    std::optional<seconds> after =
        answer ? parse_retry_after(answer->headers.get("retry-after"), ::time(nullptr)) : std::nullopt;
    bool too_long = after && *after > retry_.longest_retry_after;
    // A refused connection is retried only once: either nothing listens or a restart is in progress.
    if (error.failure == Failure::Unreachable && retry_.retry_unreachable && attempt < std::min(2, attempts))
      transient = true;
    if (!transient || too_long || attempt >= attempts) return tl::unexpected(std::move(error));
    milliseconds wait_for = after ? milliseconds(*after) : with_jitter(pause);
    if (notice_ && wait_for >= seconds(1))
      notice_(endpoint_.name + ": " + error.error.text() + "; trying again in " +
              std::to_string((wait_for.count() + 999) / 1000) + "s");
    if (!wait(wait_for)) return tl::unexpected(canceled());
    pause = std::min(pause * 2, retry_.longest_wait);
  }
}

Answer<FetchedManifest> Repository::manifest(const std::string& reference) {
  Call call;
  call.url = url("manifests/" + reference);
  call.headers = {{"Accept", accept_manifests()}};
  call.body_limit = kLargestDocument;
  Answer<HttpResponse> answer = send(call);
  if (!answer) return tl::unexpected(std::move(answer).error());
  FetchedManifest out;
  out.bytes = std::move(answer->body);
  out.media_type = answer->headers.get("content-type");
  out.digest = "sha256:" + sha256_hex(out.bytes);
  bool by_digest = reference.find(':') != std::string::npos;
  std::string told = answer->headers.get("docker-content-digest");
  if (by_digest && reference != out.digest)
    return tl::unexpected(
        RegistryError{Failure::Unexpected, invalid("it sent a different manifest than " + reference)});
  if (is_sha256_digest(told) && told != out.digest)
    return tl::unexpected(RegistryError{Failure::Unexpected,
                                        invalid("the manifest's digest is " + out.digest + ", not " + told)});
  return out;
}

Answer<std::string> Repository::manifest_digest(const std::string& reference) {
  Call call;
  call.method = "HEAD";
  call.url = url("manifests/" + reference);
  call.attempts = 1;
  call.headers = {{"Accept", accept_manifests()}};
  Answer<HttpResponse> answer = send(call);
  if (!answer) return tl::unexpected(std::move(answer).error());
  std::string digest = answer->headers.get("docker-content-digest");
  return is_sha256_digest(digest) ? digest : std::string();
}

Answer<> Repository::blob(const std::string& digest, int64_t offset, const BlobSink& sink) {
  Call call;
  call.url = url("blobs/" + digest);
  return fetch_from(std::move(call), offset, sink);
}

Answer<> Repository::foreign_blob(const std::string& address, int64_t offset, const BlobSink& sink) {
  Call call;
  call.url = address;
  call.with_credentials = false;
  return fetch_from(std::move(call), offset, sink);
}

Answer<> Repository::fetch_from(Call call, int64_t offset, const BlobSink& sink) {
  call.headers = {{"Accept-Encoding", "identity"}};
  if (offset > 0) call.headers.emplace_back("Range", "bytes=" + std::to_string(offset) + "-");
  call.attempts = 1;
  call.sink = [&](const HttpResponse& response, std::string_view bytes) -> Result<> {
    bool restarted = response.status == 200;
    if (!restarted && range_start(response.headers.get("content-range")) != offset)
      return invalid("it sent a different part of the blob than requested");
    return sink(restarted, bytes);
  };
  Answer<HttpResponse> answer = send(call, {416});
  if (!answer) return tl::unexpected(std::move(answer).error());
  if (answer->status == 416) {
    // The local bytes are not the beginning of the registry's blob.
    Result<> told = sink(true, {});
    if (!told) return tl::unexpected(RegistryError{Failure::Local, std::move(told).error()});
    return tl::unexpected(RegistryError{Failure::Interrupted, Error("it has no such part of the blob")});
  }
  return {};
}

}  // namespace stack::images::registry
