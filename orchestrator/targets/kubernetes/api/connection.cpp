#include "orchestrator/targets/kubernetes/api/connection.h"

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "orchestrator/targets/kubernetes/api/curl_handle.h"

namespace stack::targets::kubernetes {

namespace {

constexpr long kConnectSeconds = 10;
constexpr long kAnswerSeconds = 60;
constexpr size_t kMostBytes = size_t{256} << 20;
constexpr int kBusyTries = 8;
constexpr std::chrono::milliseconds kBusyPause{500};
constexpr int kTooManyRequests = 429, kUnavailable = 503, kUnauthorized = 401;

size_t on_text(char* data, size_t, size_t size, void* user) {
  auto& text = *static_cast<std::string*>(user);
  if (text.size() + size > kMostBytes) return 0;
  text.append(data, size);
  return size;
}

struct Streaming {
  const std::function<bool(std::string_view)>& take;
  CURL* handle = nullptr;
  std::string error_body = {};
  bool stopped = false;
};

size_t on_piece(char* data, size_t, size_t size, void* user) {
  auto& streaming = *static_cast<Streaming*>(user);
  long status = 0;
  curl_easy_getinfo(streaming.handle, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) {
    streaming.error_body.append(data, size);
    return size;
  }
  streaming.stopped = !streaming.take(std::string_view(data, size));
  return streaming.stopped ? 0 : size;
}

int status_of(CURL* handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

}  // namespace

void set_access(CURL* handle, const Access& access) {
  set_option(handle, CURLOPT_NOSIGNAL, 1L);
  set_option(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set_option(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_option(handle, CURLOPT_SSL_VERIFYPEER, access.verify ? 1L : 0L);
  set_option(handle, CURLOPT_SSL_VERIFYHOST, access.verify ? 2L : 0L);
  auto blob = [&](CURLoption option, const std::string& text) {
    if (text.empty()) return;
    curl_blob bytes{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
    (void)curl_easy_setopt(handle, option, &bytes);
  };
  blob(CURLOPT_CAINFO_BLOB, access.authority);
  blob(CURLOPT_SSLCERT_BLOB, access.certificate);
  blob(CURLOPT_SSLKEY_BLOB, access.key);
  set_option(handle, CURLOPT_SSLCERTTYPE, "PEM");
  if (!access.proxy.empty()) set_option(handle, CURLOPT_PROXY, access.proxy.c_str());
}

std::string authorization(const Access& access) {
  if (!access.token.empty()) return "Authorization: Bearer " + access.token;
  if (!access.user.empty())
    return "Authorization: Basic " + encode_base64(access.user + ":" + access.password);
  return "";
}

std::string failure_text(CURLcode code, const char* details) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return "connection refused";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "the host name cannot be resolved";
    case CURLE_OPERATION_TIMEDOUT:
      return "no answer in time";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "its certificate is not valid for this cluster: " + std::string(details);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
      return "the connection was lost";
    default:
      return details[0] != '\0' ? details : curl_easy_strerror(code);
  }
}

Error to_error(const ApiFailure& failure, const Access& access) {
  if (failure.lost())
    return Error(ErrorKind::Timeout, "the API server at " + access.server + ": " + failure.message);
  if (failure.status == kUnauthorized)
    return Error("the API server at " + access.server + " does not accept the credentials of context " +
                 access.context);
  constexpr int kNotFound = 404, kConflict = 409;
  ErrorKind kind = failure.status == kNotFound   ? ErrorKind::NotFound
                   : failure.status == kConflict ? ErrorKind::Conflict
                                                 : ErrorKind::Invalid;
  return {kind, failure.message};
}

ApiFailure failure_of(int status, const std::string& body) {
  ApiFailure failure;
  failure.status = status;
  auto answer = parse_json(body);
  if (answer && answer->is_object()) {
    failure.reason = string_or(*answer, "reason");
    failure.message = string_or(*answer, "message");
  }
  if (failure.message.empty()) {
    failure.message = body.substr(0, 200);
    while (!failure.message.empty() && failure.message.back() == '\n') failure.message.pop_back();
  }
  if (failure.message.empty())
    failure.message = "the API server answered with status " + std::to_string(status);
  return failure;
}

struct Connection::State {
  std::mutex mutex;
  std::vector<CurlHandle> idle;

  CurlHandle take() {
    std::scoped_lock lock(mutex);
    if (idle.empty()) return CurlHandle(curl_easy_init());
    CurlHandle handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void give(CurlHandle handle) {
    curl_easy_reset(handle.get());
    std::scoped_lock lock(mutex);
    idle.push_back(std::move(handle));
  }
};

Connection::Connection(Access access) : access_(std::move(access)), state_(std::make_unique<State>()) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)ready;
}
Connection::~Connection() = default;

namespace {

struct Exchange {
  CURLcode code = CURLE_OK;
  int status = 0;
  std::string details;
};

Exchange exchange(CURL* handle, const Access& access, const ApiRequest& request) {
  set_access(handle, access);
  ServerRoute route = route_to(access);
  CurlHeaders connect_to;
  if (!route.connect_to.empty()) add_header(connect_to, route.connect_to);
  set_option(handle, CURLOPT_CONNECT_TO, connect_to.get());
  std::string url = route.server + request.path;
  set_option(handle, CURLOPT_URL, url.c_str());
  set_option(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  CurlHeaders headers;
  add_header(headers, "Accept: application/json");
  add_header(headers, "User-Agent: stack");
  std::string allowed = authorization(access);
  if (!allowed.empty()) add_header(headers, allowed);
  if (!request.body.empty()) {
    add_header(headers, "Content-Type: " + request.content_type);
    add_header(headers, "Expect:");
    set_option(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set_option(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    set_option(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  set_option(handle, CURLOPT_HTTPHEADER, headers.get());
  char details[CURL_ERROR_SIZE] = {};
  set_option(handle, CURLOPT_ERRORBUFFER, details);
  Exchange out;
  out.code = curl_easy_perform(handle);
  out.status = status_of(handle);
  out.details = failure_text(out.code, details);
  set_option(handle, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  return out;
}

}  // namespace

ApiResult<std::string> Connection::text(const ApiRequest& request) {
  for (int attempt = 1;; ++attempt) {
    CurlHandle handle = state_->take();
    std::string body;
    set_option(handle.get(), CURLOPT_TIMEOUT, kAnswerSeconds);
    set_option(handle.get(), CURLOPT_WRITEFUNCTION, on_text);
    set_option(handle.get(), CURLOPT_WRITEDATA, &body);
    Exchange done = exchange(handle.get(), access_, request);
    if (done.code != CURLE_OK) return tl::unexpected(ApiFailure{0, "", done.details});
    state_->give(std::move(handle));
    bool busy = done.status == kTooManyRequests || done.status == kUnavailable;
    if (busy && attempt < kBusyTries) {
      std::this_thread::sleep_for(kBusyPause);
      continue;
    }
    if (done.status >= 300) return tl::unexpected(failure_of(done.status, body));
    return body;
  }
}

ApiResult<Json> Connection::call(const ApiRequest& request) {
  ApiResult<std::string> body = text(request);
  if (!body) return tl::unexpected(body.error());
  if (body->empty()) return Json(nullptr);
  auto answer = parse_json(*body);
  if (!answer) return tl::unexpected(ApiFailure{0, "", "the answer is not JSON"});
  return std::move(*answer);
}

ApiResult<std::monostate> Connection::stream(const ApiRequest& request,
                                             const std::function<bool(std::string_view)>& take) {
  CurlHandle handle = state_->take();
  Streaming streaming{take, handle.get()};
  set_option(handle.get(), CURLOPT_WRITEFUNCTION, on_piece);
  set_option(handle.get(), CURLOPT_WRITEDATA, &streaming);
  set_option(handle.get(), CURLOPT_TCP_KEEPALIVE, 1L);
  Exchange done = exchange(handle.get(), access_, request);
  if (streaming.stopped) return std::monostate{};
  if (done.code != CURLE_OK) return tl::unexpected(ApiFailure{0, "", done.details});
  if (done.status >= 300) return tl::unexpected(failure_of(done.status, streaming.error_body));
  return std::monostate{};
}

}  // namespace stack::targets::kubernetes
