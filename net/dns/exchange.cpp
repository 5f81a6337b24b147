#include "net/dns/exchange.h"

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

namespace stack::dns {

namespace {

constexpr size_t kTcpQuestions = 64;

// A failure, a nonexistent name, or a name without records of this type.
bool is_denial(const UpstreamReply& reply) {
  return reply.rcode != Rcode::NoError || read_u16(reply.bytes, 6) == 0;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  // Length bytes are below 64, so lowercasing does not change them.
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return x == y || (is_letter(x) && is_letter(y) && (x ^ y) == 0x20);
         });
}

}  // namespace

Exchange::Exchange(Forwarder& forwarder, std::string key, const Query& query,
                   std::shared_ptr<ServerSet> servers)
    : forwarder_(&forwarder),
      key_(std::move(key)),
      query_(query),
      set_(std::move(servers)),
      timer_(forwarder.context_),
      deadline_(std::chrono::steady_clock::now() + forwarder.options_.total_timeout) {
  order_servers();
}

Exchange::~Exchange() { abandon(); }

void Exchange::abandon() {
  forwarder_ = nullptr;
  timer_.cancel();
  for (Attempt& attempt : attempts_)
    if (attempt.socket) attempt.socket->forget(attempt.id);
  attempts_.clear();
}

void Exchange::order_servers() {
  order_ = set_->servers;
  std::stable_partition(order_.begin(), order_.end(), [](const auto& server) { return server->healthy(); });
}

void Exchange::start() { advance(); }

void Exchange::advance() {
  while (forwarder_ != nullptr && next_ < order_.size()) {
    bool sent = send_to(order_[next_++]);
    if (!sent) continue;
    arm_timer();
    return;
  }
  if (forwarder_ == nullptr) return;
  bool somebody_left = tcp_running_ > 0 || std::any_of(attempts_.begin(), attempts_.end(),
                                                       [](const Attempt& a) { return a.socket != nullptr; });
  if (!somebody_left) finish(truncated_.get());
}

bool Exchange::send_to(const std::shared_ptr<Upstream>& server) {
  auto socket = server->socket(forwarder_->random());
  if (!socket) {
    server->note_silence();
    return false;
  }
  bool as_written = !server->random_case() || was_asked(*server);
  Attempt attempt{server, *socket, as_written ? query_.question.wire_name : random_case_name(), 0,
                  server->edns()};
  attempt.as_written = attempt.wire_name == query_.question.wire_name;
  do {
    attempt.id = static_cast<uint16_t>(forwarder_->random() >> 24);
  } while (attempt.socket->has(attempt.id) || attempt_of(attempt.id) != nullptr);
  std::string bytes = forward_query(query_, attempt.id, attempt.wire_name, attempt.edns);
  Result<> sent = attempt.socket->send(bytes, attempt.id, weak_from_this());
  if (!sent) {
    server->note_silence();
    return false;
  }
  attempts_.push_back(std::move(attempt));
  return true;
}

bool Exchange::was_asked(const Upstream& server) const {
  return std::any_of(attempts_.begin(), attempts_.end(),
                     [&](const Attempt& attempt) { return attempt.server.get() == &server; });
}

bool Exchange::ask_as_written(const std::shared_ptr<Upstream>& server) {
  bool asked = std::any_of(attempts_.begin(), attempts_.end(), [&](const Attempt& attempt) {
    return attempt.server == server && attempt.as_written;
  });
  bool sent = !asked && send_to(server);
  if (sent) arm_timer();
  return sent;
}

std::string Exchange::random_case_name() {
  std::string name = query_.question.wire_name;
  uint64_t bits = 0;
  unsigned left = 0;
  for (char& c : name) {
    if (!is_letter(c)) continue;
    if (left == 0) {
      bits = forwarder_->random();
      left = 64;
    }
    if ((bits & 1U) != 0) c = static_cast<char>(c ^ 0x20);
    bits >>= 1;
    --left;
  }
  return name;
}

void Exchange::arm_timer() {
  auto now = std::chrono::steady_clock::now();
  timer_.expires_at(std::min(now + forwarder_->options_.attempt_timeout, deadline_));
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& problem) {
    auto self = weak.lock();
    if (!problem && self) self->on_timer();
  });
}

