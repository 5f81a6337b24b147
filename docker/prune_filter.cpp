#include "docker/prune_filter.h"

namespace stack::docker {

Result<PruneFilter> PruneFilter::read(FilterList list, std::string_view json) {
  PruneFilter out;
  TRY_ASSIGN(out.filters_, read_filters(list, json));
  TRY_ASSIGN(out.until_, filter_time(out.filters_, "until"));
  return out;
}

bool PruneFilter::fits(const std::map<std::string, std::string>& labels,
                       const std::string& created_at) const {
  if (!labels_match(filters_, labels)) return false;
  if (!until_) return true;
  Result<WallTime> created = parse_rfc3339(created_at);
  return created && *created < *until_;
}

}  // namespace stack::docker
