// The objects that a prune call keeps (Docker Engine API, "prune" of containers, images, networks and volumes).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "docker/filters.h"

namespace stack::docker {

class PruneFilter {
 public:
  // `json` is the query's `filters`; Invalid for a filter that the list does not support.
  static Result<PruneFilter> read(FilterList list, std::string_view json);

  // By `label`, `label!` and `until`. `created_at`: RFC 3339; an object without one is never older than `until`.
  bool fits(const std::map<std::string, std::string>& labels, const std::string& created_at) const;
  // A boolean filter: `all` of volumes, `dangling` of images.
  Result<bool> flag(const std::string& name, bool fallback) const {
    return filter_flag(filters_, name, fallback);
  }
  bool empty() const { return filters_.empty(); }

 private:
  Filters filters_;
  std::optional<WallTime> until_;
};

}  // namespace stack::docker
