// The changes of an overlay's upper directory relative to the layers below: `docker diff`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/layer/layer_view.h"

namespace stack::images {

enum class ChangeKind { Modified = 0, Added = 1, Deleted = 2 };  // the API's numbers

struct LayerChange {
  ChangeKind kind = ChangeKind::Modified;
  std::string path;  // absolute
  bool operator==(const LayerChange&) const = default;
};

// Sorted by path. A directory counts as modified if its attributes differ or something below it changed. Absolute
// paths for which `ignored` returns true are left out, with everything below.
Result<std::vector<LayerChange>> layer_changes(
    const std::string& upper, const LayerView& lower,
    const std::function<bool(const std::string& path)>& ignored = {});

}  // namespace stack::images
