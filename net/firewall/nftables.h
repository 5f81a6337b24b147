// Encodes nf_tables messages (linux/netfilter/nf_tables.h; `nft --debug=netlink` shows the attributes of expressions).
// Used only inside net/; firewall.cpp defines the rules.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "net/link/netlink.h"

namespace stack::net::nft {

enum class TableFamily : uint8_t { Inet = 1, Ip = 2, Ip6 = 10 };

struct Table {
  TableFamily family = TableFamily::Inet;
  std::string name;
};

// Sixteen registers of four bytes; a longer value also fills the following registers.
using Register = uint32_t;
constexpr Register reg(unsigned number) { return 8 + number; }

// The element types used by nft(8) for printing; each concatenated field fills a multiple of four bytes.
enum class Type : uint32_t { Ipv4 = 7, Ipv6 = 8, Protocol = 12, Port = 13, InterfaceName = 41 };

enum class Hook : uint32_t { Prerouting = 0, Forward = 2, Output = 3, Postrouting = 4 };

// Priorities by their nft(8) names.
constexpr int kRaw = -300;
constexpr int kDestinationNat = -100;
constexpr int kFilter = 0;
constexpr int kSourceNat = 100;

// ---- keys and values of elements

using Bytes = std::vector<uint8_t>;
Bytes interface_bytes(std::string_view name);  // 16 bytes, zero-filled
Bytes address_bytes(const IpAddress& address);
Bytes port_bytes(uint16_t port);         // big endian, padded to four
Bytes protocol_bytes(uint8_t protocol);  // padded to four
Bytes concat(std::initializer_list<Bytes> fields);

struct Element {
  Bytes key;
  Bytes value;  // of maps
  auto operator<=>(const Element&) const = default;
};

// ---- table, chains, sets

// Accepts an existing table, unless `exclusive` (EEXIST).
Message new_table(const Table& table, bool exclusive = false);
Message delete_table(const Table& table);
Message new_chain(const Table& table, std::string_view name);
// `type` is "filter" or "nat"; policy accept.
Message new_base_chain(const Table& table, std::string_view name, std::string_view type, Hook hook,
                       int priority);
// `id` is unique within the transaction. With `value_type` it is a map.
Message new_set(const Table& table, std::string_view name, uint32_t id, std::span<const Type> key_type,
                std::span<const Type> value_type = {});
// Uses as many messages as necessary, because an attribute is limited to 64 KiB.
void add_elements(std::vector<Message>& batch, const Table& table, std::string_view set,
                  std::span<const Element> elements);
// Removes elements by key. A missing element fails the transaction with ENOENT.
void delete_elements(std::vector<Message>& batch, const Table& table, std::string_view set,
                     std::span<const Element> elements);

// ---- rules

// A rule under construction: a list of expressions; evaluation stops at the first one that does not match. `position`: the
// handle of the rule before which to insert the new one; 0 = append.
class Rule {
 public:
  Rule(const Table& table, std::string_view chain, uint64_t before_handle = 0);

  // Loads.
  Rule&& input_name(Register to);
  Rule&& output_name(Register to);
  Rule&& input_kind(Register to);  // "bridge", "veth", ...: interface_bytes()
  Rule&& output_kind(Register to);
  Rule&& l4_protocol(Register to);
  Rule&& mark(Register to);
  Rule&& destination_address(Family family, Register to);
  Rule&& destination_net8(Register to);  // first byte of the IPv4 destination
  Rule&& destination_port(Register to);

  // Matches. Interface names, protocols, and similar values are compared completely.
  Rule&& family_is(Family family);
  Rule&& protocol_is(uint8_t protocol);
  Rule&& equal(Register value, std::span<const uint8_t> bytes);
  Rule&& not_equal(Register value, std::span<const uint8_t> bytes);
  Rule&& in_set(Register key, std::string_view set);
  Rule&& destination_is_local();       // fib daddr type local
  Rule&& state_any_of(uint32_t bits);  // NF_CT_STATE_BIT()
  Rule&& status_has(uint32_t bits);    // IPS_*
  Rule&& mark_has(uint32_t bits);

  // Actions.
  Rule&& look_up(Register key, std::string_view map,
                 Register to);  // does not match if there is no such element
  Rule&& load(Register to, std::span<const uint8_t> bytes);
  Rule&& set_mark_bits(uint32_t bits);
  Rule&& dnat(Family family, Register address, Register port);
  Rule&& snat(Family family, Register address);
  Rule&& masquerade();
  Rule&& counter();
  Rule&& accept();
  Rule&& drop();
  Rule&& return_();
  Rule&& jump(std::string_view chain);
  Rule&& go_to(std::string_view chain);

  // Builds the message and consumes the rule. nft(8) shows the comment.
  Message finish(std::string_view comment = "");

 private:
  void expression(std::string_view name, const std::function<void()>& body);
  void compare(Register value, uint32_t op, std::span<const uint8_t> bytes);
  void mask(Register value, uint32_t keep, uint32_t flip);
  void meta(uint32_t key, Register to);
  void payload(uint32_t base, uint32_t offset, uint32_t length, Register to);
  void conntrack(uint32_t key, Register to);
  void verdict(int code, std::string_view chain = "");
  Message message_;
  nlattr* expressions_ = nullptr;
};

Message delete_rule(TableFamily family, std::string_view table, std::string_view chain, uint64_t handle);

// The comment in a rule's user data, "" = none.
std::string_view comment_of(const nlattr* user_data);

// The value of an attribute of kind NFTA_DATA_VALUE.
Bytes data_value(const nlattr* data);

// The elements of a set or map; an error with ENOENT if the set does not exist.
Result<std::vector<Element>> list_elements(NetlinkSocket& socket, const Table& table, std::string_view set);

// Names of the tables of a family.
Result<std::vector<std::string>> list_tables(NetlinkSocket& socket, TableFamily family);

// Message type numbers are shifted by the subsystem.
constexpr int message_type(int nft_message) { return 10 << 8 | nft_message; }
Message message(TableFamily family, int nft_message, int flags, size_t capacity = 1024);

}  // namespace stack::net::nft
