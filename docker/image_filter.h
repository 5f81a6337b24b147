// The filters of GET /images/json.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "docker/filters.h"

namespace stack::docker {

struct ImageFacts {
  std::vector<std::string> tags;  // familiar form
  std::map<std::string, std::string> labels;
  std::string created;  // RFC 3339 or ""
};

class ImageFilter {
 public:
  // `created_at` gives the time of an image named in `before` or `since`; NotFound with Docker's text.
  static Result<ImageFilter> read(std::string_view json,
                                  const std::function<Result<std::string>(const std::string&)>& created_at);
  bool matches(const ImageFacts& image) const;
  // The tags of an image to list: those that match `reference`, or all without that filter.
  std::vector<std::string> matching_tags(const std::vector<std::string>& tags) const;

 private:
  Filters filters_;
  std::optional<bool> dangling_;
  std::optional<WallTime> before_;  // the earlier of `before` and `until`
  std::optional<WallTime> since_;
};

}  // namespace stack::docker
