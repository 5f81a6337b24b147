#include "http/wire/headers.h"

#include <algorithm>

#include "base/text.h"

namespace stack::http {

namespace {
char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lowered(x) == lowered(y); });
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(items_, [&](const auto& item) { return equal_ignoring_case(item.first, name); });
  items_.emplace_back(name, std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [key, value] : items_)
    if (equal_ignoring_case(key, name)) return value;
  return std::nullopt;
}

std::string Headers::get(std::string_view name, std::string_view fallback) const {
  return std::string(find(name).value_or(fallback));
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [key, value] : items_) {
    if (!equal_ignoring_case(key, name)) continue;
    for (const std::string& element : split(value, ','))
      if (equal_ignoring_case(trim(element), token)) return true;
  }
  return false;
}

}  // namespace stack::http
