#include "net/firewall/nftables.h"

// Must precede the kernel's headers, which otherwise define the same types.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace stack::net::nft {
namespace {

static_assert(NFNL_SUBSYS_NFTABLES == 10);

constexpr size_t kRuleBytes = 2048;
constexpr size_t kElementsBytes = 60000;  // an attribute's length field has 16 bits

uint32_t type_number(std::span<const Type> fields) {
  uint32_t number = 0;
  for (const Type field : fields) number = number << 6 | static_cast<uint32_t>(field);
  return number;
}

uint32_t type_bytes(std::span<const Type> fields) {
  uint32_t bytes = 0;
  for (const Type field : fields) bytes += field == Type::Ipv6 || field == Type::InterfaceName ? 16 : 4;
  return bytes;
}

void put_value(Message& message, int attribute, std::span<const uint8_t> bytes) {
  message.nest(attribute, [&] { message.put(NFTA_DATA_VALUE, bytes.data(), bytes.size()); }, true);
}

// One message per 60 KB of elements.
void put_elements(std::vector<Message>& batch, int type, int flags, const Table& table, std::string_view set,
                  std::span<const Element> elements, bool with_values) {
  while (!elements.empty()) {
    const size_t each = 32 + elements[0].key.size() + (with_values ? elements[0].value.size() + 8 : 0);
    const size_t capacity = std::min(kElementsBytes, 256 + elements.size() * each);
    Message out = message(table.family, type, flags, capacity);
    out.put_text(NFTA_SET_ELEM_LIST_TABLE, table.name).put_text(NFTA_SET_ELEM_LIST_SET, set);
    out.nest(
        NFTA_SET_ELEM_LIST_ELEMENTS,
        [&] {
          while (!elements.empty() && out.room() > each) {
            const Element& element = elements.front();
            out.nest(
                NFTA_LIST_ELEM,
                [&] {
                  put_value(out, NFTA_SET_ELEM_KEY, element.key);
                  if (with_values && !element.value.empty())
                    put_value(out, NFTA_SET_ELEM_DATA, element.value);
                },
                true);
            elements = elements.subspan(1);
          }
        },
        true);
    batch.push_back(std::move(out));
  }
}

std::span<const uint8_t> native_bytes(const uint32_t& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

// The user data in which nft(8) stores comments: type, length, text with its NUL.
Bytes comment_data(std::string_view comment) {
  comment = comment.substr(0, 127);
  Bytes bytes{0, static_cast<uint8_t>(comment.size() + 1)};
  bytes.insert(bytes.end(), comment.begin(), comment.end());
  bytes.push_back(0);
  return bytes;
}

void put_be_values(Message& message, std::initializer_list<std::pair<int, uint32_t>> values) {
  for (const auto& [attribute, value] : values) message.put_be32(attribute, value);
}

}  // namespace

// ---- keys and values

Bytes interface_bytes(std::string_view name) {
  Bytes bytes(name.begin(), name.end());
  bytes.resize(16);
  return bytes;
}

Bytes address_bytes(const IpAddress& address) { return {address.bytes().begin(), address.bytes().end()}; }
Bytes port_bytes(uint16_t port) {
  return {static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port & 0xff), 0, 0};
}
Bytes protocol_bytes(uint8_t protocol) { return {protocol, 0, 0, 0}; }

Bytes concat(std::initializer_list<Bytes> fields) {
  Bytes whole;
  for (const Bytes& field : fields) whole.insert(whole.end(), field.begin(), field.end());
  return whole;
}

// ---- table, chains, sets

Message message(TableFamily family, int nft_message, int flags, size_t capacity) {
  Message out(message_type(nft_message), flags, capacity);
  out.header(nfgenmsg{static_cast<uint8_t>(family), NFNETLINK_V0, 0});
  return out;
}

Message new_table(const Table& table, bool exclusive) {
  Message out = message(table.family, NFT_MSG_NEWTABLE, NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0));
  return std::move(out.put_text(NFTA_TABLE_NAME, table.name));
}

Message delete_table(const Table& table) {
  Message out = message(table.family, NFT_MSG_DELTABLE, 0);
  return std::move(out.put_text(NFTA_TABLE_NAME, table.name));
}

