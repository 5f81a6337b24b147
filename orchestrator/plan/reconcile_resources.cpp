// Networks, volumes, and images of a plan.
#include "orchestrator/plan/pull.h"
#include "orchestrator/plan/reconciler.h"

#include <algorithm>

#include "model/labels.h"
#include "orchestrator/plan/image_builds.h"

namespace stack::orchestrator {
// --- networks and volumes ---

namespace {

std::string label_of(const std::map<std::string, std::string>& labels, const char* name) {
  auto at = labels.find(name);
  return at == labels.end() ? "" : at->second;
}

template <typename Observed>
const Observed* find_named(const std::vector<Observed>& list, const std::string& name) {
  auto at = std::find_if(list.begin(), list.end(), [&](const Observed& item) { return item.name == name; });
  return at == list.end() ? nullptr : &*at;
}

// Only objects that this project created with a recorded hash can count as changed.
template <typename Observed>
bool has_changed(const Observed& there, const std::string& project, const std::string& config_hash) {
  if (label_of(there.labels, label::kProject) != project) return false;
  std::string recorded = label_of(there.labels, label::kConfigHash);
  return !recorded.empty() && recorded != config_hash;
}

std::string foreign_object_warning(const char* what, const std::string& name, const std::string& project) {
  return std::string(what) + " " + name + " exists but was not created for project " + project +
         "; using it unchanged";
}

// A container that this plan does not replace and that runs on the network. It prevents recreating the network.
const ObservedContainer* stranger_on(const std::string& network, const DesiredState& desired,
                                     const ObservedState& observed) {
  for (const ObservedContainer& container : observed.containers) {
    bool replaced = desired.services.count(container.service) != 0 && !container.oneoff;
    if (container.alive() && container.networks.count(network) && !replaced) return &container;
  }
  return nullptr;
}

}  // namespace

void Reconciler::find_changed_networks() {
  for (const auto& [key, network] : desired_.networks) {
    const ObservedNetwork* there = find_named(observed_.networks, network.config.name);
    if (there != nullptr && !there->fault.empty()) plan_.warn(there->fault);
    if (network.config.external || there == nullptr) continue;
    if (label_of(there->labels, label::kProject) != desired_.project) {
      plan_.warn(foreign_object_warning("network", network.config.name, desired_.project));
    } else if (has_changed(*there, desired_.project, network.config_hash)) {
      const ObservedContainer* stranger = stranger_on(there->name, desired_, observed_);
      if (options_.no_recreate || stranger) {
        plan_.warn("network " + there->name + ": its configuration changed, but it is kept" +
                   (stranger ? " because " + stranger->name + " uses it" : ""));
      } else {
        changed_networks_[there->name] = there;
      }
    }
  }
}

void Reconciler::plan_networks() {
  for (const auto& [key, network] : desired_.networks) {
    const std::string& name = network.config.name;
    if (network.config.external || networks_.count(name)) continue;
    bool changed = changed_networks_.count(name) != 0;
    if (!changed && find_named(observed_.networks, name)) continue;
    networks_[name] = plan_.add("", CreateNetwork{network}, changed ? "config changed" : "no network");
  }
}

// Removals come after the stop of all containers on the network.
void Reconciler::remove_changed_networks() {
  for (const auto& [name, there] : changed_networks_) {
    ActionId removal = plan_.add("", RemoveNetwork{there->id, name}, "config changed");
    plan_.after(networks_[name], removal);
    for (const auto& [container, ending] : endings_) {
      if (container->networks.count(name)) plan_.after(removal, ending.stop);
    }
  }
}

void Reconciler::plan_volumes() {
  for (const auto& [key, volume] : desired_.volumes) {
    const std::string& name = volume.config.name;
    if (volume.config.external || volumes_.count(name)) continue;
    const ObservedVolume* there = find_named(observed_.volumes, name);
    if (!there) {
      volumes_[name] = plan_.add("", CreateVolume{volume}, "no volume");
    } else if (label_of(there->labels, label::kProject) != desired_.project) {
      plan_.warn(foreign_object_warning("volume", name, desired_.project));
    } else if (has_changed(*there, desired_.project, volume.config_hash)) {
      plan_.warn("volume " + name +
                 ": its configuration changed, but it is kept because recreating it would lose "
                 "its data; to recreate it, run `stack down` and `stack volume rm " +
                 name + "` first");
    }
  }
}

// --- images ---

bool Reconciler::image_is_used(const DesiredImage& image) const {
  return std::any_of(image.services.begin(), image.services.end(), [&](const std::string& name) {
    auto service = desired_.services.find(name);
    return service != desired_.services.end() && service->second.replicas > 0;
  });
}

bool Reconciler::is_wanted(const DesiredImage& image) const {
  return options_.build || image.for_builds || image_is_used(image);
}

void Reconciler::plan_images() {
  for (const auto& [reference, image] : desired_.images)
    if (is_wanted(image)) plan_image(image);
  if (!options_.no_build) plan_builds_on_top();
  order_builds(plan_, desired_, observed_, images_);
}

namespace {

// Whether `up` rebuilds the image when the context changes.
bool builds_when_changed(const DesiredImage& image) {
  return image.pull_policy.empty() || image.pull_policy == "build";
}

// Why a build would give a different image now; nullopt if no change is known.
std::optional<std::string> build_change(const ObservedBuild& build) {
  if (!build.inputs.empty() && !build.built_from.empty() && build.inputs != build.built_from)
    return "context changed";
  if (!build.changed_bases.empty()) return "image " + *build.changed_bases.begin() + " changed";
  return std::nullopt;
}

}  // namespace

// Plans builds of images whose base image is built and may change.
void Reconciler::plan_builds_on_top() {
  std::vector<const DesiredImage*> open;
  for (const auto& [reference, image] : desired_.images)
    if (image.build && !images_.contains(reference) && is_wanted(image) && builds_when_changed(image))
      open.push_back(&image);
  auto plan_one = [this](const DesiredImage* image) { return plan_build_on_top(*image); };
  while (std::erase_if(open, plan_one) > 0) {
  }
}

// Whether a base of the image is built.
bool Reconciler::plan_build_on_top(const DesiredImage& image) {
  std::vector<ImageChange> changes;
  std::string cause;
  for (const std::string& base : build_bases(desired_, observed_, image)) {
    auto planned = images_.find(base);
    if (planned == images_.end() || !std::holds_alternative<BuildImage>(plan_[planned->second].body))
      continue;
    auto present = observed_.images.find(base);
    changes.push_back({planned->second, present == observed_.images.end() ? "" : present->second});
    if (cause.empty()) cause = "if image " + base + " changes";
  }
  if (changes.empty()) return false;
  const ActionId before = plan_.size();
  const ActionId id = add_build(plan_, desired_, observed_, image, cause);
  images_[image.reference] = id;
  if (id > before) plan_[id].only_if = std::move(changes);
  return true;
}

// Why the image is built; nullopt if it is not.
std::optional<std::string> Reconciler::build_cause(const DesiredImage& image) {
  if (!observed_.images.count(image.reference)) return "no image";
  if (options_.build) return "--build";
  if (image.pull_policy == "build") return "pull_policy: build";
  std::optional<std::string> change = build_change(observed_build(observed_, image.reference));
  if (!change || builds_when_changed(image)) return change;
  plan_.warn("image " + image.reference + ": " + *change + ", but its pull policy is \"" + image.pull_policy +
             "\"; use --build to build it");
  return std::nullopt;
}

void Reconciler::plan_image(const DesiredImage& image) {
  bool present = observed_.images.count(image.reference) != 0;
  const std::string& service = image.services.front();
  if (image.build && !options_.no_build) {
    if (std::optional<std::string> cause = build_cause(image))
      images_[image.reference] = add_build(plan_, desired_, observed_, image, *cause);
    return;
  }
  if (image.build) return;
  const bool from_file = options_.pull.empty() || options_.pull == "policy";
  std::optional<std::string> cause =
      pull_cause(image, from_file ? image.pull_policy : options_.pull, observed_);
  if (!cause) return;
  images_[image.reference] = plan_.add(service, PullImage{image.reference, image.platform, present}, *cause);
}

}  // namespace stack::orchestrator
