#include "http/grpc/connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/log.h"

namespace stack::grpc {

namespace {

constexpr size_t kFrameHeader = 5;                    // a flag for compression, and the length
constexpr size_t kLargestMessage = size_t{16} << 20;  // BuildKit's own limit
constexpr size_t kMostUnsent = 256 * 1024;
constexpr uint32_t kWindow = 1 << 20;
constexpr uint32_t kMostCalls = 1000;

std::string framed(std::string_view message) {
  auto length = static_cast<uint32_t>(message.size());
  std::string out(kFrameHeader, '\0');
  for (size_t i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(length >> (24 - 8 * i));
  return out.append(message);
}

// Status messages are percent-encoded.
std::string encode_message(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '%') {
      out += c;
    } else {
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

std::string decode_message(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    bool encoded = text[i] == '%' && i + 2 < text.size() &&
                   std::from_chars(&text[i + 1], &text[i + 3], value, 16).ptr == &text[i + 3];
    out += encoded ? static_cast<char>(value) : text[i];
    if (encoded) i += 2;
  }
  return out;
}

nghttp2_nv field(const std::pair<std::string, std::string>& pair) {
  auto bytes = [](const std::string& text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {bytes(pair.first), bytes(pair.second), pair.first.size(), pair.second.size(), NGHTTP2_NV_FLAG_NONE};
}

std::vector<nghttp2_nv> fields(const Metadata& metadata) {
  std::vector<nghttp2_nv> out;
  for (const auto& pair : metadata) out.push_back(field(pair));
  return out;
}

Metadata trailers_of(const Status& status) {
  Metadata out{{"grpc-status", std::to_string(static_cast<int>(status.code))}};
  if (!status.message.empty()) out.emplace_back("grpc-message", encode_message(status.message));
  return out;
}

Error error_of(const Status& status) {
  if (status.code == Code::NotFound) return not_found(status.message);
  if (status.code == Code::Unimplemented) return unsupported(status.message);
  if (status.code == Code::Canceled) return {ErrorKind::Canceled, status.message};
  return Error(status.message.empty() ? "the peer ended the call" : status.message);
}

Status status_from(const Metadata& trailers) {
  Status status{Code::Unknown, "the call ended without a status"};
  for (const auto& [name, value] : trailers) {
    if (name == "grpc-status") {
      int code = 2;
      (void)std::from_chars(value.data(), value.data() + value.size(), code);
      status.code = static_cast<Code>(code);
      if (status.code == Code::Ok) status.message.clear();
    }
  }
  for (const auto& [name, value] : trailers)
    if (name == "grpc-message") status.message = decode_message(value);
  return status;
}

}  // namespace

Status status_of(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::NotFound:
      return {Code::NotFound, error.text()};
    case ErrorKind::Canceled:
      return {Code::Canceled, error.text()};
    case ErrorKind::Unsupported:
      return {Code::Unimplemented, error.text()};
    case ErrorKind::Invalid:
      return {Code::InvalidArgument, error.text()};
    default:
      return {Code::Unknown, error.text()};
  }
}

// ---- a call ----

std::string Call::header(std::string_view name) const {
  for (const auto& [key, value] : headers_)
    if (key == name) return value;
  return {};
}

std::optional<std::string> Call::take_ready() {
  if (messages_.empty()) return std::nullopt;
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  // With nothing left, the beginning of a large message too, of which more arrives only then.
  if (auto connection = connection_.lock())
    connection->acknowledge(*this, messages_.empty() ? unread_ : message.size() + kFrameHeader);
  return message;
}

Task<Result<std::optional<std::string>>> Call::receive() {
  while (messages_.empty() && !peer_done_ && !over_) co_await changed_.wait();
  if (std::optional<std::string> message = take_ready()) co_return message;
  if (status_.code != Code::Ok) co_return error_of(status_);
  co_return std::optional<std::string>();
}

Task<Result<>> Call::send(std::string_view message) {
  while (!over_ && output_.size() > kMostUnsent) co_await changed_.wait();
  auto connection = connection_.lock();
  if (over_ || sending_done_ || !connection)
    co_return Error(ErrorKind::Canceled,
                    "the call ended" + (status_.message.empty() ? "" : ": " + status_.message));
  output_ += framed(message);
  connection->resume(*this);
  co_return Result<>();
}

void Call::close_sending() {
  sending_done_ = true;
  if (auto connection = connection_.lock(); connection && !over_) connection->resume(*this);
}

void Call::cancel() {
  if (auto connection = connection_.lock(); connection && !over_) connection->reset(*this);
}

void Call::on_end(std::function<void()> callback) {
  if (over_) return callback();
  on_end_.push_back(std::move(callback));
}

void Call::answer(const Status& status) {
  answer_ = status;
  close_sending();
}

void Call::take_bytes(std::string_view bytes) {
  input_.append(bytes);
  size_t at = 0;
  while (input_.size() - at >= kFrameHeader) {
    auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(input_[at + i])); };
    size_t length = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
    if (byte(0) != 0 || length > kLargestMessage) {
      status_ = {Code::Internal,
                 byte(0) != 0 ? "compressed messages are not supported" : "message too large"};
      return cancel();
    }
    if (input_.size() - at - kFrameHeader < length) break;
    messages_.push_back(input_.substr(at + kFrameHeader, length));
    at += kFrameHeader + length;
  }
  input_.erase(0, at);
  changed_.notify_all();
}

