#include "docker/image_filter.h"

#include <algorithm>

namespace stack::docker {

Result<ImageFilter> ImageFilter::read(
    std::string_view json, const std::function<Result<std::string>(const std::string&)>& created_at) {
  ImageFilter out;
  TRY_ASSIGN(out.filters_, read_filters(FilterList::Images, json));
  if (out.filters_.contains("dangling")) {
    TRY_ASSIGN(out.dangling_, filter_flag(out.filters_, "dangling", false));
  }
  TRY_ASSIGN(out.before_, filter_time(out.filters_, "until"));
  auto time_of = [&](const std::string& name) -> Result<WallTime> {
    TRY_ASSIGN(std::string created, created_at(name));
    return parse_rfc3339(created);
  };
  for (const std::string& name : out.filters_["before"]) {
    TRY_ASSIGN(WallTime time, time_of(name));
    out.before_ = std::min(time, out.before_.value_or(time));
  }
  for (const std::string& name : out.filters_["since"]) {
    TRY_ASSIGN(WallTime time, time_of(name));
    out.since_ = std::max(time, out.since_.value_or(time));
  }
  return out;
}

bool ImageFilter::matches(const ImageFacts& image) const {
  if (!labels_match(filters_, image.labels)) return false;
  if (dangling_ && *dangling_ != image.tags.empty()) return false;
  if (before_ || since_) {
    Result<WallTime> created = parse_rfc3339(image.created);
    if (!created || (before_ && *created >= *before_) || (since_ && *created <= *since_)) return false;
  }
  return !filters_.contains("reference") || !matching_tags(image.tags).empty();
}

std::vector<std::string> ImageFilter::matching_tags(const std::vector<std::string>& tags) const {
  std::vector<std::string> shown;
  for (const std::string& tag : tags)
    if (any_value(filters_, "reference",
                  [&](const std::string& pattern) { return reference_matches(pattern, tag); }))
      shown.push_back(tag);
  return shown;
}

}  // namespace stack::docker
