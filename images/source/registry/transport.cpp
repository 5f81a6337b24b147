#include "images/source/registry/transport.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "base/files.h"
#include "base/text.h"
#include "images/source/registry/url.h"

namespace stack::images::registry {

namespace {

constexpr long kConnectSeconds = 15;
// A transfer that moves less than a byte a second for this long is stalled.
constexpr long kStallSeconds = 30;
constexpr long kBufferBytes = 256 * 1024;
constexpr size_t kMostHeaderBytes = 256 * 1024;
constexpr const char* kHostBundle = "/etc/ssl/certs/ca-certificates.crt";

struct HandleCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleCloser>;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

// State shared by the callbacks of one exchange.
struct Running {
  const HttpRequest& request;
  HttpResponse response;
  size_t header_bytes = 0;
  int64_t sent = 0;
  std::optional<Error> failure;  // of a callback
};

bool is_success(int status) { return status == 200 || status == 206; }

size_t on_header(char* data, size_t, size_t size, void* user) {
  auto& running = *static_cast<Running*>(user);
  std::string_view line = trim(std::string_view(data, size));
  running.header_bytes += size;
  if (running.header_bytes > kMostHeaderBytes) {
    running.failure = invalid("the answer's header is too long");
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // also after "100 Continue", and of a proxy's CONNECT
    running.response.headers.clear();
    size_t blank = line.find(' ');
    running.response.status = 0;
    if (blank != std::string_view::npos)
      for (char c : line.substr(blank + 1, 3))
        if (c >= '0' && c <= '9') running.response.status = running.response.status * 10 + (c - '0');
  } else if (!line.empty()) {
    running.response.headers.add(line);
  }
  return size;
}

size_t on_body(char* data, size_t, size_t size, void* user) {
  auto& running = *static_cast<Running*>(user);
  std::string_view bytes(data, size);
  if (running.request.sink && is_success(running.response.status)) {
    Result<> taken = running.request.sink(running.response, bytes);
    if (taken) return size;
    running.failure = std::move(taken).error();
    return 0;
  }
  if (running.response.body.size() + size > running.request.body_limit) {
    if (running.response.status >= 400) return size;  // an error page: its beginning is enough
    running.failure =
        invalid("the answer is larger than " + std::to_string(running.request.body_limit) + " bytes");
    return 0;
  }
  running.response.body.append(bytes);
  return size;
}

size_t on_read(char* buffer, size_t, size_t size, void* user) {
  auto& running = *static_cast<Running*>(user);
  const FilePart& part = *running.request.file;
  size_t wanted =
      static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(size), part.length - running.sent));
  if (wanted == 0) return 0;
  ssize_t n = ::pread(part.fd, buffer, wanted, part.offset + running.sent);
  if (n <= 0) {
    running.failure = n == 0 ? Error("the file became shorter while it was sent") : Error::last_errno("read");
    return CURL_READFUNC_ABORT;
  }
  running.sent += n;
  if (running.request.on_sent) running.request.on_sent(running.sent);
  return static_cast<size_t>(n);
}

// The server asked for the body again (a kept connection had been closed).
int on_seek(void* user, curl_off_t offset, int origin) {
  auto& running = *static_cast<Running*>(user);
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  running.sent = offset;
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Running*>(user)->request.stop.stop_requested() ? 1 : 0;
}

template <typename T>
void set(CURL* handle, CURLoption option, T value) {
  (void)curl_easy_setopt(handle, option, value);
}

// The host's bundle and the extra files as one; nullopt if the host's bundle suffices.
std::optional<std::string> joined_bundle(const TlsSettings& tls) {
  if (tls.ca_files.empty()) return std::nullopt;
  std::string out = read_file(kHostBundle).value_or(std::string());
  for (const std::string& file : tls.ca_files)
    out += "\n" + read_file(file, size_t{4} << 20).value_or(std::string());
  return out;
}

