#include "orchestrator/plan/image_builds.h"

#include <algorithm>

#include "model/labels.h"

namespace stack::orchestrator {
namespace {

constexpr std::string_view kImagePrefix = "docker-image://";

// The label that names one of the services does not count as a difference.
compose::Build without_service(compose::Build build) {
  build.labels.erase(label::kService);
  return build;
}

bool same_build(const DesiredImage& a, const DesiredImage& b) {
  return a.platform == b.platform && a.secrets == b.secrets &&
         without_service(*a.build) == without_service(*b.build);
}

}  // namespace

const ObservedBuild& observed_build(const ObservedState& observed, const std::string& reference) {
  static const ObservedBuild kUnknown;
  auto build = observed.builds.find(reference);
  return build == observed.builds.end() ? kUnknown : build->second;
}

std::set<std::string> build_bases(const DesiredState& desired, const ObservedState& observed,
                                  const DesiredImage& image) {
  std::set<std::string> bases;
  auto add = [&](const std::string& reference) {
    if (reference != image.reference && desired.images.contains(reference)) bases.insert(reference);
  };
  for (const auto& [name, context] : image.build->additional_contexts)
    if (context.starts_with(kImagePrefix)) add(context.substr(kImagePrefix.size()));
  for (const std::string& base : observed_build(observed, image.reference).bases) add(base);
  return bases;
}

ActionId add_build(PlanBuilder& plan, const DesiredState& desired, const ObservedState& observed,
                   const DesiredImage& image, const std::string& cause) {
  for (ActionId id = 1; id <= plan.size(); ++id) {
    auto* build = std::get_if<BuildImage>(&plan[id].body);
    if (build == nullptr || !same_build(build->image, image)) continue;
    build->also.push_back(image.reference);
    return id;
  }
  BuildImage body{
      image, {}, observed_build(observed, image.reference).inputs, build_bases(desired, observed, image)};
  return plan.add(image.services.front(), std::move(body), cause);
}

void order_builds(PlanBuilder& plan, const DesiredState& desired, const ObservedState& observed,
                  const std::map<std::string, ActionId>& images) {
  for (const auto& [reference, id] : images) {
    const DesiredImage& image = desired.images.at(reference);
    if (!image.build || !std::holds_alternative<BuildImage>(plan[id].body)) continue;
    for (const std::string& base : build_bases(desired, observed, image))
      if (auto earlier = images.find(base); earlier != images.end()) plan.after(id, earlier->second);
  }
}

}  // namespace stack::orchestrator
