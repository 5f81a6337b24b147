#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace stack::test {

namespace {

// The header up to the blank line, and the bytes after it.
std::optional<std::pair<std::string, std::string>> read_head(int connection) {
  std::string bytes;
  char buffer[4096];
  for (;;) {
    size_t end = bytes.find("\r\n\r\n");
    if (end != std::string::npos) return std::pair(bytes.substr(0, end), bytes.substr(end + 4));
    ssize_t n = ::read(connection, buffer, sizeof buffer);
    // A TLS handshake, which this server does not support.
    if (n <= 0 || (bytes.empty() && buffer[0] == 0x16)) return std::nullopt;
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

ServedRequest parse_head(const std::string& head) {
  ServedRequest out;
  std::vector<std::string> lines = split(head, '\n');
  std::vector<std::string> first = split(trim(lines[0]), ' ');
  out.method = first[0];
  if (first.size() > 1) out.target = first[1];
  for (size_t i = 1; i < lines.size(); ++i) {
    size_t colon = lines[i].find(':');
    if (colon != std::string::npos)
      out.headers[lower(lines[i].substr(0, colon))] = std::string(trim(lines[i].substr(colon + 1)));
  }
  return out;
}

}  // namespace

std::string ServedRequest::header(const std::string& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  // A disconnected client must not kill the process; the engine ignores the signal as well.
  ::signal(SIGPIPE, SIG_IGN);
  listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  (void)!::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
  (void)!::listen(listener_.get(), 64);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  ending_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void HttpServer::accept_all() {
  while (!ending_) {
    int connection = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    connections_.emplace_back([this, connection] { serve(connection); });
  }
}

void HttpServer::serve(int connection) {
  Fd owner(connection);
  auto head = read_head(connection);
  if (!head) return;
  ServedRequest request = parse_head(head->first);
  request.body = head->second;
  std::string length = request.header("content-length");
  size_t wanted = is_all_digits(length) ? std::stoul(length) : 0;
  char buffer[65536];
  while (request.body.size() < wanted) {
    ssize_t n = ::read(connection, buffer, sizeof buffer);
    if (n <= 0) return;
    request.body.append(buffer, static_cast<size_t>(n));
  }
  {
    std::lock_guard guard(mutex_);
    requests_.push_back(request);
  }
  Reply reply = handler_(request);
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nConnection: close\r\n";
  for (const auto& [name, value] : reply.headers) out += name + ": " + value + "\r\n";
  out += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
  if (request.method != "HEAD") out += reply.body.substr(0, reply.cut_after.value_or(std::string::npos));
  (void)write_all(connection, out);
}

std::vector<ServedRequest> HttpServer::requests() const {
  std::lock_guard guard(mutex_);
  return requests_;
}

size_t HttpServer::count(const std::string& method_and_target) const {
  std::vector<ServedRequest> all = requests();
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const ServedRequest& one) {
    return one.method + " " + one.target == method_and_target;
  }));
}

Reply challenge(const std::string& value) {
  return {401, {{"WWW-Authenticate", value}}, "{\"errors\":[]}", {}};
}

Reply ranged(const ServedRequest& request, const std::string& bytes) {
  std::string range = request.header("range");
  if (!range.starts_with("bytes=")) return {200, {}, bytes, {}};
  size_t from = std::stoul(range.substr(6));
  if (from >= bytes.size()) return {416, {}, "", {}};
  return {206,
          {{"Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(bytes.size() - 1) + "/" +
                                 std::to_string(bytes.size())}},
          bytes.substr(from),
          {}};
}

}  // namespace stack::test