void set_tls(CURL* handle, const TlsSettings& tls) {
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(handle, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(handle, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (std::optional<std::string> bundle = joined_bundle(tls)) {
    curl_blob blob{bundle->data(), bundle->size(), CURL_BLOB_COPY};
    (void)curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (tls.client_certificate.empty()) return;
  set(handle, CURLOPT_SSLCERT, tls.client_certificate.c_str());
  set(handle, CURLOPT_SSLKEY, tls.client_key.c_str());
}

HeaderList header_list(const HttpRequest& request) {
  HeaderList list;
  auto add = [&](const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); };
  add("Expect:");  // without it curl waits a second for "100 Continue"
  for (const auto& [name, value] : request.headers) add(value.empty() ? name + ";" : name + ": " + value);
  return list;
}

void set_body(CURL* handle, const HttpRequest& request, Running& running) {
  if (request.method == "HEAD") {
    set(handle, CURLOPT_NOBODY, 1L);
  } else if (request.file) {
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_READFUNCTION, on_read);
    set(handle, CURLOPT_READDATA, &running);
    set(handle, CURLOPT_SEEKFUNCTION, on_seek);
    set(handle, CURLOPT_SEEKDATA, &running);
    set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.file->length));
  } else if (request.method != "GET") {
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method != "GET" && request.method != "HEAD")
    set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_all(CURL* handle, const HttpRequest& request, Running& running, curl_slist* headers) {
  curl_easy_reset(handle);  // keeps live connections, the DNS cache and TLS sessions
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_HTTPHEADER, headers);
  set(handle, CURLOPT_USERAGENT, "stack");
  set(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(handle, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  // A compressed document is decoded though we ask for none; what goes to a sink is checked by its own digest.
  if (!request.sink) set(handle, CURLOPT_ACCEPT_ENCODING, "identity");
  set(handle, CURLOPT_BUFFERSIZE, kBufferBytes);
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_HEADERFUNCTION, on_header);
  set(handle, CURLOPT_HEADERDATA, &running);
  set(handle, CURLOPT_WRITEFUNCTION, on_body);
  set(handle, CURLOPT_WRITEDATA, &running);
  set(handle, CURLOPT_NOPROGRESS, 0L);
  set(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  set(handle, CURLOPT_XFERINFODATA, &running);
  // "" keeps curl from using the engine's environment: the caller's settings apply.
  std::string proxy = proxy_for(request.proxy, request.url);
  set(handle, CURLOPT_PROXY, proxy.c_str());
  set(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set_tls(handle, request.tls);
  set_body(handle, request, running);
}

bool is_transient(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

bool is_refused(CURLcode code) {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         code == CURLE_COULDNT_RESOLVE_PROXY;
}

std::string reason_of(CURLcode code, const char* detail) {
  std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  while (!text.empty() && (text.back() == '.' || text.back() == '\n' || text.back() == ' ')) text.pop_back();
  bool is_name = text.starts_with("OpenSSL");
  if (!is_name && text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a')
    text[0] = static_cast<char>(text[0] + 32);
  return text;
}

TransportError failure_of(CURLcode code, const char* detail, Running& running) {
  if (running.request.stop.stop_requested())
    return {Error(ErrorKind::Canceled, "canceled"), false, false, false};
  if (running.failure) return {std::move(*running.failure), false, false, false};
  ErrorKind kind = code == CURLE_OPERATION_TIMEDOUT ? ErrorKind::Timeout : ErrorKind::Internal;
  return {Error(kind, reason_of(code, detail)), is_transient(code), is_refused(code),
          code == CURLE_SSL_CONNECT_ERROR};
}

void initialize_curl() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
}

bool covers(std::string_view entry, std::string_view host) {
  if (entry == "*") return true;
  while (entry.starts_with('.') || entry.starts_with('*')) entry.remove_prefix(1);
  if (entry.empty()) return false;
  return host == entry ||
         (host.size() > entry.size() && host.ends_with(entry) && host[host.size() - entry.size() - 1] == '.');
}

std::string setting(const ProxySettings& settings, const std::string& name) {
  auto found = settings.find(lower(name));
  if (found == settings.end()) found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

}  // namespace

void ResponseHeaders::add(std::string_view line) {
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  items_.emplace_back(lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1))));
}

std::string ResponseHeaders::get(std::string_view name) const {
  for (const auto& [key, value] : items_)
    if (key == name) return value;
  return {};
}

std::vector<std::string> ResponseHeaders::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : items_)
    if (key == name) out.push_back(value);
  return out;
}

std::string proxy_for(const ProxySettings& settings, std::string_view url) {
  std::optional<Url> parsed = parse_url(url);
  if (!parsed) return {};
  for (const std::string& entry : split(setting(settings, "NO_PROXY"), ',')) {
    std::string item = lower(trim(entry));
    if (covers(item, parsed->host) || item == parsed->authority()) return {};
  }
  std::string own = setting(settings, parsed->scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY");
  return own.empty() ? setting(settings, "ALL_PROXY") : own;
}

struct Transport::State {
  std::mutex mutex;
  std::vector<Handle> idle;

  Handle take() {
    std::lock_guard guard(mutex);
    if (idle.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }

  void give_back(Handle handle) {
    constexpr size_t kMostIdle = 8;
    std::lock_guard guard(mutex);
    if (idle.size() < kMostIdle) idle.push_back(std::move(handle));
  }
};

Transport::Transport() : state_(std::make_unique<State>()) { initialize_curl(); }
Transport::~Transport() = default;

Exchange<HttpResponse> Transport::perform(const HttpRequest& request) {
  Handle handle = state_->take();
  if (!handle) return tl::unexpected(TransportError{Error("out of memory"), false, false, false});
  Running running{request, {}, 0, 0, {}};
  HeaderList headers = header_list(request);
  char detail[CURL_ERROR_SIZE] = "";
  set_all(handle.get(), request, running, headers.get());
  set(handle.get(), CURLOPT_ERRORBUFFER, detail);
  CURLcode code = curl_easy_perform(handle.get());
  set(handle.get(), CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  if (code != CURLE_OK) return tl::unexpected(failure_of(code, detail, running));
  state_->give_back(std::move(handle));
  return std::move(running.response);
}

}  // namespace stack::images::registry
