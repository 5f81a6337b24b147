#include "engine/host/tls_listener.h"

#include <asio/ssl.hpp>
#include <charconv>

#include "base/log.h"
#include "http/wire/unix_socket.h"

namespace stack::engine {

namespace {

using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;
using UnixSocket = asio::local::stream_protocol::socket;

constexpr std::chrono::seconds kHandshakeLimit{10};
constexpr std::chrono::seconds kGoodbyeLimit{2};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr size_t kMostConnections = 1024;

// "[::]:2376", "0.0.0.0:2376".
Result<asio::ip::tcp::endpoint> parse_endpoint(const std::string& text) {
  size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  asio::error_code wrong;
  asio::ip::address address = asio::ip::make_address(host, wrong);
  uint16_t port = 0;
  const char* digits = text.data() + (colon == std::string::npos ? text.size() : colon + 1);
  auto [end, problem] = std::from_chars(digits, text.data() + text.size(), port);
  if (wrong || problem != std::errc() || end != text.data() + text.size())
    return invalid("--tcp " + text + ": not ADDRESS:PORT with a numeric address");
  return asio::ip::tcp::endpoint(address, port);
}

Result<> load_files(asio::ssl::context& context, const TlsSettings& settings) {
  asio::error_code code;
  context.use_certificate_chain_file(settings.certificate, code);
  if (code) return Error("certificate " + settings.certificate + ": " + code.message());
  context.use_private_key_file(settings.key, asio::ssl::context::pem, code);
  if (code) return Error("key " + settings.key + ": " + code.message());
  context.load_verify_file(settings.authority, code);
  if (code) return Error("certificate authority " + settings.authority + ": " + code.message());
  return {};
}

// One client, from its handshake to the end.
struct Relay : std::enable_shared_from_this<Relay> {
  Relay(asio::io_context& io, TlsStream tls, UnixSocket engine_socket)
      : client(std::move(tls)), engine(std::move(engine_socket)), timer(io) {}

  void close() {
    asio::error_code ignored;
    client.next_layer().close(ignored);
    engine.close(ignored);
    timer.cancel();
  }

  // Ends the connection unless timer.cancel() comes first.
  void limit(std::chrono::seconds duration) {
    timer.expires_after(duration);
    timer.async_wait([self = shared_from_this()](const asio::error_code& code) {
      if (!code) self->close();
    });
  }

  // The end of the client's sending direction is passed on; it may still read.
  Task<> upload() {
    std::array<char, 16384> buffer{};
    asio::error_code code;
    while (!code) {
      size_t n = co_await client.async_read_some(asio::buffer(buffer),
                                                 asio::redirect_error(asio::use_awaitable, code));
      if (!code)
        co_await asio::async_write(engine, asio::buffer(buffer.data(), n),
                                   asio::redirect_error(asio::use_awaitable, code));
    }
    asio::error_code ignored;
    if (code == asio::error::eof) {
      engine.shutdown(UnixSocket::shutdown_send, ignored);
    } else {
      close();
    }
  }

  Task<> download() {
    std::array<char, 16384> buffer{};
    asio::error_code code;
    while (!code) {
      size_t n = co_await engine.async_read_some(asio::buffer(buffer),
                                                 asio::redirect_error(asio::use_awaitable, code));
      if (!code)
        co_await asio::async_write(client, asio::buffer(buffer.data(), n),
                                   asio::redirect_error(asio::use_awaitable, code));
    }
    // Without the farewell of TLS a client could not tell the end from a cut connection.
    limit(kGoodbyeLimit);
    if (client.next_layer().is_open())
      co_await client.async_shutdown(asio::redirect_error(asio::use_awaitable, code));
    close();
  }

  TlsStream client;
  UnixSocket engine;
  asio::steady_timer timer;
};

}  // namespace

Result<> check_tls_settings(const TlsSettings& settings) {
  if (settings.address.empty() && settings.authority.empty() && settings.certificate.empty() &&
      settings.key.empty())
    return {};
  if (settings.address.empty() || settings.authority.empty() || settings.certificate.empty() ||
      settings.key.empty())
    return invalid("--tcp requires --tls-ca, --tls-cert, and --tls-key: clients must have a certificate");
  TRY(parse_endpoint(settings.address));
  return {};
}

struct TlsListener::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& engine_io)
      : io(engine_io), context(asio::ssl::context::tls_server), acceptor(engine_io) {}

  Result<> listen(const TlsSettings& settings) {
    TRY_ASSIGN(asio::ip::tcp::endpoint endpoint, parse_endpoint(settings.address));
    context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv3 |
                        asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    TRY(load_files(context, settings));
    asio::error_code code;
    acceptor.open(endpoint.protocol(), code);
    if (!code) acceptor.set_option(asio::socket_base::reuse_address(true), code);
    if (!code) acceptor.bind(endpoint, code);
    if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
    if (!code) (void)set_cloexec(acceptor.native_handle(), true);
    if (code) return Error("listen on " + settings.address + ": " + code.message());
    return {};
  }

  Task<> accept_loop() {
    auto self = shared_from_this();
    while (acceptor.is_open()) {
      asio::error_code code;
      asio::ip::tcp::socket socket =
          co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, code));
      if (code == asio::error::operation_aborted) break;
      if (code) {
        co_await sleep_for(io, kAcceptPause);
        continue;
      }
      (void)set_cloexec(socket.native_handle(), true);
      if (connections >= kMostConnections) continue;
      ++connections;
      start(io, serve(std::move(socket)));
    }
  }

  Task<> serve(asio::ip::tcp::socket socket) {
    auto self = shared_from_this();
    auto relay = std::make_shared<Relay>(io, TlsStream(std::move(socket), context), UnixSocket(io));
    relay->limit(kHandshakeLimit);
    asio::error_code code;
    co_await relay->client.async_handshake(asio::ssl::stream_base::server,
                                           asio::redirect_error(asio::use_awaitable, code));
    relay->timer.cancel();
    if (!code) {
      Result<Fd> engine = http::connect_unix(socket_path);
      if (engine) relay->engine.assign(asio::local::stream_protocol(), engine->release(), code);
      if (!engine) code = asio::error::connection_refused;
    } else {
      log_info("refused a client on TCP: " + code.message());
    }
    if (!code) {
      auto upload = [](std::shared_ptr<Relay> one) -> Task<> { co_await one->upload(); };
      start(io, upload(relay));
      co_await relay->download();
    }
    relay->close();
    --connections;
  }

  asio::io_context& io;
  asio::ssl::context context;
  asio::ip::tcp::acceptor acceptor;
  std::string socket_path;
  size_t connections = 0;
};

Result<std::unique_ptr<TlsListener>> TlsListener::open(asio::io_context& io, const TlsSettings& settings,
                                                       std::string socket_path) {
  auto state = std::make_shared<State>(io);
  state->socket_path = std::move(socket_path);
  TRY(state->listen(settings));
  stack::start(io, state->accept_loop());
  return std::unique_ptr<TlsListener>(new TlsListener(std::move(state)));
}

TlsListener::~TlsListener() {
  asio::error_code ignored;
  state_->acceptor.close(ignored);
}

}  // namespace stack::engine
