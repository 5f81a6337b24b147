#include "docker/filters.h"

#include <algorithm>

#include "base/glob.h"
#include "base/text.h"
#include "docker/time_text.h"

namespace stack::docker {

namespace {

// The filters of each list.
const std::vector<std::string_view>& known_filters(FilterList list) {
  static const std::map<FilterList, std::vector<std::string_view>> table{
      {FilterList::Containers,
       {"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name",
        "network", "publish", "since", "status", "volume"}},
      {FilterList::Images, {"before", "dangling", "label", "label!", "reference", "since", "until"}},
      {FilterList::Search, {"is-automated", "is-official", "stars"}},
      {FilterList::Networks, {"dangling", "driver", "id", "label", "name", "scope", "type"}},
      {FilterList::Volumes, {"dangling", "driver", "label", "name"}},
      {FilterList::Events,
       {"config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope",
        "secret", "service", "type", "volume"}},
      {FilterList::ContainersPrune, {"label", "label!", "until"}},
      {FilterList::ImagesPrune, {"dangling", "label", "label!", "until"}},
      {FilterList::NetworksPrune, {"label", "label!", "until"}},
      {FilterList::VolumesPrune, {"all", "label", "label!"}},
      {FilterList::BuildPrune,
       {"description", "id", "inuse", "parent", "private", "shared", "type", "unused-for", "until"}},
  };
  return table.at(list);
}

Result<std::vector<std::string>> filter_values(const std::string& key, const Json& member) {
  std::vector<std::string> values;
  if (member.is_object()) {
    for (const auto& [value, wanted] : member.items())
      if (!wanted.is_boolean() || wanted.get<bool>()) values.push_back(value);
    return values;
  }
  if (!member.is_array()) return invalid("invalid filter '" + key + "'");
  for (const Json& value : member) {
    if (!value.is_string()) return invalid("invalid filter '" + key + "'");
    values.push_back(value.get<std::string>());
  }
  return values;
}

}  // namespace

Result<Filters> parse_filters(std::string_view json) {
  Filters filters;
  if (trim(json).empty()) return filters;
  auto parsed = parse_json(json);
  if (!parsed) return invalid("invalid filters: " + parsed.error().text());
  if (parsed->is_null()) return filters;
  if (!parsed->is_object()) return invalid("invalid filters: not an object");
  for (const auto& [key, member] : parsed->items()) {
    TRY_ASSIGN(filters[key], filter_values(key, member));
  }
  return filters;
}

Result<Filters> read_filters(FilterList list, std::string_view json) {
  TRY_ASSIGN(Filters filters, parse_filters(json));
  const std::vector<std::string_view>& known = known_filters(list);
  for (const auto& [key, values] : filters)
    if (std::find(known.begin(), known.end(), key) == known.end())
      return invalid("invalid filter '" + key + "'");
  return filters;
}

std::string filters_text(const Filters& filters) {
  Json out = Json::object();
  for (const auto& [key, values] : filters)
    for (const std::string& value : values) out[key][value] = true;
  return to_text(out);
}

bool label_matches(const std::map<std::string, std::string>& labels, const std::string& wanted) {
  size_t equals = wanted.find('=');
  auto found = labels.find(wanted.substr(0, equals));
  return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

bool labels_match(const Filters& filters, const std::map<std::string, std::string>& labels) {
  auto matches = [&](const std::string& wanted) { return label_matches(labels, wanted); };
  auto with = filters.find("label");
  if (with != filters.end() && !std::all_of(with->second.begin(), with->second.end(), matches)) return false;
  auto without = filters.find("label!");
  return without == filters.end() || std::none_of(without->second.begin(), without->second.end(), matches);
}

bool reference_matches(const std::string& pattern, const std::string& familiar) {
  size_t tag = familiar.find(':', familiar.rfind('/') == std::string::npos ? 0 : familiar.rfind('/'));
  std::string repository = familiar.substr(0, tag);
  return pattern == familiar || pattern == repository || glob_matches(pattern, familiar) ||
         glob_matches(pattern, repository);
}

Result<bool> filter_flag(const Filters& filters, const std::string& key, bool fallback) {
  auto found = filters.find(key);
  if (found == filters.end() || found->second.empty()) return fallback;
  bool yes = false;
  bool no = false;
  for (const std::string& value : found->second) {
    yes |= value == "1" || value == "true";
    no |= value == "0" || value == "false";
  }
  if (yes == no) return invalid("invalid filter '" + key + "=" + join(found->second, ",") + "'");
  return yes;
}

Result<std::optional<WallTime>> filter_time(const Filters& filters, const std::string& key) {
  auto found = filters.find(key);
  if (found == filters.end() || found->second.empty()) return std::optional<WallTime>();
  if (found->second.size() > 1) return invalid("more than one " + key + " filter specified");
  return parse_time_text(found->second.front());
}

}  // namespace stack::docker
