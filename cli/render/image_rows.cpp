#include "cli/render/image_rows.h"

#include <chrono>

#include "base/units.h"
#include "cli/session/containers.h"

namespace stack::cli {

RepositoryTag split_reference(std::string_view reference) {
  if (reference.empty()) return {"<none>", "<none>"};
  bool by_digest = reference.find('@') != std::string_view::npos;
  reference = reference.substr(0, reference.find('@'));
  size_t colon = reference.rfind(':');
  size_t slash = reference.rfind('/');
  bool has_tag = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  if (!has_tag) return {std::string(reference), by_digest ? "<none>" : "latest"};
  return {std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))};
}

std::string ago_text(const std::string& time) {
  auto parsed = parse_rfc3339(time);
  if (!parsed) return {};
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(parsed->time_since_epoch()).count();
  return ago(seconds, seconds_now());
}

}  // namespace stack::cli
