#include "orchestrator/targets/kubernetes/api/websocket.h"

#include <poll.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/text.h"
#include "orchestrator/targets/kubernetes/api/curl_handle.h"

namespace stack::targets::kubernetes {

namespace {

constexpr uint8_t kBinary = 2, kClose = 8, kPing = 9, kPong = 10;
constexpr size_t kMostPayload = size_t{64} << 20;
constexpr int kHandshakeMs = 30'000;

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  if (getrandom(out.data(), out.size(), 0) < 0) out.assign(count, 'x');
  return out;
}

}  // namespace

std::string client_frame(uint8_t opcode, std::string_view payload, std::string_view mask) {
  std::string out;
  out += static_cast<char>(0x80 | opcode);
  size_t size = payload.size();
  constexpr size_t kShort = 126, kMedium = 65536;
  if (size < kShort) {
    out += static_cast<char>(0x80 | size);
  } else if (size < kMedium) {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((size >> shift) & 0xff);
  }
  out += mask;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  return out;
}

Result<std::optional<FrameReader::Message>> FrameReader::next() {
  for (;;) {
    if (pending_.size() < 2) return std::optional<Message>();
    auto byte = [&](size_t i) { return static_cast<uint8_t>(pending_[i]); };
    bool last = (byte(0) & 0x80) != 0;
    uint8_t opcode = byte(0) & 0x0f;
    if ((byte(0) & 0x70) != 0 || (byte(1) & 0x80) != 0) return invalid("the server sent an invalid frame");
    uint64_t size = byte(1) & 0x7f;
    size_t head = 2;
    if (size >= 126) {
      size_t extra = size == 126 ? 2 : 8;
      if (pending_.size() < head + extra) return std::optional<Message>();
      size = 0;
      for (size_t i = 0; i < extra; ++i) size = size << 8 | byte(head + i);
      head += extra;
    }
    if (size > kMostPayload) return invalid("the server sent a frame that is too large");
    if (pending_.size() < head + size) return std::optional<Message>();
    std::string payload = pending_.substr(head, size);
    pending_.erase(0, head + size);
    if (opcode >= 8) return std::optional(Message{opcode, std::move(payload)});
    if (opcode != 0) fragments_opcode_ = opcode;
    fragments_ += payload;
    if (fragments_.size() > kMostPayload) return invalid("the server sent a message that is too large");
    if (last) return std::optional(Message{fragments_opcode_, std::exchange(fragments_, {})});
  }
}

struct WebSocket::State {
  CurlHandle handle;
  FrameReader reader;
  std::string protocol;
  bool closed = false;
  curl_socket_t socket = CURL_SOCKET_BAD;

  bool wait(short events, int milliseconds) const {
    pollfd ready{socket, events, 0};
    return ::poll(&ready, 1, milliseconds) > 0;
  }
  Result<> write(std::string_view bytes) {
    while (!bytes.empty()) {
      size_t sent = 0;
      CURLcode code = curl_easy_send(handle.get(), bytes.data(), bytes.size(), &sent);
      if (code == CURLE_AGAIN) {
        if (!wait(POLLOUT, kHandshakeMs)) return Error("the connection to the API server stalled");
        continue;
      }
      if (code != CURLE_OK) return Error("the connection to the API server was lost");
      bytes.remove_prefix(sent);
    }
    return {};
  }
  // The bytes that have arrived; "" if there are none. At the end, sets `closed`.
  std::string read() {
    char buffer[16384];
    size_t size = 0;
    CURLcode code = curl_easy_recv(handle.get(), buffer, sizeof buffer, &size);
    if (code == CURLE_AGAIN) return "";
    if (code != CURLE_OK || size == 0) closed = true;
    return code == CURLE_OK ? std::string(buffer, size) : "";
  }
};

WebSocket::WebSocket(std::unique_ptr<State> state) : state_(std::move(state)) {}
WebSocket::WebSocket(WebSocket&&) noexcept = default;
WebSocket::~WebSocket() = default;

