#include "net/link/netlink.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>

namespace stack::net {
namespace {

constexpr size_t kReceiveBytes = 64 * 1024;
constexpr size_t kLargestTransaction = size_t{32} << 20;

const nlmsghdr* first_header(const char* bytes) { return reinterpret_cast<const nlmsghdr*>(bytes); }

template <typename Value>
Value value_of(const nlattr* attribute) {
  Value value{};
  if (attribute != nullptr && nla_len(attribute) >= static_cast<int>(sizeof value))
    std::memcpy(&value, nla_data(attribute), sizeof value);
  return value;
}

// An NLMSG_ERROR or NLMSG_DONE, with the extended acknowledgment's text if there is one.
Answer read_answer(const nlmsghdr& header) {
  Answer answer;
  if (header.nlmsg_len < NLMSG_HDRLEN + sizeof(int)) return answer;
  int code = 0;
  std::memcpy(&code, payload_of(header), sizeof code);
  answer.error = -code;
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
  size_t skip = header.nlmsg_type == NLMSG_ERROR ? sizeof(nlmsgerr) : sizeof(int);
  if (header.nlmsg_type == NLMSG_ERROR && (header.nlmsg_flags & NLM_F_CAPPED) == 0) {
    nlmsgerr error{};
    std::memcpy(&error, payload_of(header), sizeof error);
    skip += error.msg.nlmsg_len - sizeof(nlmsghdr);
  }
  for (const nlattr* attribute : parse_attributes(header, skip, NLMSGERR_ATTR_MSG))
    if (attribute != nullptr && nla_type(attribute) == NLMSGERR_ATTR_MSG) answer.text = text_of(attribute);
  return answer;
}

}  // namespace

// ---- Message

void Message::Free::operator()(nl_msg* message) const { nlmsg_free(message); }

Message::Message(int type, int flags, size_t capacity) : message_(nlmsg_alloc_size(capacity)) {
  if (!message_ || nlmsg_put(message_.get(), 0, 0, type, 0, flags | NLM_F_REQUEST) == nullptr)
    overflown_ = true;
}

void Message::append(const void* bytes, size_t size) {
  if (overflown_ || nlmsg_append(message_.get(), const_cast<void*>(bytes), size, NLMSG_ALIGNTO) < 0)
    overflown_ = true;
}

Message& Message::put(int attribute, const void* bytes, size_t size) {
  if (overflown_ || nla_put(message_.get(), attribute, static_cast<int>(size), bytes) < 0) overflown_ = true;
  return *this;
}

Message& Message::put_text(int attribute, std::string_view text) {
  return put(attribute, std::string(text).c_str(), text.size() + 1);
}
Message& Message::put_u8(int attribute, uint8_t value) { return put(attribute, &value, sizeof value); }
Message& Message::put_u16(int attribute, uint16_t value) { return put(attribute, &value, sizeof value); }
Message& Message::put_u32(int attribute, uint32_t value) { return put(attribute, &value, sizeof value); }
Message& Message::put_be16(int attribute, uint16_t host_order) {
  return put_u16(attribute, __builtin_bswap16(host_order));
}
Message& Message::put_be32(int attribute, uint32_t host_order) {
  return put_u32(attribute, __builtin_bswap32(host_order));
}
Message& Message::put_be64(int attribute, uint64_t host_order) {
  const uint64_t value = __builtin_bswap64(host_order);
  return put(attribute, &value, sizeof value);
}
Message& Message::put_flag(int attribute) { return put(attribute, "", 0); }

nlattr* Message::begin(int attribute, bool flagged) {
  nlattr* nest =
      overflown_ ? nullptr : nla_nest_start(message_.get(), flagged ? attribute | NLA_F_NESTED : attribute);
  if (nest == nullptr) overflown_ = true;
  return nest;
}

void Message::end(nlattr* nest) {
  if (overflown_) return;
  // libnl's nla_nest_end() removes an empty nest, which would drop an intentionally empty list.
  const char* tail = static_cast<const char*>(nlmsg_tail(nlmsg_hdr(message_.get())));
  const auto length = static_cast<size_t>(tail - reinterpret_cast<const char*>(nest));
  if (length > UINT16_MAX) {
    overflown_ = true;
    return;
  }
  nest->nla_len = static_cast<uint16_t>(length);
}

nlmsghdr* Message::raw() const { return nlmsg_hdr(message_.get()); }
size_t Message::size() const { return overflown_ ? 0 : raw()->nlmsg_len; }
size_t Message::room() const {
  return overflown_ ? 0 : nlmsg_get_max_size(message_.get()) - raw()->nlmsg_len;
}

// ---- NetlinkSocket

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return Error::last_errno("open netlink socket");
  const int on = 1;
  // Both options only improve answers: error texts, and errors without a copy of the request.
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error::last_errno("bind netlink socket");
  return NetlinkSocket(std::move(fd));
}

