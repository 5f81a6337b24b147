#include "engine/api/dry_run.h"

#include <algorithm>

#include "base/text.h"

namespace stack::engine {

namespace {

constexpr size_t kShortId = 12;

}  // namespace

DryRun DryRun::of(const http::Request& request) {
  DryRun out;
  out.on_ = request.query.flag("dry-run");
  if (!out.on_) return out;
  for (const std::string& id : split(request.query.get("without"), ','))
    if (!id.empty()) out.without_.insert(id.substr(0, kShortId));
  return out;
}

bool DryRun::counts(const ContainerId& container) const {
  return !without_.contains(container.short_text());
}

bool DryRun::is_volume_used(const Context& context, const std::string& volume) const {
  return std::any_of(context.containers.begin(), context.containers.end(), [&](const auto& entry) {
    if (!counts(entry.first)) return false;
    const auto& mounts = entry.second->mounts;
    return std::any_of(mounts.begin(), mounts.end(),
                       [&](const MountPoint& mount) { return mount.source.volume == volume; });
  });
}

}  // namespace stack::engine
