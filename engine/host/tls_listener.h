// Docker's API over TCP, for clients on other machines that have a certificate of the given authority: each connection is relayed
// to the engine's socket. A client with a certificate has the rights of root on this machine, as with dockerd.
#pragma once

#include <memory>
#include <string>

#include "base/async.h"
#include "base/result.h"

namespace stack::engine {

struct TlsSettings {
  std::string address;      // "0.0.0.0:2376", "[::]:2376"; "" = no TCP
  std::string authority;    // PEM file: whose clients are let in
  std::string certificate;  // PEM file of the engine, with intermediate certificates
  std::string key;          // PEM file
};
// Invalid unless all members are set or none is, with a numeric address.
Result<> check_tls_settings(const TlsSettings& settings);

// Listens until it is destroyed.
class TlsListener {
 public:
  static Result<std::unique_ptr<TlsListener>> open(asio::io_context& io, const TlsSettings& settings,
                                                   std::string socket_path);
  ~TlsListener();
  TlsListener(const TlsListener&) = delete;
  TlsListener& operator=(const TlsListener&) = delete;

 private:
  struct State;
  explicit TlsListener(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace stack::engine
