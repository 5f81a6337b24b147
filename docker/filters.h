// Docker's `filters` parameter: its two spellings, the filters that each list supports, and their meaning.
// Source: Engine API v1.50, the description of `filters` of each path; moby's api/types/filters.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/units.h"

namespace stack::docker {

// The requests with filters: the lists, the prune calls, and the event stream.
enum class FilterList {
  Containers,
  Images,
  Search,
  Networks,
  Volumes,
  Events,
  ContainersPrune,
  ImagesPrune,
  NetworksPrune,
  VolumesPrune,
  BuildPrune,
};

// The values of each filter, in the order given.
using Filters = std::map<std::string, std::vector<std::string>>;

// Accepts {"label":{"a=b":true}} (Go clients; false entries are ignored) and {"label":["a=b"]} (docker-py,
// dockerode). Accepts any key.
Result<Filters> parse_filters(std::string_view json);
// Like parse_filters(), but rejects unknown filters with Docker's text: ignoring one would list or remove more than
// requested.
Result<Filters> read_filters(FilterList list, std::string_view json);
// The form of Go clients.
std::string filters_text(const Filters& filters);

// "a" or "a=b" against labels.
bool label_matches(const std::map<std::string, std::string>& labels, const std::string& wanted);
// A reference pattern of image filters: a full name, a repository without a tag, or either with the wildcards of
// Go's path.Match.
bool reference_matches(const std::string& pattern, const std::string& familiar);
// "true", "1", "false", "0": a boolean filter. Invalid for other values.
Result<bool> filter_flag(const Filters& filters, const std::string& key, bool fallback);
// The one value of `key` as a point in time; nullopt if it is absent.
Result<std::optional<WallTime>> filter_time(const Filters& filters, const std::string& key);

// Whether the filter is absent or `test` is true for any of its values.
template <typename Test>
bool any_value(const Filters& filters, const std::string& key, Test test) {
  auto wanted = filters.find(key);
  if (wanted == filters.end() || wanted->second.empty()) return true;
  for (const std::string& value : wanted->second)
    if (test(value)) return true;
  return false;
}
// `label` and `label!`: all of the first and none of the second must match.
bool labels_match(const Filters& filters, const std::map<std::string, std::string>& labels);

}  // namespace stack::docker
