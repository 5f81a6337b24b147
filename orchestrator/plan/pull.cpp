#include "orchestrator/plan/pull.h"

#include "base/text.h"
#include "base/units.h"
#include "orchestrator/plan/plan_builder.h"

namespace stack::orchestrator {

namespace {

constexpr std::chrono::hours kDay{24};

// "2 days": the largest suitable unit.
std::string age_text(std::chrono::seconds age) { return lower(human_duration(age)); }

}  // namespace

std::optional<Nanoseconds> refresh_interval(const std::string& policy, const std::string& refresh_after) {
  constexpr std::string_view kEvery = "every_";
  if (policy == "daily") return kDay;
  if (policy == "weekly") return 7 * kDay;
  std::string text;
  if (policy == "refresh") text = refresh_after;
  if (policy.starts_with(kEvery)) text = policy.substr(kEvery.size());
  if (text.empty()) return std::nullopt;
  Result<Nanoseconds> interval = parse_duration(text);
  return interval ? std::optional(*interval) : std::nullopt;
}

std::optional<std::string> pull_cause(const DesiredImage& image, const std::string& policy,
                                      const ObservedState& observed) {
  bool present = observed.images.count(image.reference) != 0;
  if (policy == "never" || policy == "build") return std::nullopt;
  if (!present) return "no image";
  if (policy == "always") return "pull policy: always";
  std::optional<Nanoseconds> interval = refresh_interval(policy, image.pull_refresh_after);
  auto age = observed.image_ages.find(image.reference);
  if (!interval || age == observed.image_ages.end() || age->second < *interval) return std::nullopt;
  return "last pulled " + age_text(age->second) + " ago (pull policy: " + policy + ")";
}

Plan plan_pull(const DesiredState& desired, const ObservedState& observed, const PullOptions& options) {
  PlanBuilder plan(desired.project);
  plan.keep_going();
  for (const auto& [reference, image] : desired.images) {
    if (image.build && options.ignore_buildable) continue;
    // No registry has an image under the default name of a build.
    if (image.build && !image.named) {
      plan.warn(image.services.front() + " Skipped No image to be pulled");
      continue;
    }
    std::string policy = options.policy.empty() ? image.pull_policy : options.policy;
    if (policy.empty() || policy == "build") policy = "always";
    std::optional<std::string> cause = pull_cause(image, policy, observed);
    if (!cause) continue;
    bool present = observed.images.count(reference) != 0;
    if (options.policy.empty() && image.pull_policy.empty()) cause = present ? "requested" : "no image";
    PullImage body{reference, image.platform, present};
    ActionId id = plan.add(image.services.front(), std::move(body), *cause);
    plan[id].optional = options.ignore_failures || image.build.has_value();
  }
  return std::move(plan).finish();
}

}  // namespace stack::orchestrator
