// Checked access to members of config.json: a missing or null member leaves the value unchanged; a member of another type is
// an error that names it. Rejects strings with a zero byte, which would truncate them in system calls.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// A name of the OCI runtime specification and the kernel's number for it.
struct NamedValue {
  std::string_view name;
  int64_t value;
};

template <size_t N>
std::optional<int64_t> find_value(const NamedValue (&table)[N], std::string_view name) {
  for (const NamedValue& row : table) {
    if (row.name == name) return row.value;
  }
  return std::nullopt;
}

// Null if the member is missing or null.
const Json* member(const Json& object, const char* key);
Error wrong_type(std::string_view key, std::string_view wanted);
Result<> read_string(const Json& object, const char* key, std::string& out);
Result<> read_bool(const Json& object, const char* key, bool& out);
Result<> read_strings(const Json& object, const char* key, std::vector<std::string>& out);
Result<> read_mappings(const Json& object, const char* key, std::vector<IdMapping>& out);
// "0-2,5" as a bit mask, bit n of word n / 64.
Result<std::vector<uint64_t>> parse_number_list(const std::string& text);

template <typename T>
Result<> read_number(const Json& object, const char* key, T& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_number_integer()) return wrong_type(key, "an integer");
  bool negative = !value->is_number_unsigned() && value->get<int64_t>() < 0;
  bool fits = negative ? std::cmp_greater_equal(value->get<int64_t>(), std::numeric_limits<T>::min())
                       : std::cmp_less_equal(value->get<uint64_t>(), std::numeric_limits<T>::max());
  if (!fits) return invalid(std::string(key) + " is out of range: " + value->dump());
  out = value->get<T>();
  return {};
}

// Calls `read` with each element of a list of objects.
template <typename Read>
Result<> for_each_object(const Json& object, const char* key, Read read) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_array()) return wrong_type(key, "a list");
  size_t index = 0;
  for (const Json& item : *value) {
    std::string where = std::string(key) + "[" + std::to_string(index++) + "]";
    if (!item.is_object()) return wrong_type(where, "an object");
    TRY(Result<>(read(item)).in(where));
  }
  return {};
}

}  // namespace stack::runtime
