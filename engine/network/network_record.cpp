// The members of a network's record in the store (base/fields.h), all written.
#include "engine/network/network.h"
#include "model/text_forms.h"

namespace stack {

template <typename V, Like<net::AddressPool> S>
void fields(V& v, S& s) {
  v("subnet", s.subnet);
  v("ip_range", s.ip_range);
  v("gateway", s.gateway);
  v("auxiliary", s.auxiliary);
}

static void settle(const Members& members, net::AddressPool& pool) {
  if (Result<> valid = net::validate(pool); !valid) members.fail("", valid.error().text());
}

}  // namespace stack

namespace stack::engine {

template <typename V, Like<Network> S>
void fields(V& v, S& s) {
  v("name", s.request.name);
  v("driver", s.request.driver);
  v("options", s.request.options);
  v("labels", s.request.labels);
  v("internal", s.request.internal);
  v("attachable", s.request.attachable);
  v("enable_ipv4", s.request.enable_ipv4);
  v("enable_ipv6", s.request.enable_ipv6);
  v("created_at", s.created_at);
  v("bridge", s.bridge);
  v("parent", s.parent);
  v("made_parent", s.made_parent);
  v("pools", s.pools);
}

Json record_of(const Network& network) { return fields_to_json(network, Defaults::Written); }

Result<NetworkPtr> read_network(const std::string& id, const Json& record) {
  auto network = std::make_shared<Network>();
  network->id = id;
  TRY(read_fields(record, *network));
  return network;
}

}  // namespace stack::engine
