// The decision about one query. Pure: no sockets, no clock; randomness comes in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/dns/message.h"
#include "net/dns/zone.h"

namespace stack::dns {

// Addresses of containers change when they are made anew, and the answer comes from the same machine in
// microseconds, so it is kept only briefly; 0 would be ignored by some (nginx keeps it for a second, glibc's
// nscd refuses it). Names that do not exist now may in a moment.
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
//   malformed                              as parse_query() says
//   EDNS version above 0                   BADVERS
//   class other than IN and ANY            REFUSED
//   localhost, *.localhost                 127.0.0.1, ::1 (RFC 6761)
//   *.invalid                              NXDOMAIN
//   a name on the view's networks          A, AAAA: all its addresses, shuffled; ANY: those of one family;
//                                          other types: NODATA
//   a name of stopped containers only      NXDOMAIN: the question must not leave the machine
//   PTR of an address of the view          container.network
//   PTR of 127.0.0.0/8, ::1                localhost
//   PTR of other addresses of our subnets  NXDOMAIN
//   *.<internal network>                   NXDOMAIN
//   everything else                        Forward; NXDOMAIN where the view has internal networks only
// Negative answers carry an SOA. `random` is the state of the shuffle.
Decision answer(std::string_view bytes, const View& view, const Zone& zone, Transport transport,
                uint64_t& random);

// One step of a xorshift generator; the state must not be 0.
uint64_t next_random(uint64_t& state);

}  // namespace stack::dns
