#include "runtime/spec/checked_json.h"

#include "base/text.h"

namespace stack::runtime {

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  return &*found;
}

Error wrong_type(std::string_view key, std::string_view wanted) {
  return invalid(std::string(key) + " must be " + std::string(wanted));
}

Result<> read_string(const Json& object, const char* key, std::string& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong_type(key, "a string");
  out = value->get<std::string>();
  if (out.find('\0') != std::string::npos) return invalid(std::string(key) + " contains a zero byte");
  return {};
}

Result<> read_bool(const Json& object, const char* key, bool& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_boolean()) return wrong_type(key, "true or false");
  out = value->get<bool>();
  return {};
}

Result<> read_strings(const Json& object, const char* key, std::vector<std::string>& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_array()) return wrong_type(key, "a list of strings");
  for (const Json& item : *value) {
    if (!item.is_string()) return wrong_type(key, "a list of strings");
    out.push_back(item.get<std::string>());
    if (out.back().find('\0') != std::string::npos)
      return invalid(std::string(key) + " contains a zero byte");
  }
  return {};
}

Result<> read_mappings(const Json& object, const char* key, std::vector<IdMapping>& out) {
  return for_each_object(object, key, [&](const Json& item) -> Result<> {
    IdMapping mapping;
    TRY(read_number(item, "containerID", mapping.container_id));
    TRY(read_number(item, "hostID", mapping.host_id));
    TRY(read_number(item, "size", mapping.size));
    out.push_back(mapping);
    return {};
  });
}

Result<std::vector<uint64_t>> parse_number_list(const std::string& text) {
  std::vector<uint64_t> mask;
  for (const std::string& part : split(text, ',')) {
    std::vector<std::string> ends = split(trim(part), '-');
    if (ends.size() > 2) return invalid("not a list of numbers: " + text);
    for (const std::string& end : ends) {
      if (!is_all_digits(end) || end.size() > 5) return invalid("not a list of numbers: " + text);
    }
    size_t first = std::stoul(ends.front());
    size_t last = std::stoul(ends.back());
    if (last < first) return invalid("not a list of numbers: " + text);
    if (mask.size() <= last / 64) mask.resize(last / 64 + 1);
    for (size_t n = first; n <= last; ++n) mask[n / 64] |= uint64_t{1} << (n % 64);
  }
  return mask;
}

}  // namespace stack::runtime
