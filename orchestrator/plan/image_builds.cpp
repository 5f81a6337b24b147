#include "orchestrator/plan/image_builds.h"

#include <algorithm>

#include "model/labels.h"

namespace stack::orchestrator {
namespace {

constexpr std::string_view kImagePrefix = "docker-image://";

// The label that names one of the services is no difference.
compose::Build without_service(compose::Build build) {
  build.labels.erase(label::kService);
  return build;
}

bool same_build(const DesiredImage& a, const DesiredImage& b) {
  return a.platform == b.platform && a.secrets == b.secrets &&
         without_service(*a.build) == without_service(*b.build);
}

}  // namespace

ActionId add_build(PlanBuilder& plan, const DesiredImage& image, const std::string& inputs,
                   const std::string& cause) {
  for (ActionId id = 1; id <= plan.size(); ++id) {
    auto* build = std::get_if<BuildImage>(&plan[id].body);
    if (build == nullptr || !same_build(build->image, image)) continue;
    build->also.push_back(image.reference);
    return id;
  }
  return plan.add(image.services.front(), BuildImage{image, {}, inputs}, cause);
}

void order_builds(PlanBuilder& plan, const DesiredState& desired, const ObservedState& observed,
                  const std::map<std::string, ActionId>& images) {
  auto comes_after = [&](ActionId id, const std::string& base) {
    auto earlier = images.find(base);
    if (earlier != images.end()) plan.after(id, earlier->second);
  };
  for (const auto& [reference, id] : images) {
    const DesiredImage& image = desired.images.at(reference);
    if (!image.build || !std::holds_alternative<BuildImage>(plan[id].body)) continue;
    for (const auto& [name, context] : image.build->additional_contexts)
      if (context.starts_with(kImagePrefix)) comes_after(id, context.substr(kImagePrefix.size()));
    auto build = observed.builds.find(reference);
    if (build == observed.builds.end()) continue;
    for (const std::string& base : build->second.bases) comes_after(id, base);
  }
}

}  // namespace stack::orchestrator
