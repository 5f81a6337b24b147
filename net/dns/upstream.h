// One upstream server: its connected UDP sockets, and what is known of its manners.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "net/dns/upstream_address.h"

namespace stack::dns {

// Who waits for an answer to one datagram.
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;
  // A message with this attempt's id, from the server's address; unchecked otherwise.
  virtual void on_datagram(uint16_t id, std::string_view bytes) = 0;
  // The server's machine refused it (ICMP), or the socket broke.
  virtual void on_refused(uint16_t id) = 0;
};

// A connected UDP socket. Its port is random (the kernel's choice), so sockets are used for a number of
// questions and then replaced: answers cannot be forged without guessing port, id and letter case (RFC 5452).
class UpstreamSocket : public std::enable_shared_from_this<UpstreamSocket> {
 public:
  explicit UpstreamSocket(asio::io_context& context) : socket_(context) {}

  Result<> connect(const asio::ip::udp::endpoint& server);
  bool has(uint16_t id) const { return waiting_.contains(id); }
  Result<> send(std::string_view bytes, uint16_t id, std::weak_ptr<AttemptListener> listener);
  void forget(uint16_t id);
  bool worn_out() const;
  // Closes it when the last question is answered or forgotten.
  void retire();

 private:
  void receive();
  void refuse_all();
  void close_if_done();

  asio::ip::udp::socket socket_;
  std::array<char, 4096> buffer_;
  std::unordered_map<uint16_t, std::weak_ptr<AttemptListener>> waiting_;
  unsigned used_ = 0;
  bool receiving_ = false;
  bool retired_ = false;
  std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
};

class Upstream {
 public:
  Upstream(asio::io_context& context, UpstreamAddress address);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // One of a few sockets, at random. Errors where the server cannot be reached at all (no route).
  Result<std::shared_ptr<UpstreamSocket>> socket(uint64_t random);
  Result<asio::ip::tcp::endpoint> tcp_endpoint() const;

  bool healthy() const { return std::chrono::steady_clock::now() >= bad_until_; }
  // It did not answer in time: others are asked first for a while.
  void note_silence();
  void note_answer() { bad_until_ = {}; }
  bool edns() const { return edns_; }
  void note_no_edns() { edns_ = false; }
  // Some servers answer in a letter case of their own; after a few such answers random case is given up.
  bool random_case() const { return case_changes_ < kCaseChanges; }
  void note_changed_case() { ++case_changes_; }
  void note_kept_case() { case_changes_ = 0; }
  // It compares names byte by byte: random case hides names from us.
  void note_exact_case() { case_changes_ = kCaseChanges; }

 private:
  static constexpr size_t kSockets = 8;
  static constexpr unsigned kCaseChanges = 3;

  asio::io_context& context_;
  UpstreamAddress address_;
  std::array<std::shared_ptr<UpstreamSocket>, kSockets> sockets_;
  std::chrono::steady_clock::time_point bad_until_{};
  bool edns_ = true;
  unsigned case_changes_ = 0;
};

// The servers for one group of clients, in order of preference.
struct ServerSet {
  uint64_t number = 0;  // part of the keys of cache and flights
  std::vector<std::shared_ptr<Upstream>> servers;
};

}  // namespace stack::dns
