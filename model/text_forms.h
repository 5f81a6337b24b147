// Values of the model that are strings in JSON (base/fields.h).
#pragma once

#include <optional>
#include <string>

#include "base/fields.h"
#include "model/address.h"
#include "model/protocol.h"

namespace stack {

template <>
struct TextForm<IpAddress> {
  static constexpr const char* kExpected = "an IP address";
  static std::string write(const IpAddress& address) { return address.text(); }
  static std::optional<IpAddress> read(const std::string& text) {
    auto parsed = parse_ip(text);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }
};

template <>
struct TextForm<Cidr> {
  static constexpr const char* kExpected = "an address with its prefix length";
  static std::string write(const Cidr& cidr) { return cidr.text(); }
  static std::optional<Cidr> read(const std::string& text) {
    auto parsed = parse_cidr(text);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }
};

template <>
struct TextForm<MacAddress> {
  static constexpr const char* kExpected = "a MAC address";
  static std::string write(const MacAddress& address) { return address.text(); }
  static std::optional<MacAddress> read(const std::string& text) {
    auto parsed = parse_mac(text);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }
};

template <>
struct TextForm<Protocol> {
  static constexpr const char* kExpected = "tcp, udp or sctp";
  static std::string write(Protocol protocol) { return to_text(protocol); }
  static std::optional<Protocol> read(const std::string& text) { return parse_protocol(text); }
};

}  // namespace stack