uint32_t NetlinkSocket::port() const {
  sockaddr_nl address{};
  socklen_t size = sizeof address;
  return getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 ? address.nl_pid : 0;
}

Result<> NetlinkSocket::send(std::span<nlmsghdr* const> headers) {
  std::vector<iovec> pieces;
  pieces.reserve(headers.size());
  for (nlmsghdr* header : headers) pieces.push_back({header, NLMSG_ALIGN(header->nlmsg_len)});
  // Joins more pieces than sendmsg(2) accepts; the kernel copies everything into one buffer anyway.
  std::vector<char> joined;
  if (pieces.size() > 512) {
    for (const iovec& piece : pieces) {
      const char* bytes = static_cast<const char*>(piece.iov_base);
      joined.insert(joined.end(), bytes, bytes + piece.iov_len);
    }
    pieces.assign(1, {joined.data(), joined.size()});
  }
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  msghdr message{};
  message.msg_name = &kernel;
  message.msg_namelen = sizeof kernel;
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  while (sendmsg(fd_.get(), &message, 0) < 0)
    if (errno != EINTR) return Error::last_errno("send to netlink");
  return {};
}

Result<ssize_t> NetlinkSocket::receive(int flags) {
  if (buffer_.size() < kReceiveBytes) buffer_.resize(kReceiveBytes);
  while (true) {
    const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), flags | MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::last_errno("receive from netlink");
    if (static_cast<size_t>(got) > buffer_.size()) return Error("receive from netlink: message too long");
    return got;
  }
}

Result<std::vector<Answer>> NetlinkSocket::send_all(std::span<Message> messages) {
  std::vector<nlmsghdr*> headers;
  const uint32_t first = sequence_ + 1;
  for (Message& message : messages) {
    if (message.overflown()) return Error("netlink message too long");
    message.raw()->nlmsg_seq = next_sequence();
    message.raw()->nlmsg_flags |= NLM_F_ACK;
    headers.push_back(message.raw());
  }
  TRY(send(headers));
  std::vector<Answer> answers(messages.size());
  for (size_t seen = 0; seen < messages.size();) {
    TRY_ASSIGN(const ssize_t got, receive(0));
    auto left = static_cast<int>(got);
    for (const nlmsghdr* header = first_header(buffer_.data()); NLMSG_OK(header, static_cast<unsigned>(left));
         header = NLMSG_NEXT(header, left)) {
      const uint32_t index = header->nlmsg_seq - first;
      if (index >= messages.size() || header->nlmsg_type != NLMSG_ERROR) continue;
      answers[index] = read_answer(*header);
      ++seen;
    }
  }
  return answers;
}

Result<> NetlinkSocket::request(Message& message, std::string_view what) {
  auto answers = send_all({&message, 1});
  if (!answers) return std::move(answers).error().in(what);
  const Answer& answer = answers->front();
  if (answer.error != 0) return netlink_error(what, answer.error, answer.text);
  return {};
}

Result<> NetlinkSocket::query(Message& message, std::string_view what,
                              const std::function<void(const nlmsghdr&)>& handler) {
  if (message.overflown()) return Error(std::string(what) + ": netlink message too long");
  const uint32_t sequence = next_sequence();
  message.raw()->nlmsg_seq = sequence;
  const bool dump = (message.raw()->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  // Requests an acknowledgment after a get, so that both kinds end in the same way.
  if (!dump) message.raw()->nlmsg_flags |= NLM_F_ACK;
  nlmsghdr* const header_to_send = message.raw();
  TRY(send({&header_to_send, 1}).in(what));
  while (true) {
    auto got = receive(0);
    if (!got) return std::move(got).error().in(what);
    auto left = static_cast<int>(*got);
    for (const nlmsghdr* header = first_header(buffer_.data()); NLMSG_OK(header, static_cast<unsigned>(left));
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_seq != sequence) continue;
      if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
        const Answer answer = read_answer(*header);
        if (answer.error != 0) return netlink_error(what, answer.error, answer.text);
        return {};
      }
      handler(*header);
    }
  }
}

