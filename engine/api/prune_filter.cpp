#include "engine/api/prune_filter.h"

#include <algorithm>

#include "engine/api/api.h"
#include "engine/logs/log_stream.h"
#include "http/wire/query.h"

namespace stack::engine {

Result<PruneFilter> PruneFilter::read(const std::string& text, const std::set<std::string>& known) {
  PruneFilter out;
  TRY_ASSIGN(out.filters_, http::parse_filters(text));
  for (const auto& [name, values] : out.filters_)
    if (!known.contains(name)) return invalid("invalid filter '" + name + "'");
  auto until = out.filters_.find("until");
  if (until == out.filters_.end()) return out;
  if (until->second.size() != 1) return invalid("more than one until filter specified");
  TRY_ASSIGN(out.until_, parse_log_time(until->second.front()));
  return out;
}

bool PruneFilter::fits(const std::map<std::string, std::string>& labels,
                       const std::string& created_at) const {
  auto matches = [&](const std::string& wanted) { return label_matches(labels, wanted); };
  auto with = filters_.find("label");
  if (with != filters_.end() && !std::all_of(with->second.begin(), with->second.end(), matches)) return false;
  auto without = filters_.find("label!");
  if (without != filters_.end() && std::any_of(without->second.begin(), without->second.end(), matches))
    return false;
  if (!until_) return true;
  Result<WallTime> created = parse_rfc3339(created_at);
  return created && *created < *until_;
}

}  // namespace stack::engine
