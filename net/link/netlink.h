// Netlink requests: libnl builds the messages; this code sends them in batches and reads the answers with the kernel's errno
// and text (netlink(7), rtnetlink(7)). Used only inside net/.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

struct nl_msg;
struct nlmsghdr;
struct nlattr;

namespace stack::net {

// One message under construction. If a put does not fit, the send fails.
class Message {
 public:
  // `capacity`: total bytes, including the header.
  Message(int type, int flags, size_t capacity = 1024);

  // The family header after nlmsghdr (ifinfomsg, nfgenmsg, ...); must be appended first.
  template <typename Header>
  Message& header(const Header& value) {
    append(&value, sizeof value);
    return *this;
  }
  Message& put(int attribute, const void* bytes, size_t size);
  Message& put_text(int attribute, std::string_view text);  // with its NUL
  Message& put_u8(int attribute, uint8_t value);
  Message& put_u16(int attribute, uint16_t value);
  Message& put_u32(int attribute, uint32_t value);
  Message& put_be16(int attribute, uint16_t host_order);
  Message& put_be32(int attribute, uint32_t host_order);
  Message& put_be64(int attribute, uint64_t host_order);
  Message& put_flag(int attribute);

  // Puts between begin and end go into the nested attribute. `flagged` sets NLA_F_NESTED.
  nlattr* begin(int attribute, bool flagged = false);
  void end(nlattr* nest);
  // begin(), body(), end().
  template <typename Body>
  Message& nest(int attribute, Body&& body, bool flagged = false) {
    nlattr* open = begin(attribute, flagged);
    body();
    end(open);
    return *this;
  }

  void append(const void* bytes, size_t size);
  size_t size() const;  // bytes so far
  size_t room() const;  // bytes left
  nlmsghdr* raw() const;
  bool overflown() const { return overflown_; }

 private:
  struct Free {
    void operator()(nl_msg* message) const;
  };
  std::unique_ptr<nl_msg, Free> message_;
  bool overflown_ = false;
};

// The kernel's answer to one request of a batch.
struct Answer {
  int error = 0;     // errno, 0 = success
  std::string text;  // extended acknowledgment, "" = none
};

class NetlinkSocket {
 public:
  // In the calling thread's namespace. `protocol` is NETLINK_ROUTE or NETLINK_NETFILTER.
  static Result<NetlinkSocket> open(int protocol);

  // Sends one request and waits for its acknowledgment. `what` names it in errors; code() is the errno.
  Result<> request(Message& message, std::string_view what);

  // Sends several requests at once. They execute in order and succeed or fail individually, with one answer each.
  Result<std::vector<Answer>> send_all(std::span<Message> messages);

  // Sends a request that is answered with messages (NLM_F_DUMP or a single get). The handler receives each answer.
  // Returns an error answer as an error with its errno.
  Result<> query(Message& message, std::string_view what,
                 const std::function<void(const nlmsghdr&)>& handler);

  // nfnetlink: executes all messages or none, between NFNL_MSG_BATCH_BEGIN and _END.
  Result<> transaction(std::span<Message> messages, std::string_view what);
  Result<> transaction(std::vector<Message>&& messages, std::string_view what) {
    return transaction(std::span(messages), what);
  }

  // Its address, which notifications of its changes carry as nlmsg_pid.
  uint32_t port() const;

 private:
  explicit NetlinkSocket(Fd fd) : fd_(std::move(fd)) {}
  uint32_t next_sequence() { return ++sequence_; }
  Result<> send(std::span<nlmsghdr* const> headers);
  Result<ssize_t> receive(int flags);

  Fd fd_;
  uint32_t sequence_ = 0;
  std::vector<char> buffer_;
};

// The messages of one received buffer.
void for_each_message(std::span<const char> bytes, const std::function<void(const nlmsghdr&)>& handler);

// The family header of an answer (ifinfomsg, nfgenmsg, ...).
const void* payload_of(const nlmsghdr& header);
template <typename Header>
const Header& header_of(const nlmsghdr& header) {
  return *static_cast<const Header*>(payload_of(header));
}

// Attribute access for answers: `attributes[type]` or null. Attributes beyond `most` are skipped.
std::vector<const nlattr*> parse_attributes(const nlmsghdr& header, size_t family_header, int most);
std::vector<const nlattr*> parse_nested(const nlattr* nest, int most);
void for_each_nested(const nlattr* list, const std::function<void(const nlattr*)>& handler);
uint32_t u32_of(const nlattr* attribute);
uint32_t be32_of(const nlattr* attribute);
uint64_t be64_of(const nlattr* attribute);
std::string_view text_of(const nlattr* attribute);
std::span<const uint8_t> bytes_of(const nlattr* attribute);

// "what: text of errno (kernel's own text)".
Error netlink_error(std::string_view what, int error, std::string_view kernel_text);

}  // namespace stack::net
