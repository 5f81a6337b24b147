// One query to the upstream servers. Private to the forwarder.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/dns/forward.h"

namespace stack::dns {

// Queries the servers in turn, each after the previous one timed out or refused; the first good answer from any server
// wins.
//
// Queries use random letter case (DNS 0x20), which an attacker has to guess. Some servers compare names byte by byte and
// deny, refuse, or ignore names in another case, or change the case in answers. Therefore a failure or negative answer
// counts only after the server was asked for the name as the client wrote it.
class Exchange : public AttemptListener, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Forwarder& forwarder, std::string key, const Query& query, std::shared_ptr<ServerSet> servers);
  ~Exchange() override;

  void add_waiter(Forwarder::Deliver deliver) { waiters_.push_back(std::move(deliver)); }
  void start();
  // Ends without an answer, because the forwarder is being destroyed.
  void abandon();

  void on_datagram(uint16_t id, std::string_view bytes) override;
  void on_refused(uint16_t id) override;

 private:
  struct Attempt {
    std::shared_ptr<Upstream> server;
    std::shared_ptr<UpstreamSocket> socket;  // null after a failure
    std::string wire_name;                   // in the letter case of the query
    uint16_t id = 0;
    bool edns = true;
    bool as_written = false;  // wire_name has the client's letter case
    bool denied = false;      // answered with a failure or without records
  };

  void order_servers();
  // Uses random case for the first query and the name as written afterward. Returns false if sending fails.
  bool send_to(const std::shared_ptr<Upstream>& server);
  // Returns false if it was already asked this way or cannot be reached.
  bool ask_as_written(const std::shared_ptr<Upstream>& server);
  bool was_asked(const Upstream& server) const;
  // Queries the next server, or ends if no server is left and none can still answer.
  void advance();
  void on_timer();
  void arm_timer();
  void judge(Attempt& attempt, UpstreamReply reply, bool by_tcp);
  void doubt(Attempt& attempt);
  void note_letter_case(const Attempt& attempt, const UpstreamReply& reply);
  void attempt_failed(Attempt& attempt);
  Attempt* attempt_of(uint16_t id);
  void ask_by_tcp(Attempt& attempt);
  static asio::awaitable<void> run_tcp(std::weak_ptr<Exchange> weak, std::shared_ptr<Upstream> server,
                                       std::string question, std::chrono::milliseconds timeout);
  void tcp_answered(const std::shared_ptr<Upstream>& server, std::string_view bytes);
  void tcp_failed(const std::shared_ptr<Upstream>& server);
  std::string random_case_name();
  void finish(const UpstreamReply* reply);

  Forwarder* forwarder_;  // null when finished
  std::string key_;
  Query query_;
  std::shared_ptr<ServerSet> set_;
  std::vector<std::shared_ptr<Upstream>> order_;
  size_t next_ = 0;  // index into order_; wraps around for repeats
  std::vector<Attempt> attempts_;
  std::vector<Forwarder::Deliver> waiters_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  size_t tcp_running_ = 0;
  std::shared_ptr<UpstreamReply> truncated_;  // used if there is no complete answer
};

}  // namespace stack::dns