Result<> NetlinkSocket::transaction(std::span<Message> messages, std::string_view what) {
  if (messages.empty()) return {};
  const nfgenmsg subsystem{AF_UNSPEC, NFNETLINK_V0, __builtin_bswap16(NFNL_SUBSYS_NFTABLES)};
  Message begin(NFNL_MSG_BATCH_BEGIN, 0, 64);
  begin.header(subsystem);
  Message end(NFNL_MSG_BATCH_END, 0, 64);
  end.header(subsystem);

  std::vector<nlmsghdr*> headers{begin.raw()};
  size_t total = 0;
  for (Message& message : messages) {
    if (message.overflown()) return Error(std::string(what) + ": netlink message too long");
    message.raw()->nlmsg_flags &= static_cast<uint16_t>(~NLM_F_ACK);
    headers.push_back(message.raw());
    total += message.size();
  }
  // Requests only one acknowledgment: thousands would overflow the receive buffer. Failures are always reported.
  messages.back().raw()->nlmsg_flags |= NLM_F_ACK;
  headers.push_back(end.raw());
  const uint32_t first = sequence_ + 1;
  for (nlmsghdr* header : headers) header->nlmsg_seq = next_sequence();

  if (total > kLargestTransaction) return Error(std::string(what) + ": transaction too long");
  const int room = static_cast<int>(total) + 64 * 1024;
  // The plain option is limited by net.core.wmem_max; the force option requires CAP_NET_ADMIN in the initial user namespace.
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);

  TRY(send(headers).in(what));
  // The kernel executes the transaction in sendmsg(2), so all answers are queued; the first failure is the cause.
  Answer failure;
  bool acknowledged = false;
  while (true) {
    auto got = receive(MSG_DONTWAIT);
    if (!got && got.error().code() == EAGAIN) break;
    if (!got) return std::move(got).error().in(what);
    auto left = static_cast<int>(*got);
    for (const nlmsghdr* header = first_header(buffer_.data()); NLMSG_OK(header, static_cast<unsigned>(left));
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq - first >= headers.size()) continue;
      const Answer answer = read_answer(*header);
      if (answer.error == 0) acknowledged = true;
      if (answer.error != 0 && failure.error == 0) failure = answer;
    }
  }
  if (failure.error != 0) return netlink_error(what, failure.error, failure.text);
  if (!acknowledged) return Error(std::string(what) + ": no answer from nf_tables");
  return {};
}

// ---- answers

void for_each_message(std::span<const char> bytes, const std::function<void(const nlmsghdr&)>& handler) {
  auto left = static_cast<int>(bytes.size());
  for (const nlmsghdr* header = first_header(bytes.data()); NLMSG_OK(header, static_cast<unsigned>(left));
       header = NLMSG_NEXT(header, left))
    handler(*header);
}

const void* payload_of(const nlmsghdr& header) { return nlmsg_data(&header); }

std::vector<const nlattr*> parse_attributes(const nlmsghdr& header, size_t family_header, int most) {
  std::vector<const nlattr*> found(static_cast<size_t>(most) + 1, nullptr);
  const size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(family_header);
  if (header.nlmsg_len < skip) return found;
  const char* bytes = reinterpret_cast<const char*>(&header) + skip;
  auto left = static_cast<int>(header.nlmsg_len - skip);
  for (auto* attribute = reinterpret_cast<const nlattr*>(bytes); nla_ok(attribute, left);
       attribute = nla_next(attribute, &left))
    if (nla_type(attribute) <= most) found[static_cast<size_t>(nla_type(attribute))] = attribute;
  return found;
}

std::vector<const nlattr*> parse_nested(const nlattr* nest, int most) {
  std::vector<const nlattr*> found(static_cast<size_t>(most) + 1, nullptr);
  if (nest == nullptr) return found;
  int left = nla_len(nest);
  for (auto* attribute = static_cast<const nlattr*>(nla_data(nest)); nla_ok(attribute, left);
       attribute = nla_next(attribute, &left))
    if (nla_type(attribute) <= most) found[static_cast<size_t>(nla_type(attribute))] = attribute;
  return found;
}

void for_each_nested(const nlattr* list, const std::function<void(const nlattr*)>& handler) {
  if (list == nullptr) return;
  int left = nla_len(list);
  for (auto* attribute = static_cast<const nlattr*>(nla_data(list)); nla_ok(attribute, left);
       attribute = nla_next(attribute, &left))
    handler(attribute);
}

uint32_t u32_of(const nlattr* attribute) { return value_of<uint32_t>(attribute); }
uint32_t be32_of(const nlattr* attribute) { return __builtin_bswap32(value_of<uint32_t>(attribute)); }

uint64_t be64_of(const nlattr* attribute) { return __builtin_bswap64(value_of<uint64_t>(attribute)); }

std::string_view text_of(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  const char* text = static_cast<const char*>(nla_data(attribute));
  return {text, strnlen(text, static_cast<size_t>(nla_len(attribute)))};
}

std::span<const uint8_t> bytes_of(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  return {static_cast<const uint8_t*>(nla_data(attribute)), static_cast<size_t>(nla_len(attribute))};
}

Error netlink_error(std::string_view what, int error, std::string_view kernel_text) {
  if (kernel_text.empty()) return Error::from_errno(what, error);
  // Context can only be prepended, so the kernel's text is placed in the middle.
  return Error::from_errno(std::string(what) + " (" + std::string(kernel_text) + ")", error);
}

}  // namespace stack::net
