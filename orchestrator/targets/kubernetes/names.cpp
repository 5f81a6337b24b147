#include "orchestrator/targets/kubernetes/names.h"

#include <algorithm>

#include "base/identity.h"
#include "base/text.h"

namespace stack::targets::kubernetes {

namespace {

constexpr size_t kLongestName = 63;
constexpr size_t kHashDigits = 10;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

bool is_label(std::string_view text) {
  if (text.empty() || text.size() > kLongestName) return false;
  if (!is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alnum(c) || c == '-'; });
}

}  // namespace

std::string short_hash(std::string_view bytes) { return sha256_hex(bytes).substr(0, kHashDigits); }

std::string object_name(std::string_view text) {
  std::string name = lower(text);
  for (char& c : name)
    if (!is_lower_alnum(c)) c = '-';
  while (!name.empty() && name.front() == '-') name.erase(0, 1);
  while (!name.empty() && name.back() == '-') name.pop_back();
  if (name.empty()) return "x-" + short_hash(text);
  if (is_label(name)) return name;
  name.resize(kLongestName - kHashDigits - 1);
  return name + "-" + short_hash(text);
}

bool is_service_name(std::string_view text) {
  std::string name = lower(text);
  return is_label(name) && (name.front() < '0' || name.front() > '9');
}

std::string with_suffix(std::string_view name, std::string_view suffix) {
  std::string whole = std::string(name) + std::string(suffix);
  if (whole.size() <= kLongestName) return whole;
  std::string hash = "-" + short_hash(name);
  return std::string(name.substr(0, kLongestName - suffix.size() - hash.size())) + hash + std::string(suffix);
}

bool is_qualified_name(std::string_view text) {
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    std::string_view prefix = text.substr(0, slash);
    if (prefix.empty() || prefix.size() > 253) return false;
    for (const std::string& part : split(prefix, '.'))
      if (!is_label(part)) return false;
    text.remove_prefix(slash + 1);
  }
  if (text.empty() || text.size() > kLongestName || !is_alnum(text.front()) || !is_alnum(text.back()))
    return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string config_key(std::string_view path) {
  std::string key(path);
  bool changed = false;
  for (char& c : key) {
    if (is_alnum(c) || c == '-' || c == '_' || c == '.') continue;
    c = '_';
    changed = true;
  }
  if (key == "." || key.starts_with("..")) {
    key = "_" + key;
    changed = true;
  }
  constexpr size_t kLongestKey = 240;
  if (key.size() > kLongestKey) {
    key.resize(kLongestKey);
    changed = true;
  }
  return changed ? key + "-" + short_hash(path) : key;
}

}  // namespace stack::targets::kubernetes
