// Header fields of a message; names compare case-insensitively (RFC 9110 section 5.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stack::http {

bool equal_ignoring_case(std::string_view a, std::string_view b);

class Headers {
 public:
  void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
  // Replaces all fields of this name.
  void set(std::string_view name, std::string value);
  std::optional<std::string_view> find(std::string_view name) const;
  std::string get(std::string_view name, std::string_view fallback = {}) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  // Whether `token` is a comma-separated element of any field of this name ("Connection: keep-alive,
  // Upgrade")
  bool has_token(std::string_view name, std::string_view token) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }
  std::vector<std::pair<std::string, std::string>>& items() { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace stack::http
