// The challenges of a 401: RFC 9110 section 11.6.1 (WWW-Authenticate) and the distribution project's token specification.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stack::images::registry {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // keys in lower case, values unquoted
  std::string parameter(const std::string& key) const;
};

// All challenges of one field value; several schemes may share it. A malformed remainder is ignored.
std::vector<Challenge> parse_challenges(std::string_view field);

// The best supported challenge of a response: Bearer with a realm before Basic. nullopt if there is none.
std::optional<Challenge> choose_challenge(const std::vector<std::string>& fields);

}  // namespace stack::images::registry