Message new_chain(const Table& table, std::string_view name) {
  Message out = message(table.family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  return std::move(out.put_text(NFTA_CHAIN_TABLE, table.name).put_text(NFTA_CHAIN_NAME, name));
}

Message new_base_chain(const Table& table, std::string_view name, std::string_view type, Hook hook,
                       int priority) {
  Message out = new_chain(table, name);
  out.put_text(NFTA_CHAIN_TYPE, type);
  out.nest(
      NFTA_CHAIN_HOOK,
      [&] {
        out.put_be32(NFTA_HOOK_HOOKNUM, static_cast<uint32_t>(hook));
        out.put_be32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
      },
      true);
  return std::move(out.put_be32(NFTA_CHAIN_POLICY, NF_ACCEPT));
}

Message new_set(const Table& table, std::string_view name, uint32_t id, std::span<const Type> key_type,
                std::span<const Type> value_type) {
  Message out = message(table.family, NFT_MSG_NEWSET, NLM_F_CREATE);
  out.put_text(NFTA_SET_TABLE, table.name).put_text(NFTA_SET_NAME, name);
  // NFT_SET_CONCAT matters only for intervals.
  out.put_be32(NFTA_SET_FLAGS, value_type.empty() ? 0 : NFT_SET_MAP);
  out.put_be32(NFTA_SET_KEY_TYPE, type_number(key_type)).put_be32(NFTA_SET_KEY_LEN, type_bytes(key_type));
  if (!value_type.empty()) {
    out.put_be32(NFTA_SET_DATA_TYPE, type_number(value_type));
    out.put_be32(NFTA_SET_DATA_LEN, type_bytes(value_type));
  }
  out.put_be32(NFTA_SET_ID, id);
  // For nft(8): the byte order of keys, 1 = host order (names), 2 = big endian.
  const uint8_t order = key_type[0] == Type::InterfaceName ? 1 : 2;
  const uint8_t user_data[] = {0, 4, order, 0, 0, 0};
  return std::move(out.put(NFTA_SET_USERDATA, user_data, sizeof user_data));
}

void add_elements(std::vector<Message>& batch, const Table& table, std::string_view set,
                  std::span<const Element> elements) {
  put_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, elements, true);
}

void delete_elements(std::vector<Message>& batch, const Table& table, std::string_view set,
                     std::span<const Element> elements) {
  put_elements(batch, NFT_MSG_DELSETELEM, 0, table, set, elements, false);
}

// ---- rules

Rule::Rule(const Table& table, std::string_view chain, uint64_t before_handle)
    // With a position, NLM_F_APPEND means "after that rule" and its absence "before".
    : message_(nft::message(table.family, NFT_MSG_NEWRULE,
                            NLM_F_CREATE | (before_handle == 0 ? NLM_F_APPEND : 0), kRuleBytes)) {
  message_.put_text(NFTA_RULE_TABLE, table.name).put_text(NFTA_RULE_CHAIN, chain);
  if (before_handle != 0) message_.put_be64(NFTA_RULE_POSITION, before_handle);
  expressions_ = message_.begin(NFTA_RULE_EXPRESSIONS, true);
}

void Rule::expression(std::string_view name, const std::function<void()>& body) {
  message_.nest(
      NFTA_LIST_ELEM,
      [&] {
        message_.put_text(NFTA_EXPR_NAME, name);
        message_.nest(NFTA_EXPR_DATA, body, true);
      },
      true);
}

void Rule::meta(uint32_t key, Register to) {
  expression("meta", [&] { put_be_values(message_, {{NFTA_META_KEY, key}, {NFTA_META_DREG, to}}); });
}

void Rule::payload(uint32_t base, uint32_t offset, uint32_t length, Register to) {
  expression("payload", [&] {
    put_be_values(message_, {{NFTA_PAYLOAD_DREG, to},
                             {NFTA_PAYLOAD_BASE, base},
                             {NFTA_PAYLOAD_OFFSET, offset},
                             {NFTA_PAYLOAD_LEN, length}});
  });
}

void Rule::conntrack(uint32_t key, Register to) {
  expression("ct", [&] { put_be_values(message_, {{NFTA_CT_KEY, key}, {NFTA_CT_DREG, to}}); });
}

void Rule::compare(Register value, uint32_t op, std::span<const uint8_t> bytes) {
  expression("cmp", [&] {
    put_be_values(message_, {{NFTA_CMP_SREG, value}, {NFTA_CMP_OP, op}});
    put_value(message_, NFTA_CMP_DATA, bytes);
  });
}

void Rule::mask(Register value, uint32_t keep, uint32_t flip) {
  expression("bitwise", [&] {
    put_be_values(message_,
                  {{NFTA_BITWISE_SREG, value}, {NFTA_BITWISE_DREG, value}, {NFTA_BITWISE_LEN, sizeof keep}});
    put_value(message_, NFTA_BITWISE_MASK, native_bytes(keep));
    put_value(message_, NFTA_BITWISE_XOR, native_bytes(flip));
  });
}

