#include "engine/container/attach_stream.h"

#include <sys/socket.h>

namespace stack::engine {

namespace {

constexpr size_t kHeader = 8;
constexpr int kGap = 4;

uint64_t number_of(std::string_view bytes) {
  uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string stream_frame(int stream, std::string_view payload) {
  auto size = static_cast<uint32_t>(payload.size());
  std::string out{static_cast<char>(stream), 0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  out.append(payload);
  return out;
}

void FrameSelector::frame(int stream, std::string_view payload, std::string& to) const {
  if (stream == kGap) {
    std::string text = "[" + std::to_string(number_of(payload)) +
                       " bytes of output dropped: the client reads too slowly]\r\n";
    if (raw_) to += text;
    if (!raw_ && err_) to += stream_frame(2, text);
    return;
  }
  if (raw_) {
    to.append(payload);
  } else if (stream == 2 ? err_ : out_) {
    to += stream_frame(stream, payload);
  }
}

std::string FrameSelector::take(std::string_view bytes) {
  pending_.append(bytes);
  std::string out;
  size_t at = 0;
  while (pending_.size() - at >= kHeader) {
    std::string_view rest = std::string_view(pending_).substr(at);
    size_t length = number_of(rest.substr(4, 4));
    if (rest.size() - kHeader < length) break;
    frame(static_cast<unsigned char>(rest[0]), rest.substr(kHeader, length), out);
    at += kHeader + length;
  }
  pending_.erase(0, at);
  return out;
}

Task<> pump_frames(Source source, Client client, FrameSelector selector) {
  std::array<char, 32768> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await source->async_read_some(asio::buffer(buffer),
                                                asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    std::string bytes = selector.take({buffer.data(), n});
    if (bytes.empty()) continue;
    Result<> sent = co_await client->write(bytes);
    if (!sent) co_return;
  }
}

Task<> pump_out(Source source, Client client, int kind, std::shared_ptr<PumpState> state) {
  std::array<char, 16384> buffer{};
  bool listening = true;
  for (;;) {
    asio::error_code code;
    size_t n = co_await source->async_read_some(asio::buffer(buffer),
                                                asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
    if (!listening) continue;
    std::string bytes = kind == 0 ? std::string(buffer.data(), n) : stream_frame(kind, {buffer.data(), n});
    ++state->writing;
    Result<> sent = co_await client->write(bytes);
    --state->writing;
    listening = sent.has_value();
  }
  --state->open;
  state->changed.notify_all();
}

Task<bool> pump_in(Client client, Source sink, DetachKeys keys, bool is_socket) {
  for (;;) {
    Result<std::string> bytes = co_await client->read();
    if (!bytes || bytes->empty()) break;
    bool detached = false;
    std::string wanted = keys.filter(*bytes, detached);
    asio::error_code code;
    if (!wanted.empty())
      co_await asio::async_write(*sink, asio::buffer(wanted),
                                 asio::redirect_error(asio::use_awaitable, code));
    if (detached) co_return true;
    if (code) break;
  }
  if (is_socket && sink->is_open()) (void)::shutdown(sink->native_handle(), SHUT_WR);
  co_return false;
}

Task<> watch_client(Client client, std::function<void()> gone) {
  asio::error_code code;
  co_await client->socket().async_wait(asio::local::stream_protocol::socket::wait_error,
                                       asio::redirect_error(asio::use_awaitable, code));
  if (!code) gone();
}

}  // namespace stack::engine