void Exchange::on_timer() {
  if (forwarder_ == nullptr) return;
  if (!attempts_.empty() && attempts_.back().socket) attempts_.back().server->note_silence();
  if (std::chrono::steady_clock::now() >= deadline_) return finish(truncated_.get());
  // All servers were asked: starts over, because datagrams may be lost.
  if (next_ >= order_.size()) next_ = 0;
  size_t sent_before = attempts_.size();
  advance();
  if (forwarder_ != nullptr && attempts_.size() == sent_before) arm_timer();
}

Exchange::Attempt* Exchange::attempt_of(uint16_t id) {
  auto found = std::find_if(attempts_.begin(), attempts_.end(),
                            [&](const Attempt& a) { return a.id == id && a.socket; });
  return found == attempts_.end() ? nullptr : &*found;
}

void Exchange::on_datagram(uint16_t id, std::string_view bytes) {
  auto keep = shared_from_this();
  Attempt* attempt = attempt_of(id);
  if (forwarder_ == nullptr || attempt == nullptr) return;
  auto reply = parse_reply(bytes);
  if (!reply) {
    // Servers without EDNS support may refuse with a bare header.
    bool bare = bytes.size() == kHeaderSize && (read_u16(bytes, 2) & kFlagQr) != 0;
    if (bare && attempt->edns) {
      attempt->server->note_no_edns();
      next_ = static_cast<size_t>(std::find(order_.begin(), order_.end(), attempt->server) - order_.begin());
      attempt_failed(*attempt);
    }
    return;
  }
  const Question& question = query_.question;
  bool ours = reply->type == question.type && reply->klass == question.klass &&
              same_ignoring_case(reply->wire_name, attempt->wire_name);
  if (!ours) return;
  attempt->server->note_answer();
  if (reply->wire_name != attempt->wire_name && !attempt->as_written) {
    attempt->server->note_changed_case();
    return ask_by_tcp(*attempt);
  }
  judge(*attempt, std::move(*reply), false);
}

void Exchange::judge(Attempt& attempt, UpstreamReply reply, bool by_tcp) {
  if (reply.truncated && !by_tcp) {
    truncated_ = std::make_shared<UpstreamReply>(std::move(reply));
    return ask_by_tcp(attempt);
  }
  bool misunderstood = reply.rcode == Rcode::FormErr || reply.rcode == Rcode::NotImp;
  if (misunderstood && attempt.edns && !reply.has_edns && !by_tcp) {
    attempt.server->note_no_edns();
    next_ = static_cast<size_t>(std::find(order_.begin(), order_.end(), attempt.server) - order_.begin());
    return attempt_failed(attempt);
  }
  if (is_denial(reply) && !by_tcp && !attempt.as_written) return doubt(attempt);
  if (reply.rcode != Rcode::NoError && reply.rcode != Rcode::NxDomain) return attempt_failed(attempt);
  note_letter_case(attempt, reply);
  auto kept = std::make_shared<UpstreamReply>(std::move(reply));
  forwarder_->cache_.keep(key_, kept, kept->ttl, std::chrono::steady_clock::now());
  finish(kept.get());
}

// Repeats a query denied in random case with the name as written.
void Exchange::doubt(Attempt& attempt) {
  attempt.denied = true;
  if (attempt.socket) attempt.socket->forget(attempt.id);
  attempt.socket.reset();
  bool asked = ask_as_written(std::shared_ptr<Upstream>(attempt.server));
  if (!asked) advance();
}

// A server that denies a name in random case but knows it as written compares names exactly.
void Exchange::note_letter_case(const Attempt& attempt, const UpstreamReply& reply) {
  if (!attempt.as_written) return attempt.server->note_kept_case();
  auto before = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& other) {
    return other.server == attempt.server && !other.as_written;
  });
  if (before == attempts_.end() || is_denial(reply)) return;
  if (before->denied)
    attempt.server->note_exact_case();
  else if (before->socket)
    attempt.server->note_changed_case();  // no answer: it may drop queries in random case
}

