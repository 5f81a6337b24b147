// One upstream server: its connected UDP sockets and its observed behavior.
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

// Waits for the answer to one datagram.
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;
  // A message with this attempt's ID from the server's address; otherwise unchecked.
  virtual void on_datagram(uint16_t id, std::string_view bytes) = 0;
  // The server's machine refused it (ICMP), or the socket failed.
  virtual void on_refused(uint16_t id) = 0;
};

// A connected UDP socket with a random port chosen by the kernel. Sockets are replaced after a number of queries, so that
// forging an answer requires guessing port, ID, and letter case (RFC 5452).
class UpstreamSocket : public std::enable_shared_from_this<UpstreamSocket> {
 public:
  explicit UpstreamSocket(asio::io_context& context) : socket_(context) {}

  Result<> connect(const asio::ip::udp::endpoint& server);
  bool has(uint16_t id) const { return waiting_.contains(id); }
  Result<> send(std::string_view bytes, uint16_t id, std::weak_ptr<AttemptListener> listener);
  void forget(uint16_t id);
  bool worn_out() const;
  // Closes the socket when its last query is answered or dropped.
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

  // A random one of a few sockets. Fails if the server is unreachable (no route).
  Result<std::shared_ptr<UpstreamSocket>> socket(uint64_t random);
  Result<asio::ip::tcp::endpoint> tcp_endpoint() const;

  bool healthy() const { return std::chrono::steady_clock::now() >= bad_until_; }
  // The server did not answer in time; others are preferred for a while.
  void note_silence();
  void note_answer() { bad_until_ = {}; }
  bool edns() const { return edns_; }
  void note_no_edns() { edns_ = false; }
  // Some servers change the letter case; after a few such answers, random case is disabled.
  bool random_case() const { return case_changes_ < kCaseChanges; }
  void note_changed_case() { ++case_changes_; }
  void note_kept_case() { case_changes_ = 0; }
  // The server compares names byte by byte, so random case must not be used.
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
  uint64_t number = 0;  // part of the keys for the cache and queries in flight
  std::vector<std::shared_ptr<Upstream>> servers;
};

}  // namespace stack::dns
