#include "docker/build_query.h"

#include <charconv>
#include <functional>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace stack::docker {

namespace {

bool flag(const std::string& value) {
  std::string word = lower(trim(value));
  return !(word.empty() || word == "0" || word == "no" || word == "false" || word == "none");
}

Result<> read_args(const std::string& text, BuildQuery& out) {
  if (text.empty()) return {};
  TRY_ASSIGN(Json json, parse_json(text).in("buildargs"));
  if (!json.is_object()) return invalid("buildargs: must be an object of strings");
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string() && !value.is_null()) return invalid("buildargs." + name + ": must be a string");
    out.args[name] = value.is_null() ? std::nullopt : std::optional(value.get<std::string>());
  }
  return {};
}

Result<> read_labels(const std::string& text, BuildQuery& out) {
  if (text.empty()) return {};
  TRY_ASSIGN(Json json, parse_json(text).in("labels"));
  if (json.is_null()) return {};
  if (!json.is_object()) return invalid("labels: must be an object of strings");
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) return invalid("labels." + name + ": must be a string");
    out.labels[name] = value.get<std::string>();
  }
  return {};
}

// A JSON list of names.
Result<> read_cache(const std::string& text, BuildQuery& out) {
  if (text.empty()) return {};
  TRY_ASSIGN(Json json, parse_json(text).in("cachefrom"));
  if (json.is_null()) return {};
  if (!json.is_array()) return invalid("cachefrom: must be a list of strings");
  for (const Json& item : json) {
    if (!item.is_string()) return invalid("cachefrom: must be a list of strings");
    out.cache_from.push_back(item.get<std::string>());
  }
  return {};
}

// A JSON list of {"Type","Attrs"}.
Result<> read_outputs(const std::string& text, BuildQuery& out) {
  if (text.empty()) return {};
  TRY_ASSIGN(Json json, parse_json(text).in("outputs"));
  if (json.is_null()) return {};
  if (!json.is_array()) return invalid("outputs: must be a list of objects");
  for (const Json& item : json) {
    if (!item.is_object() || !item.contains("Type") || !item["Type"].is_string())
      return invalid("outputs: must be a list of objects with a Type");
    BuildOutput output{item["Type"].get<std::string>(), {}};
    if (item.contains("Attrs") && item["Attrs"].is_object())
      for (const auto& [name, value] : item["Attrs"].items())
        if (value.is_string()) output.attributes[name] = value.get<std::string>();
    out.outputs.push_back(std::move(output));
  }
  return {};
}

Result<> read_version(const std::string& value, BuildQuery& out) {
  if (!value.empty() && value != "1" && value != "2") return invalid("version: must be 1 or 2, not " + value);
  out.version = value == "2" ? 2 : 1;
  return {};
}

Result<> read_size(const std::string& text, int64_t& out) {
  if (text.empty()) return {};
  auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc() || stop != text.data() + text.size() || out < 0)
    return invalid("shmsize: not a size in bytes: " + text);
  return {};
}

// Docker's clients send "name:address" as separate values, or several in one value.
void add_hosts(const std::string& text, std::vector<std::string>& hosts) {
  for (const std::string& host : split(text, ','))
    if (!host.empty()) hosts.push_back(host);
}

Result<> refuse(const std::string& what) { return unsupported(what + " is not supported by this builder"); }

using Reader = std::function<Result<>(const std::string& value, BuildQuery& out)>;

Reader into(std::string BuildQuery::* member) {
  return [member](const std::string& value, BuildQuery& out) -> Result<> {
    if (!value.empty()) out.*member = value;
    return {};
  };
}

Reader into(bool BuildQuery::* member) {
  return [member](const std::string& value, BuildQuery& out) -> Result<> {
    out.*member = flag(value);
    return {};
  };
}

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> table{
      {"dockerfile", into(&BuildQuery::dockerfile)},
      {"remote", into(&BuildQuery::remote)},
      {"networkmode", into(&BuildQuery::network_mode)},
      {"platform", into(&BuildQuery::platform)},
      {"target", into(&BuildQuery::target)},
      {"q", into(&BuildQuery::quiet)},
      {"nocache", into(&BuildQuery::no_cache)},
      {"pull", into(&BuildQuery::pull)},
      {"t",
       [](const std::string& value, BuildQuery& out) -> Result<> {
         if (!value.empty()) out.tags.push_back(value);
         return {};
       }},
      {"extrahosts",
       [](const std::string& value, BuildQuery& out) -> Result<> {
         add_hosts(value, out.extra_hosts);
         return {};
       }},
      {"buildargs", read_args},
      {"cachefrom", read_cache},
      {"labels", read_labels},
      {"shmsize", [](const std::string& value, BuildQuery& out) { return read_size(value, out.shm_size); }},
      {"squash",
       [](const std::string& value, BuildQuery&) { return flag(value) ? refuse("squash") : Result<>(); }},
      {"outputs", read_outputs},
      {"version", read_version},
      {"session", into(&BuildQuery::session)},
      {"buildid", into(&BuildQuery::build_id)},
  };
  return table;
}

}  // namespace

Result<BuildQuery> read_build_query(const std::vector<std::pair<std::string, std::string>>& query) {
  BuildQuery out;
  std::set<std::string> seen;
  for (const auto& [name, value] : query) {
    auto reader = readers().find(name);
    if (reader == readers().end()) continue;
    bool again = !seen.insert(name).second;
    if (again && name != "t" && name != "extrahosts") continue;
    TRY(reader->second(value, out));
  }
  if (out.version != 2 && !out.outputs.empty()) return refuse("outputs").error();
  return out;
}

}  // namespace stack::docker
