// containers-registries.conf(5), version 2: which registry serves a prefix, its mirrors, and what is blocked.
// Supports the part of TOML 1.0 that such files use: tables, arrays of tables, strings, booleans, arrays, and
// inline tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::images::registry {

enum class MirrorUse { All, DigestOnly, TagOnly };

struct MirrorRule {
  std::string location;  // "mirror.example.com/hub"
  bool insecure = false;
  MirrorUse use = MirrorUse::All;
};

// One [[registry]].
struct RegistryRule {
  std::string prefix;    // "docker.io", "*.example.com", "example.com/team"
  std::string location;  // replaces the prefix; "" = unchanged
  bool insecure = false;
  bool blocked = false;
  bool digest_only = false;  // mirror-by-digest-only
  std::vector<MirrorRule> mirrors;
};

// The error names the line.
Result<std::vector<RegistryRule>> parse_registries_conf(std::string_view text);

// The rule with the longest prefix that covers "domain/path[:tag][@digest]"; nullptr if there is none.
const RegistryRule* find_rule(const std::vector<RegistryRule>& rules, std::string_view reference);

// `name` with the rule's prefix replaced by `location`: ("docker.io/library/nginx", "docker.io", "m.example/hub") is
// "m.example/hub/library/nginx".
std::string relocate(std::string_view name, const RegistryRule& rule, std::string_view location);

}  // namespace stack::images::registry
