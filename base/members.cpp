#include "base/members.h"

#include <algorithm>

namespace stack {

namespace {

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lowered(x) == lowered(y); });
}

}  // namespace

const Json* find_member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto at = object.find(key);
  for (auto it = object.begin(); at == object.end() && it != object.end(); ++it)
    if (equal_ignoring_case(it.key(), key)) at = it;
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

Members::Members(const Json& object, std::string path, std::optional<Error>& error)
    : object_(object), path_(std::move(path)), error_(error) {
  if (!object_.is_null() && !object_.is_object()) wrong("", "an object");
}

void Members::read(const char* key, std::string& out) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_string()) return wrong(key, "a string");
  out = value->get<std::string>();
}

void Members::read(const char* key, bool& out) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_boolean()) return wrong(key, "a boolean");
  out = value->get<bool>();
}

void Members::read(const char* key, std::optional<bool>& out) const {
  bool value = false;
  read(key, value);
  if (find(key)) out = value;
}

void Members::read(const char* key, Nanoseconds& out) const {
  std::optional<int64_t> count = integer(key);
  if (!count) return;
  if (*count < 0) return wrong(key, "a duration that is not negative");
  out = Nanoseconds(*count);
}

void Members::read(const char* key, std::vector<std::string>& out) const {
  const Json* value = find(key);
  if (!value) return;
  bool strings = value->is_array() &&
                 std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_string(); });
  if (!strings) return wrong(key, "a list of strings");
  out = value->get<std::vector<std::string>>();
}

void Members::read(const char* key, std::map<std::string, std::string>& out) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_object()) return wrong(key, "an object of strings");
  for (const auto& [name, item] : value->items()) {
    if (!item.is_string()) return wrong(std::string(key) + "." + name, "a string");
    out[name] = item.get<std::string>();
  }
}

void Members::read_words(const char* key, std::optional<std::vector<std::string>>& out) const {
  const Json* value = find(key);
  if (!value) return;
  if (value->is_string()) {
    out = std::vector<std::string>{value->get<std::string>()};
    return;
  }
  std::vector<std::string> words;
  read(key, words);
  out = std::move(words);
}

Members Members::object(const char* key) const {
  static const Json kNull;
  const Json* value = find(key);
  return {value ? *value : kNull, child(key), error_};
}

const Json* Members::find(const char* key) const { return error_ ? nullptr : find_member(object_, key); }

void Members::wrong(const std::string& key, const std::string& expected) const {
  if (!error_) error_ = invalid(child(key) + ": must be " + expected);
}

void Members::fail(const std::string& key, const std::string& text) const {
  if (!error_) error_ = invalid(child(key) + ": " + text);
}

std::optional<int64_t> Members::integer(const char* key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number_integer()) {
    wrong(key, "an integer");
    return std::nullopt;
  }
  if (value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX}) {
    wrong(key, "an integer in range");
    return std::nullopt;
  }
  return value->get<int64_t>();
}

std::string Members::child(const std::string& key) const {
  if (path_.empty()) return key.empty() ? "body" : key;
  return key.empty() ? path_ : path_ + "." + key;
}

}  // namespace stack