void Rule::verdict(int code, std::string_view chain) {
  expression("immediate", [&] {
    message_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    message_.nest(
        NFTA_IMMEDIATE_DATA,
        [&] {
          message_.nest(
              NFTA_DATA_VERDICT,
              [&] {
                message_.put_be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
                if (!chain.empty()) message_.put_text(NFTA_VERDICT_CHAIN, chain);
              },
              true);
        },
        true);
  });
}

Rule&& Rule::input_name(Register to) { return meta(NFT_META_IIFNAME, to), std::move(*this); }
Rule&& Rule::output_name(Register to) { return meta(NFT_META_OIFNAME, to), std::move(*this); }
Rule&& Rule::input_kind(Register to) { return meta(NFT_META_IIFKIND, to), std::move(*this); }
Rule&& Rule::output_kind(Register to) { return meta(NFT_META_OIFKIND, to), std::move(*this); }
Rule&& Rule::l4_protocol(Register to) { return meta(NFT_META_L4PROTO, to), std::move(*this); }
Rule&& Rule::mark(Register to) { return meta(NFT_META_MARK, to), std::move(*this); }

Rule&& Rule::destination_address(Family family, Register to) {
  const bool v4 = family == Family::V4;
  return payload(NFT_PAYLOAD_NETWORK_HEADER, v4 ? 16 : 24, v4 ? 4 : 16, to), std::move(*this);
}
Rule&& Rule::destination_net8(Register to) {
  return payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 1, to), std::move(*this);
}
Rule&& Rule::destination_port(Register to) {
  return payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, to), std::move(*this);
}

Rule&& Rule::family_is(Family family) {
  const uint8_t number = family == Family::V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  meta(NFT_META_NFPROTO, reg(0));
  return equal(reg(0), {&number, 1});
}
Rule&& Rule::protocol_is(uint8_t protocol) { return l4_protocol(reg(0)).equal(reg(0), {&protocol, 1}); }
Rule&& Rule::equal(Register value, std::span<const uint8_t> bytes) {
  return compare(value, NFT_CMP_EQ, bytes), std::move(*this);
}
Rule&& Rule::not_equal(Register value, std::span<const uint8_t> bytes) {
  return compare(value, NFT_CMP_NEQ, bytes), std::move(*this);
}

Rule&& Rule::in_set(Register key, std::string_view set) {
  expression("lookup", [&] {
    message_.put_be32(NFTA_LOOKUP_SREG, key);
    message_.put_text(NFTA_LOOKUP_SET, set);
  });
  return std::move(*this);
}

Rule&& Rule::look_up(Register key, std::string_view map, Register to) {
  expression("lookup", [&] {
    put_be_values(message_, {{NFTA_LOOKUP_SREG, key}, {NFTA_LOOKUP_DREG, to}});
    message_.put_text(NFTA_LOOKUP_SET, map);
  });
  return std::move(*this);
}

Rule&& Rule::destination_is_local() {
  expression("fib", [&] {
    put_be_values(message_, {{NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR},
                             {NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE},
                             {NFTA_FIB_DREG, reg(0)}});
  });
  const uint32_t local = 2;  // RTN_LOCAL
  return equal(reg(0), native_bytes(local));
}

Rule&& Rule::state_any_of(uint32_t bits) {
  conntrack(NFT_CT_STATE, reg(0));
  mask(reg(0), bits, 0);
  return not_equal(reg(0), native_bytes(0));
}
Rule&& Rule::status_has(uint32_t bits) {
  conntrack(NFT_CT_STATUS, reg(0));
  mask(reg(0), bits, 0);
  return equal(reg(0), native_bytes(bits));
}
Rule&& Rule::mark_has(uint32_t bits) {
  mark(reg(0));
  mask(reg(0), bits, 0);
  return equal(reg(0), native_bytes(bits));
}

Rule&& Rule::load(Register to, std::span<const uint8_t> bytes) {
  expression("immediate", [&] {
    message_.put_be32(NFTA_IMMEDIATE_DREG, to);
    put_value(message_, NFTA_IMMEDIATE_DATA, bytes);
  });
  return std::move(*this);
}

Rule&& Rule::set_mark_bits(uint32_t bits) {
  mark(reg(0));
  mask(reg(0), ~bits, bits);
  expression("meta",
             [&] { put_be_values(message_, {{NFTA_META_KEY, NFT_META_MARK}, {NFTA_META_SREG, reg(0)}}); });
  return std::move(*this);
}

