// Messages of nf_tables, encoded in this one place (linux/netfilter/nf_tables.h; the meaning of an
// expression's attributes is what `nft --debug=netlink` prints). Used only inside net/: what we filter is
// said in firewall.cpp.
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

// Sixteen registers of four bytes; a value longer than that fills the following ones.
using Register = uint32_t;
constexpr Register reg(unsigned number) { return 8 + number; }

// The element types nft(8) prints by; concatenated fields each fill a multiple of four bytes.
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

// An existing one is fine, unless `exclusive` (EEXIST).
Message new_table(const Table& table, bool exclusive = false);
Message delete_table(const Table& table);
Message new_chain(const Table& table, std::string_view name);
// `type` is "filter" or "nat"; policy accept.
Message new_base_chain(const Table& table, std::string_view name, std::string_view type, Hook hook,
                       int priority);
// `id` is unique within the transaction. With `value_type` it is a map.
Message new_set(const Table& table, std::string_view name, uint32_t id, std::span<const Type> key_type,
                std::span<const Type> value_type = {});
// As many messages as it takes: an attribute holds 64 KiB.
void add_elements(std::vector<Message>& batch, const Table& table, std::string_view set,
                  std::span<const Element> elements);
// Removing goes by key. A missing one fails the transaction with ENOENT.
void delete_elements(std::vector<Message>& batch, const Table& table, std::string_view set,
                     std::span<const Element> elements);

// ---- rules

// A rule under construction: expressions in order, the first that does not match ends it. `position` other
// than 0: the handle of the rule that the new one goes in front of; otherwise it goes to the end.
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

  // Matches. Interface names, protocols and the like are compared whole.
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
  Rule&& look_up(Register key, std::string_view map, Register to);  // no match without an element
  Rule&& load(Register to, std::span<const uint8_t> bytes);
  Rule&& set_mark_bits(uint32_t bits);
  Rule&& dnat(Family family, Register address, Register port);
  Rule&& masquerade();
  Rule&& counter();
  Rule&& accept();
  Rule&& drop();
  Rule&& return_();
  Rule&& jump(std::string_view chain);
  Rule&& go_to(std::string_view chain);

  // The message; the rule is used up. The comment is shown by nft(8).
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

// The elements of a set or map; an error with ENOENT where there is no such set.
Result<std::vector<Element>> list_elements(NetlinkSocket& socket, const Table& table, std::string_view set);

// Names of the tables of a family.
Result<std::vector<std::string>> list_tables(NetlinkSocket& socket, TableFamily family);

// Message type numbers are shifted by the subsystem.
constexpr int message_type(int nft_message) { return 10 << 8 | nft_message; }
Message message(TableFamily family, int nft_message, int flags, size_t capacity = 1024);

}  // namespace stack::net::nft
