// What a prune call is told to leave alone (Docker Engine API, "prune" of containers, networks and volumes).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace stack::engine {

class PruneFilter {
 public:
  // `text` is the query's `filters`. Invalid for a filter that is not among `known`: to prune more than was
  // asked for would lose data. `label`, `label!` and `until` are understood here.
  static Result<PruneFilter> read(const std::string& text, const std::set<std::string>& known);

  bool fits(const std::map<std::string, std::string>& labels, const std::string& created_at) const;
  bool has(const std::string& name) const { return filters_.contains(name); }

 private:
  std::map<std::string, std::vector<std::string>> filters_;
  std::optional<WallTime> until_;
};

}  // namespace stack::engine