void Call::end(Status status) {
  if (over_) return;
  over_ = true;
  peer_done_ = true;
  if (status_.code == Code::Ok) status_ = std::move(status);
  changed_.notify_all();
  for (const std::function<void()>& callback : std::exchange(on_end_, {})) callback();
}

// ---- the connection ----

struct Connection::Session {
  nghttp2_session* handle = nullptr;
  ~Session() {
    if (handle != nullptr) nghttp2_session_del(handle);
  }
};

// What nghttp2 calls while it reads or writes.
struct Connection::Callbacks {
  static Connection& self(void* user) { return *static_cast<Connection*>(user); }
  static CallPtr find(void* user, int32_t id) {
    auto found = self(user).calls_.find(id);
    return found == self(user).calls_.end() ? nullptr : found->second;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      int32_t id = frame->hd.stream_id;
      self(user).calls_[id] = std::make_shared<Call>(self(user).io_, self(user).weak_from_this(), id);
    }
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_length,
                       const uint8_t* value, size_t value_length, uint8_t, void* user) {
    CallPtr call = find(user, frame->hd.stream_id);
    if (!call) return 0;
    std::string key(reinterpret_cast<const char*>(name), name_length);
    std::string text(reinterpret_cast<const char*>(value), value_length);
    if (key == ":path") call->path_ = text;
    // A status without messages comes with the first and only header.
    call->trailers_.emplace_back(key, text);
    call->headers_.emplace_back(std::move(key), std::move(text));
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    CallPtr call = find(user, frame->hd.stream_id);
    if (!call) return 0;
    bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
    if (is_headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) self(user).begin_call(frame->hd.stream_id);
    if ((is_headers || frame->hd.type == NGHTTP2_DATA) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      if (!self(user).handler_) call->status_ = status_from(call->trailers_);
      call->peer_done_ = true;
      call->changed_.notify_all();
    }
    return 0;
  }

  static int on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t length,
                     void* user) {
    // The connection's window is acknowledged at once, the call's when its messages are taken.
    nghttp2_session_consume_connection(session, length);
    CallPtr call = find(user, id);
    if (!call) return 0;
    call->unread_ += length;
    call->take_bytes({reinterpret_cast<const char*>(bytes), length});
    if (call->messages_.empty()) self(user).acknowledge(*call, call->unread_);
    return 0;
  }

  static int on_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    self(user).end_call(id, code == NGHTTP2_NO_ERROR
                                ? Status{}
                                : Status{Code::Canceled,
                                         std::string("the call was reset: ") + nghttp2_http2_strerror(code)});
    return 0;
  }

  static ssize_t read_output(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t length,
                             uint32_t* flags, nghttp2_data_source*, void* user) {
    CallPtr call = find(user, id);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t n = std::min(length, call->output_.size());
    std::memcpy(buffer, call->output_.data(), n);
    call->output_.erase(0, n);
    if (n > 0) call->changed_.notify_all();
    if (call->output_.empty() && call->sending_done_) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (call->answer_) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        Metadata trailers = trailers_of(*call->answer_);
        std::vector<nghttp2_nv> list = fields(trailers);
        nghttp2_submit_trailer(session, id, list.data(), list.size());
      }
      return static_cast<ssize_t>(n);
    }
    return n > 0 ? static_cast<ssize_t>(n) : ssize_t{NGHTTP2_ERR_DEFERRED};
  }

  static nghttp2_data_provider output() {
    nghttp2_data_provider provider{};
    provider.read_callback = &read_output;
    return provider;
  }
};

Connection::Connection(asio::io_context& io, http::RawStream stream, Handler handler)
    : io_(io),
      stream_(std::move(stream)),
      handler_(std::move(handler)),
      session_(std::make_unique<Session>()),
      writable_(io) {}

Connection::~Connection() = default;

std::shared_ptr<Connection> Connection::create(asio::io_context& io, http::RawStream stream,
                                               Handler handler) {
  return std::shared_ptr<Connection>(new Connection(io, std::move(stream), std::move(handler)));
}

