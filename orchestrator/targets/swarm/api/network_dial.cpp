#include "orchestrator/targets/swarm/api/network_dial.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

namespace stack::targets::swarm {

namespace {

constexpr long kConnectSeconds = 15;
constexpr size_t kPiece = 65536;

struct CurlCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlOwner = std::unique_ptr<CURL, CurlCloser>;

template <typename T>
void set_curl(const CurlOwner& handle, CURLoption option, T value) {
  (void)curl_easy_setopt(handle.get(), option, value);
}

// Passes bytes between a local socket and libcurl's connection.
class Relay {
 public:
  Relay(CurlOwner handle, curl_socket_t remote, Fd local)
      : handle_(std::move(handle)), remote_(remote), local_(std::move(local)) {}

  void run() {
    while (!ended_) {
      // TLS may hold bytes that poll(2) does not see, so read first.
      while (receive()) {
      }
      if (ended_) break;
      pollfd ready[2] = {{local_.get(), static_cast<short>(local_open_ ? POLLIN : 0), 0},
                         {remote_, POLLIN, 0}};
      if (::poll(ready, 2, -1) < 0 && errno != EINTR) break;
      if (local_open_ && (ready[0].revents & (POLLIN | POLLHUP)) != 0) send();
      if (!local_open_ && (ready[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) break;
    }
  }

 private:
  // Whether bytes arrived.
  bool receive() {
    size_t size = 0;
    CURLcode code = curl_easy_recv(handle_.get(), buffer_, sizeof buffer_, &size);
    if (code == CURLE_AGAIN) return false;
    if (code != CURLE_OK || size == 0 || !pass_on(std::string_view(buffer_, size))) ended_ = true;
    return !ended_;
  }

  bool pass_on(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t size = ::send(local_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(size));
    }
    return true;
  }

  void send() {
    ssize_t size = ::read(local_.get(), buffer_, sizeof buffer_);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) {
      // A half-closed stream: the engine sees the end of the input.
      local_open_ = false;
      if (size == 0) ::shutdown(remote_, SHUT_WR);
      pollfd gone{local_.get(), 0, 0};
      if (::poll(&gone, 1, 0) > 0 && (gone.revents & POLLHUP) != 0) ended_ = true;
      return;
    }
    std::string_view left(buffer_, static_cast<size_t>(size));
    while (!left.empty() && !ended_) {
      size_t sent = 0;
      CURLcode code = curl_easy_send(handle_.get(), left.data(), left.size(), &sent);
      if (code == CURLE_AGAIN) {
        pollfd ready{remote_, POLLOUT, 0};
        (void)::poll(&ready, 1, 1000);
      } else if (code != CURLE_OK) {
        ended_ = true;
      }
      left.remove_prefix(sent);
    }
  }

  CurlOwner handle_;
  curl_socket_t remote_;
  Fd local_;
  bool local_open_ = true;
  bool ended_ = false;
  char buffer_[kPiece];
};

void set_tls(const CurlOwner& handle, const TcpEndpoint& endpoint) {
  set_curl(handle, CURLOPT_SSL_VERIFYPEER, endpoint.verify ? 1L : 0L);
  set_curl(handle, CURLOPT_SSL_VERIFYHOST, endpoint.verify ? 2L : 0L);
  if (!endpoint.authority.empty()) set_curl(handle, CURLOPT_CAINFO, endpoint.authority.c_str());
  if (!endpoint.certificate.empty()) set_curl(handle, CURLOPT_SSLCERT, endpoint.certificate.c_str());
  if (!endpoint.key.empty()) set_curl(handle, CURLOPT_SSLKEY, endpoint.key.c_str());
}

}  // namespace

Result<Fd> dial_tcp(const TcpEndpoint& endpoint) {
  CurlOwner handle(curl_easy_init());
  if (!handle) return Error("libcurl cannot be started");
  std::string url = (endpoint.tls ? "https://" : "http://") + endpoint.host;
  char details[CURL_ERROR_SIZE] = {};
  set_curl(handle, CURLOPT_URL, url.c_str());
  set_curl(handle, CURLOPT_NOSIGNAL, 1L);
  set_curl(handle, CURLOPT_NOPROXY, "*");
  set_curl(handle, CURLOPT_CONNECT_ONLY, 1L);
  set_curl(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set_curl(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set_curl(handle, CURLOPT_ERRORBUFFER, details);
  if (endpoint.tls) set_tls(handle, endpoint);
  CURLcode code = curl_easy_perform(handle.get());
  set_curl(handle, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  if (code != CURLE_OK) return Error(details[0] != 0 ? details : curl_easy_strerror(code));
  curl_socket_t remote = CURL_SOCKET_BAD;
  curl_easy_getinfo(handle.get(), CURLINFO_ACTIVESOCKET, &remote);
  TRY_ASSIGN(SocketPair pair, make_socket_pair(SOCK_STREAM));
  auto relay = std::make_shared<Relay>(std::move(handle), remote, std::move(pair.theirs));
  std::thread([relay] { relay->run(); }).detach();
  return std::move(pair.ours);
}

}  // namespace stack::targets::swarm