Rule&& Rule::dnat(Family family, Register address, Register port) {
  expression("nat", [&] {
    put_be_values(message_, {{NFTA_NAT_TYPE, NFT_NAT_DNAT},
                             {NFTA_NAT_FAMILY, family == Family::V4 ? NFPROTO_IPV4 : NFPROTO_IPV6},
                             {NFTA_NAT_REG_ADDR_MIN, address},
                             {NFTA_NAT_REG_PROTO_MIN, port}});
  });
  return std::move(*this);
}

Rule&& Rule::snat(Family family, Register address) {
  expression("nat", [&] {
    put_be_values(message_, {{NFTA_NAT_TYPE, NFT_NAT_SNAT},
                             {NFTA_NAT_FAMILY, family == Family::V4 ? NFPROTO_IPV4 : NFPROTO_IPV6},
                             {NFTA_NAT_REG_ADDR_MIN, address}});
  });
  return std::move(*this);
}

Rule&& Rule::masquerade() {
  expression("masq", [] {});
  return std::move(*this);
}

Rule&& Rule::counter() {
  expression("counter", [] {});
  return std::move(*this);
}
Rule&& Rule::accept() { return verdict(NF_ACCEPT), std::move(*this); }
Rule&& Rule::drop() { return verdict(NF_DROP), std::move(*this); }
Rule&& Rule::return_() { return verdict(NFT_RETURN), std::move(*this); }
Rule&& Rule::jump(std::string_view chain) { return verdict(NFT_JUMP, chain), std::move(*this); }
Rule&& Rule::go_to(std::string_view chain) { return verdict(NFT_GOTO, chain), std::move(*this); }

Message Rule::finish(std::string_view comment) {
  message_.end(expressions_);
  if (!comment.empty()) {
    const Bytes bytes = comment_data(comment);
    message_.put(NFTA_RULE_USERDATA, bytes.data(), bytes.size());
  }
  return std::move(message_);
}

Message delete_rule(TableFamily family, std::string_view table, std::string_view chain, uint64_t handle) {
  Message out = message(family, NFT_MSG_DELRULE, 0);
  out.put_text(NFTA_RULE_TABLE, table).put_text(NFTA_RULE_CHAIN, chain);
  return std::move(out.put_be64(NFTA_RULE_HANDLE, handle));
}

// ---- list

std::string_view comment_of(const nlattr* user_data) {
  auto bytes = bytes_of(user_data);
  while (bytes.size() >= 2 && bytes.size() >= size_t{2} + bytes[1]) {
    const auto value = bytes.subspan(2, bytes[1]);
    const auto* text = reinterpret_cast<const char*>(value.data());
    if (bytes[0] == 0) return {text, strnlen(text, value.size())};
    bytes = bytes.subspan(2 + value.size());
  }
  return {};
}

Bytes data_value(const nlattr* data) {
  const auto value = bytes_of(parse_nested(data, NFTA_DATA_VALUE)[NFTA_DATA_VALUE]);
  return {value.begin(), value.end()};
}

Result<std::vector<Element>> list_elements(NetlinkSocket& socket, const Table& table, std::string_view set) {
  std::vector<Element> elements;
  Message out = message(table.family, NFT_MSG_GETSETELEM, NLM_F_DUMP);
  out.put_text(NFTA_SET_ELEM_LIST_TABLE, table.name).put_text(NFTA_SET_ELEM_LIST_SET, set);
  TRY(socket.query(out, "list set " + std::string(set), [&](const nlmsghdr& header) {
    const nlattr* list =
        parse_attributes(header, sizeof(nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS)[NFTA_SET_ELEM_LIST_ELEMENTS];
    for_each_nested(list, [&](const nlattr* item) {
      const auto attributes = parse_nested(item, NFTA_SET_ELEM_DATA);
      elements.push_back(
          {data_value(attributes[NFTA_SET_ELEM_KEY]), data_value(attributes[NFTA_SET_ELEM_DATA])});
    });
  }));
  return elements;
}

Result<std::vector<std::string>> list_tables(NetlinkSocket& socket, TableFamily family) {
  std::vector<std::string> names;
  Message out = message(family, NFT_MSG_GETTABLE, NLM_F_DUMP);
  TRY(socket.query(out, "list nf_tables tables", [&](const nlmsghdr& header) {
    if (header.nlmsg_type == message_type(NFT_MSG_NEWTABLE))
      names.emplace_back(
          text_of(parse_attributes(header, sizeof(nfgenmsg), NFTA_TABLE_NAME)[NFTA_TABLE_NAME]));
  }));
  return names;
}

}  // namespace stack::net::nft
