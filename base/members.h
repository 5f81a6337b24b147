// Reads the members of JSON objects like Go: names match in any case (encoding/json), null counts as absent, and a
// wrong type is an error that names the member.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/units.h"

namespace stack {

// The member of an object under `key` in any case, preferring the exact name; nullptr if it is absent or null, or
// if `object` is not an object.
const Json* find_member(const Json& object, std::string_view key);

// Reads members of one JSON object, which must outlive it. The first error is stored in the shared `error`; later
// reads have no effect.
class Members {
 public:
  // `path` names the object in messages; "" for the whole body.
  Members(const Json& object, std::string path, std::optional<Error>& error);

  void read(const char* key, std::string& out) const;
  void read(const char* key, bool& out) const;
  void read(const char* key, std::optional<bool>& out) const;
  template <typename Integer>
    requires std::is_integral_v<Integer>
  void read(const char* key, Integer& out) const {
    std::optional<int64_t> wide = integer(key);
    if (!wide) return;
    if (!std::in_range<Integer>(*wide)) return wrong(key, "an integer in range");
    out = static_cast<Integer>(*wide);
  }
  void read(const char* key, Nanoseconds& out) const;
  void read(const char* key, std::vector<std::string>& out) const;
  void read(const char* key, std::map<std::string, std::string>& out) const;
  // Docker's StrSlice: a list, or one string.
  void read_words(const char* key, std::optional<std::vector<std::string>>& out) const;

  // Calls `each(Members, name)` for every member of the object under `key`.
  template <typename Each>
  void each_member(const char* key, Each each) const {
    const Json* value = find(key);
    if (!value) return;
    if (!value->is_object()) return wrong(key, "an object");
    for (const auto& [name, item] : value->items())
      each(Members(item, child(std::string(key) + "." + name), error_), name);
  }
  // Calls `each(Members)` for every object of the list under `key`.
  template <typename Each>
  void each_item(const char* key, Each each) const {
    const Json* value = find(key);
    if (!value) return;
    if (!value->is_array()) return wrong(key, "a list");
    for (size_t i = 0; i < value->size(); ++i) {
      std::string name = std::string(key) + "[" + std::to_string(i) + "]";
      if (!(*value)[i].is_object()) return wrong(name, "an object");
      each(Members((*value)[i], child(name), error_));
    }
  }
  Members object(const char* key) const;
  // nullptr if absent or null, or after an error.
  const Json* find(const char* key) const;
  void wrong(const std::string& key, const std::string& expected) const;
  void fail(const std::string& key, const std::string& text) const;

 private:
  std::optional<int64_t> integer(const char* key) const;
  std::string child(const std::string& key) const;

  const Json& object_;
  std::string path_;
  std::optional<Error>& error_;
};

}  // namespace stack