Result<> Connection::prepare() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::on_close);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  int failed = handler_ ? nghttp2_session_server_new2(&session_->handle, callbacks, this, option)
                        : nghttp2_session_client_new2(&session_->handle, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (failed != 0) return Error(std::string("HTTP/2: ") + nghttp2_strerror(failed));
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
                                       {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMostCalls},
                                       {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(session_->handle, NGHTTP2_FLAG_NONE, settings, handler_ ? 2 : 3);
  nghttp2_session_set_local_window_size(session_->handle, NGHTTP2_FLAG_NONE, 0, 4 * kWindow);
  return {};
}

void Connection::wake_writer() { writable_.notify_all(); }

Task<> Connection::write_loop() {
  auto self = shared_from_this();
  while (!closed_) {
    const uint8_t* bytes = nullptr;
    ssize_t n = nghttp2_session_mem_send(session_->handle, &bytes);
    if (n < 0) break;
    if (n == 0) {
      if (!nghttp2_session_want_read(session_->handle) && !nghttp2_session_want_write(session_->handle))
        break;
      co_await writable_.wait();
      continue;
    }
    // nghttp2 may reuse its buffer once it reads.
    std::string block(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
    Result<> sent = co_await stream_.write(block);
    if (!sent) break;
  }
  close();
}

Task<> Connection::run() {
  auto self = shared_from_this();
  if (Result<> prepared = prepare(); !prepared) {
    log_warning(prepared.error().text());
    close();
    co_return;
  }
  start(io_, write_loop());
  while (!closed_) {
    Result<std::string> bytes = co_await stream_.read();
    if (!bytes || bytes->empty() || closed_) break;
    ssize_t used = nghttp2_session_mem_recv(session_->handle, reinterpret_cast<const uint8_t*>(bytes->data()),
                                            bytes->size());
    if (used < 0) {
      log_info(std::string("HTTP/2 client: ") + nghttp2_strerror(static_cast<int>(used)));
      break;
    }
    wake_writer();
  }
  close();
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  stream_.close();
  wake_writer();
  for (auto& [id, call] : std::exchange(calls_, {})) call->end({Code::Canceled, "the connection is closed"});
}

void Connection::begin_call(int32_t id) {
  CallPtr call = calls_[id];
  Metadata headers{{":status", "200"}, {"content-type", "application/grpc"}};
  std::vector<nghttp2_nv> list = fields(headers);
  nghttp2_data_provider provider = Callbacks::output();
  nghttp2_submit_response(session_->handle, id, list.data(), list.size(), &provider);
  start(io_, serve(std::move(call)));
}

Task<> Connection::serve(CallPtr call) {
  auto self = shared_from_this();
  Status status;
  try {
    status = co_await handler_(call);
  } catch (const std::exception& problem) {
    log_exception("gRPC " + call->path(), std::current_exception());
    status = {Code::Internal, std::string("internal error: ") + problem.what()};
  }
  call->answer(status);
}

void Connection::end_call(int32_t id, Status status) {
  auto found = calls_.find(id);
  if (found == calls_.end()) return;
  CallPtr call = std::move(found->second);
  calls_.erase(found);
  call->end(std::move(status));
}

void Connection::resume(const Call& call) {
  if (closed_) return;
  nghttp2_session_resume_data(session_->handle, call.id_);
  wake_writer();
}

void Connection::acknowledge(const Call& call, size_t bytes) {
  auto& unread = const_cast<Call&>(call).unread_;
  bytes = std::min(bytes, unread);
  unread -= bytes;
  if (closed_ || call.over_) return;
  nghttp2_session_consume_stream(session_->handle, call.id_, bytes);
  wake_writer();
}

void Connection::reset(const Call& call) {
  if (closed_) return;
  nghttp2_submit_rst_stream(session_->handle, NGHTTP2_FLAG_NONE, call.id_, NGHTTP2_CANCEL);
  wake_writer();
}

Result<CallPtr> Connection::call(const std::string& path, const Metadata& metadata) {
  if (closed_) return Error(ErrorKind::Canceled, "the client is gone");
  Metadata headers{{":method", "POST"},         {":scheme", "http"}, {":path", path},
                   {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"},
                   {"user-agent", "stack/1"}};
  headers.insert(headers.end(), metadata.begin(), metadata.end());
  std::vector<nghttp2_nv> list = fields(headers);
  nghttp2_data_provider provider = Callbacks::output();
  int32_t id =
      nghttp2_submit_request(session_->handle, nullptr, list.data(), list.size(), &provider, nullptr);
  if (id < 0) return Error(std::string("HTTP/2: ") + nghttp2_strerror(id));
  auto made = std::make_shared<Call>(io_, weak_from_this(), id);
  made->path_ = path;
  calls_[id] = made;
  wake_writer();
  return made;
}

Task<Result<std::string>> Connection::ask(std::string path, std::string message, Metadata metadata) {
  Result<CallPtr> made = call(path, metadata);
  CO_TRY(made);
  Result<> sent = co_await (*made)->send(message);
  CO_TRY(sent);
  (*made)->close_sending();
  Result<std::optional<std::string>> answer = co_await (*made)->receive();
  CO_TRY(answer);
  if (!*answer) co_return Error(path + ": no answer");
  co_return std::move(**answer);
}

}  // namespace stack::grpc
