// Pull policies, and the plan of `pull`.
#include "orchestrator/plan/pull.h"

#include <gtest/gtest.h>

namespace stack::orchestrator {
namespace {

using std::chrono::hours;

struct Case {
  const char* policy;
  std::optional<hours> age;  // nullopt: not local
  const char* cause;         // nullptr: no pull
};

TEST(PullPolicy, EveryPolicyOfCompose) {
  const Case kCases[] = {
      {"", std::nullopt, "no image"},
      {"", hours(1000), nullptr},
      {"missing", std::nullopt, "no image"},
      {"missing", hours(1), nullptr},
      {"always", std::nullopt, "no image"},
      {"always", hours(1), "pull policy: always"},
      {"never", std::nullopt, nullptr},
      {"build", std::nullopt, nullptr},
      {"daily", std::nullopt, "no image"},
      {"daily", hours(23), nullptr},
      {"daily", hours(48), "last pulled 2 days ago (pull policy: daily)"},
      {"weekly", hours(48), nullptr},
      {"weekly", hours(24 * 7), "last pulled 7 days ago (pull policy: weekly)"},
      {"every_12h", hours(11), nullptr},
      {"every_12h", hours(12), "last pulled 12 hours ago (pull policy: every_12h)"},
      {"refresh", hours(5), "last pulled 5 hours ago (pull policy: refresh)"},
  };
  for (const Case& one : kCases) {
    DesiredImage image;
    image.reference = "app:1";
    image.pull_refresh_after = "5h";
    ObservedState observed;
    if (one.age) {
      observed.images["app:1"] = "sha256:x";
      observed.image_ages["app:1"] = *one.age;
    }
    EXPECT_EQ(pull_cause(image, one.policy, observed).value_or("none"),
              one.cause == nullptr ? "none" : one.cause)
        << one.policy;
  }
}

DesiredState state_of(std::vector<DesiredImage> images) {
  DesiredState out;
  out.project = "shop";
  for (DesiredImage& image : images) {
    image.services = {"web"};
    out.images[image.reference] = image;
  }
  return out;
}

DesiredImage image_of(const std::string& reference, const std::string& policy, bool build = false) {
  DesiredImage out;
  out.reference = reference;
  out.pull_policy = policy;
  if (build) out.build.emplace();
  out.named = true;
  return out;
}

std::string listing(const DesiredState& state, const PullOptions& options) {
  ObservedState observed;
  observed.images = {{"here", "sha256:1"}, {"kept", "sha256:2"}};
  std::string out;
  for (const Action& action : plan_pull(state, observed, options).actions) {
    const auto& pull = std::get<PullImage>(action.body);
    out += pull.reference + (pull.refresh ? " refresh" : "") + (action.optional ? " optional" : "") + " [" +
           action.cause + "]\n";
  }
  return out;
}

TEST(Pull, PullsAllImagesExceptThoseExcludedByPolicy) {
  DesiredState state = state_of({image_of("here", ""), image_of("kept", "missing"), image_of("absent", ""),
                                 image_of("secret", "never"), image_of("made", "", true)});
  EXPECT_EQ(listing(state, {}), "absent [no image]\nhere refresh [requested]\nmade optional [no image]\n");
  PullOptions missing;
  missing.policy = "missing";
  missing.ignore_buildable = true;
  EXPECT_EQ(listing(state, missing), "absent [no image]\nsecret [no image]\n");
  PullOptions tolerant;
  tolerant.ignore_failures = true;
  tolerant.policy = "always";
  EXPECT_EQ(listing(state, tolerant),
            "absent optional [no image]\nhere refresh optional [pull policy: always]\n"
            "kept refresh optional [pull policy: always]\nmade optional [no image]\n"
            "secret optional [no image]\n");
}

TEST(Pull, BuiltImagesWithoutANameAreNotPulled) {
  DesiredState state = state_of({image_of("shop-web", "always", true)});
  state.images.at("shop-web").named = false;
  EXPECT_EQ(listing(state, {}), "");
  PullOptions always;
  always.policy = "always";
  EXPECT_EQ(listing(state, always), "");
  EXPECT_EQ(plan_pull(state, {}, {}).warnings, std::vector<std::string>{"web Skipped No image to be pulled"});
}

}  // namespace
}  // namespace stack::orchestrator
