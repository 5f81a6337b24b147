// The filters of GET /containers/json (moby: daemon/list.go).
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "docker/container_view.h"
#include "docker/filters.h"

namespace stack::docker {

class ContainerFilter {
 public:
  // Callbacks that look up containers for `before` and `since` and images for `ancestor`.
  struct Lookup {
    // Creation time of the container (RFC 3339); NotFound with Docker's text.
    std::function<Result<std::string>(const std::string& container)> created_at;
    // IDs of the image and its descendants; empty for an unknown image.
    std::function<std::set<std::string>(const std::string& image)> descendants;
  };
  static Result<ContainerFilter> read(std::string_view json, const Lookup& lookup);

  // Whether the filter includes stopped containers regardless of `all`.
  bool wants_stopped() const { return filters_.contains("status") || filters_.contains("exited"); }
  bool matches(const ContainerFacts& container) const;

 private:
  bool matches_identity(const ContainerFacts& container) const;
  bool matches_state(const ContainerFacts& container) const;
  bool matches_objects(const ContainerFacts& container) const;
  bool matches_ports(const ContainerFacts& container) const;

  Filters filters_;
  std::set<std::string> images_;     // of `ancestor`
  std::optional<WallTime> before_;   // created before this
  std::optional<WallTime> since_;    // created after this
  std::set<std::string> published_;  // "8080/tcp"
  std::set<std::string> exposed_;
};

}  // namespace stack::docker