void Exchange::attempt_failed(Attempt& attempt) {
  if (attempt.socket) attempt.socket->forget(attempt.id);
  attempt.socket.reset();
  advance();
}

void Exchange::on_refused(uint16_t id) {
  auto keep = shared_from_this();
  Attempt* attempt = attempt_of(id);
  if (forwarder_ == nullptr || attempt == nullptr) return;
  attempt->server->note_silence();
  attempt_failed(*attempt);
}

void Exchange::ask_by_tcp(Attempt& attempt) {
  attempt.socket->forget(attempt.id);
  attempt.socket.reset();
  if (forwarder_->tcp_questions_ >= kTcpQuestions)
    return tcp_failed(std::shared_ptr<Upstream>(attempt.server));
  ++forwarder_->tcp_questions_;
  ++tcp_running_;
  std::string question = forward_query(query_, static_cast<uint16_t>(forwarder_->random() >> 24),
                                       query_.question.wire_name, attempt.edns);
  asio::co_spawn(
      forwarder_->context_,
      run_tcp(weak_from_this(), attempt.server, std::move(question), forwarder_->options_.total_timeout),
      asio::detached);
}

asio::awaitable<void> Exchange::run_tcp(std::weak_ptr<Exchange> weak, std::shared_ptr<Upstream> server,
                                        std::string question, std::chrono::milliseconds timeout) {
  auto executor = co_await asio::this_coro::executor;
  auto socket = std::make_shared<asio::ip::tcp::socket>(executor);
  asio::steady_timer limit(executor, timeout);
  limit.async_wait([socket](const asio::error_code& problem) {
    asio::error_code ignored;
    if (!problem) socket->close(ignored);
  });
  std::string framed;
  put_u16(framed, static_cast<uint16_t>(question.size()));
  framed += question;
  std::array<char, 2> length{};
  std::string answer;
  asio::error_code problem;
  auto endpoint = server->tcp_endpoint();
  if (!endpoint) problem = asio::error::host_unreachable;
  auto token = asio::redirect_error(asio::use_awaitable, problem);
  if (!problem) co_await socket->async_connect(*endpoint, token);
  if (!problem) co_await asio::async_write(*socket, asio::buffer(framed), token);
  if (!problem) co_await asio::async_read(*socket, asio::buffer(length), token);
  if (!problem) {
    answer.resize(read_u16({length.data(), length.size()}, 0));
    co_await asio::async_read(*socket, asio::buffer(answer), token);
  }
  auto self = weak.lock();
  if (!self || self->forwarder_ == nullptr) co_return;
  bool mine = !problem && answer.size() >= kHeaderSize && read_u16(answer, 0) == read_u16(question, 0);
  --self->tcp_running_;
  --self->forwarder_->tcp_questions_;
  if (mine)
    self->tcp_answered(server, answer);
  else
    self->tcp_failed(server);
}

void Exchange::tcp_answered(const std::shared_ptr<Upstream>& server, std::string_view bytes) {
  auto reply = parse_reply(bytes);
  const Question& question = query_.question;
  bool ours = reply && reply->type == question.type && reply->klass == question.klass &&
              same_ignoring_case(reply->wire_name, question.wire_name);
  if (!ours) return tcp_failed(server);
  Attempt attempt{server, nullptr, {}, 0, false};
  judge(attempt, std::move(*reply), true);
}

// The reason for TCP may have been an answer with a different letter case.
void Exchange::tcp_failed(const std::shared_ptr<Upstream>& server) {
  bool asked = truncated_ == nullptr && ask_as_written(server);
  if (!asked) advance();
}

void Exchange::finish(const UpstreamReply* reply) {
  Forwarder* forwarder = std::exchange(forwarder_, nullptr);
  auto keep = shared_from_this();
  forwarder->tcp_questions_ -= tcp_running_;
  abandon();
  forwarder->finished(key_);
  if (reply == nullptr) forwarder->note_failure(key_, query_);
  auto waiters = std::exchange(waiters_, {});
  for (auto& deliver : waiters) deliver(reply);
}

}  // namespace stack::dns