ApiResult<WebSocket> WebSocket::connect(const Access& access, const std::string& path,
                                        const std::vector<std::string>& protocols) {
  auto state = std::make_unique<State>();
  state->handle.reset(curl_easy_init());
  CURL* handle = state->handle.get();
  set_access(handle, access);
  ServerRoute route = route_to(access);
  CurlHeaders connect_to;
  if (!route.connect_to.empty()) add_header(connect_to, route.connect_to);
  set_option(handle, CURLOPT_CONNECT_TO, connect_to.get());
  set_option(handle, CURLOPT_URL, route.server.c_str());
  set_option(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set_option(handle, CURLOPT_CONNECT_ONLY, 1L);
  char details[CURL_ERROR_SIZE] = {};
  set_option(handle, CURLOPT_ERRORBUFFER, details);
  CURLcode code = curl_easy_perform(handle);
  set_option(handle, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  if (code != CURLE_OK) return tl::unexpected(ApiFailure{0, "", failure_text(code, details)});
  curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &state->socket);

  size_t scheme = route.server.find("://");
  std::string host = route.server.substr(scheme == std::string::npos ? 0 : scheme + 3);
  std::string base = host.find('/') == std::string::npos ? "" : host.substr(host.find('/'));
  host = host.substr(0, host.find('/'));
  std::string request = "GET " + base + path + " HTTP/1.1\r\nHost: " + host +
                        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
                        "Sec-WebSocket-Key: " + encode_base64(random_bytes(16)) +
                        "\r\nSec-WebSocket-Protocol: " + join(protocols, ", ") + "\r\n";
  std::string allowed = authorization(access);
  if (!allowed.empty()) request += allowed + "\r\n";
  auto lost = [](std::string text) { return tl::unexpected(ApiFailure{0, "", std::move(text)}); };
  if (auto sent = state->write(request + "\r\n"); !sent) return lost(sent.error().text());
  std::string answer;
  size_t end = std::string::npos;
  while ((end = answer.find("\r\n\r\n")) == std::string::npos) {
    answer += state->read();
    if (state->closed || answer.size() > 65536) return lost("the connection was lost");
    if (answer.find("\r\n\r\n") == std::string::npos && !state->wait(POLLIN, kHandshakeMs))
      return lost("no answer in time");
  }
  std::string head = answer.substr(0, end);
  std::string rest = answer.substr(end + 4);
  int status = head.size() > 12 && is_all_digits(head.substr(9, 3)) ? std::stoi(head.substr(9, 3)) : 0;
  if (status != 101) {
    while (!state->closed && rest.size() < 65536 && state->wait(POLLIN, 500)) rest += state->read();
    size_t begin = rest.find('{');
    return tl::unexpected(failure_of(
        status, begin == std::string::npos ? rest : rest.substr(begin, rest.rfind('}') - begin + 1)));
  }
  for (const std::string& line : split(head, '\n')) {
    constexpr std::string_view kName = "sec-websocket-protocol:";
    if (lower(line).starts_with(kName)) state->protocol = trim(std::string_view(line).substr(kName.size()));
  }
  state->reader.add(rest);
  return WebSocket(std::move(state));
}

Result<> WebSocket::send(std::string_view payload) {
  return state_->write(client_frame(kBinary, payload, random_bytes(4)));
}

Result<std::optional<std::string>> WebSocket::receive() {
  for (;;) {
    TRY_ASSIGN(std::optional<FrameReader::Message> message, state_->reader.next());
    if (!message) {
      if (state_->closed) return std::optional<std::string>();
      std::string bytes = state_->read();
      if (bytes.empty()) return std::optional<std::string>();
      state_->reader.add(bytes);
      continue;
    }
    if (message->opcode == kPing) {
      TRY(state_->write(client_frame(kPong, message->payload, random_bytes(4))));
    } else if (message->opcode == kClose) {
      state_->closed = true;
      return std::optional<std::string>();
    } else if (message->opcode != kPong) {
      return std::optional(std::move(message->payload));
    }
  }
}

bool WebSocket::closed() const { return state_->closed; }
int WebSocket::fd() const { return state_->socket; }
const std::string& WebSocket::protocol() const { return state_->protocol; }

}  // namespace stack::targets::kubernetes
