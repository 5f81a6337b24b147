// One question on its way through the upstream servers. Private to the forwarder.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/dns/forward.h"

namespace stack::dns {

// Asks the servers one after another, each after the timeout or the refusal of the one before; the first good
// answer counts, whichever server it comes from.
//
// The name goes out in random letter case (DNS 0x20), which a forger has to guess. Some servers compare names byte by
// byte and deny, refuse or ignore what they have under another case, or answer in a case of their own: a server's
// failure or negative answer is believed only after it was asked as the client wrote the name.
class Exchange : public AttemptListener, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Forwarder& forwarder, std::string key, const Query& query, std::shared_ptr<ServerSet> servers);
  ~Exchange() override;

  void add_waiter(Forwarder::Deliver deliver) { waiters_.push_back(std::move(deliver)); }
  void start();
  // Without answer, without telling anybody: the forwarder goes away.
  void abandon();

  void on_datagram(uint16_t id, std::string_view bytes) override;
  void on_refused(uint16_t id) override;

 private:
  struct Attempt {
    std::shared_ptr<Upstream> server;
    std::shared_ptr<UpstreamSocket> socket;  // null once it failed
    std::string wire_name;                   // in the letter case it was asked with
    uint16_t id = 0;
    bool edns = true;
    bool as_written = false;  // wire_name is the client's own
    bool denied = false;      // answered with a failure or without records
  };

  void order_servers();
  // In random case at first, as written from the second time on. false: it could not be sent.
  bool send_to(const std::shared_ptr<Upstream>& server);
  // false: it was asked so before, or cannot be reached.
  bool ask_as_written(const std::shared_ptr<Upstream>& server);
  bool was_asked(const Upstream& server) const;
  // The next server, or the end where none is left and none can still answer.
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
  size_t next_ = 0;  // index into order_; beyond it: repeats
  std::vector<Attempt> attempts_;
  std::vector<Forwarder::Deliver> waiters_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  size_t tcp_running_ = 0;
  std::shared_ptr<UpstreamReply> truncated_;  // better than nothing
};

}  // namespace stack::dns
