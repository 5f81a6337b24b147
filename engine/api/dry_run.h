// Prune requests that only report: `dry-run=1`, and with `without=ID,ID`, as if these containers were gone (`system prune`
// removes containers first). An extension of Docker's API.
#pragma once

#include <set>
#include <string>

#include "engine/container/container_service.h"
#include "http/server/request.h"

namespace stack::engine {

class DryRun {
 public:
  // Without `dry-run`, all containers count. The IDs may be shortened to twelve digits.
  static DryRun of(const http::Request& request);

  explicit operator bool() const { return on_; }
  bool counts(const ContainerId& container) const;
  bool is_volume_used(const Context& context, const std::string& volume) const;

 private:
  bool on_ = false;
  std::set<std::string> without_;  // the first twelve digits
};

}  // namespace stack::engine
