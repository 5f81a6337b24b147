// Decides how to answer one query. Pure: no sockets or clock; the caller passes the random state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/dns/message.h"
#include "net/dns/zone.h"

namespace stack::dns {

// Short, because addresses change when containers are recreated and a local query takes only microseconds. Not 0,
// because some clients do not honor 0 (nginx caches for a second, glibc's nscd rejects it). Applies to negative answers
// as well, because missing names may soon exist.
inline constexpr uint32_t kLocalTtl = 5;
inline constexpr uint32_t kNegativeTtl = 1;

enum class Transport : uint8_t { Udp, Tcp };

struct Decision {
  enum class Kind { Reply, Forward, Drop };
  Kind kind = Kind::Drop;
  std::string reply;  // for Reply
  Query query;        // for Forward
};

// Rules, in order:
//   malformed                              as returned by parse_query()
//   EDNS version above 0                   BADVERS
//   class other than IN and ANY            REFUSED
//   localhost, *.localhost                 127.0.0.1, ::1 (RFC 6761)
//   *.invalid                              NXDOMAIN
//   a name on the view's networks          A, AAAA: all its addresses, shuffled; ANY: those of one family;
//                                          other types: NODATA
//   a name of stopped containers only      NXDOMAIN: the query must not leave the machine
//   PTR of an address of the view          container.network
//   PTR of 127.0.0.0/8, ::1                localhost
//   PTR of other addresses of our subnets  NXDOMAIN
//   *.<internal network>                   NXDOMAIN
//   everything else                        Forward; NXDOMAIN if all networks of the view are internal
// Negative answers have an SOA. `random` is the state of the shuffle.
Decision answer(std::string_view bytes, const View& view, const Zone& zone, Transport transport,
                uint64_t& random);

// One step of a xorshift generator; the state must not be 0.
uint64_t next_random(uint64_t& state);

}  // namespace stack::dns
