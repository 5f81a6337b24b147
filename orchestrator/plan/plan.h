// A plan: small actions with their predecessors and causes. Plain data.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "model/container_id.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/update.h"

namespace stack::orchestrator {

// 1-based position in the plan.
using ActionId = int;

// A container that already exists (`id`), or is created by this plan (`made_by`). If both are set, it is the created
// one if the create action is performed, otherwise the existing one. The executor sets `id` before it performs an
// action.
struct ContainerRef {
  ContainerId id;
  ActionId made_by = 0;
  std::string name;  // final name, for messages
};

struct CreateNetwork {
  DesiredNetwork network;
};
struct RemoveNetwork {
  std::string id;  // "" = by name
  std::string name;
};
struct CreateVolume {
  DesiredVolume volume;
};
struct RemoveVolume {
  std::string name;
};
struct BuildImage {
  DesiredImage image;
  std::vector<std::string> also;  // references of other services with the same build: tagged as well
  std::string inputs;             // ObservedBuild::inputs, stored with the image; "" = unknown
  std::set<std::string> bases;    // its base images from the same project
};
struct PullImage {
  std::string reference;
  std::string platform;
  bool refresh = false;  // query the registry even if the image is present
};
struct RemoveImage {
  std::string reference;
};

// Creates the container from `spec` under spec.name, which is temporary ("<12 digits of old id>_<final name>") if it
// replaces another container. Addresses and ports are allocated at start. The target resolves spec.image to a local
// image and adds label::kImage with its ID.
struct CreateContainer {
  ContainerSpec spec;
  std::string final_name;
  ContainerId replaces;                    // the old container; empty: none
  bool inherit_anonymous_volumes = false;  // take over those of `replaces` with the same mount point
  std::string config_hash;
  std::string config_text;  // stored with the container: ObservedContainer::config_text
};
struct RenameContainer {
  ContainerRef container;
  std::string name;
};
struct StartContainer {
  ContainerRef container;
};  // succeeds if it already runs; resumes a paused container
// Succeeds if it does not run. nullopt: the container's own stop timeout. `restarts`: the plan starts it again; should
// the power fail before that, its restart policy does.
struct StopContainer {
  ContainerRef container;
  std::optional<std::chrono::seconds> timeout;
  bool restarts = false;
};
struct KillContainer {
  ContainerRef container;
  std::string signal;
};  // "" = SIGKILL
// Kills the container if it runs; succeeds if it does not exist. `volumes`: also removes its anonymous volumes, unless
// another container uses them.
struct RemoveContainer {
  ContainerRef container;
  bool volumes = false;
};
struct PauseContainer {
  ContainerRef container;
};
struct UnpauseContainer {
  ContainerRef container;
};
// Waits until it runs, and is healthy if its image defines a health check: judge_running() in wait.h.
struct WaitRunning {
  ContainerRef container;
};
struct WaitHealthy {
  ContainerRef container;
  bool or_running = false;  // --wait: also accept no health check, or exit code 0
};
struct WaitCompleted {
  ContainerRef container;
};  // exit code 0
// Waits until a replacement is reliable: judge_accepted() in wait.h.
struct WaitAccepted {
  ContainerRef container;
  Nanoseconds monitor{};  // minimum run time without a health check
};
// Waits between two batches of an update.
struct WaitDelay {
  std::string service;
  Nanoseconds delay{};
};
// The actions that must succeed for one replica to count as replaced.
using UpdateSteps = std::vector<ActionId>;
// Decides whether an update continues after a batch: judge_update() in update.h. The executor performs it itself.
struct CheckUpdate {
  std::string service;
  std::vector<UpdateSteps> replicas;  // all replicas so far, including this batch
  int total = 0;
  size_t batch = 0;  // 1-based
  size_t batches = 0;
  UpdateFailure on_failure = UpdateFailure::Pause;
  double max_failure_ratio = 0;
  bool rollback = false;
};
enum class HookMoment { PostStart, PreStop };
// Runs all hooks of that moment in order; the hooks are in the container's spec.
struct RunHook {
  ContainerRef container;
  HookMoment moment = HookMoment::PostStart;
};
// Creates a container from `spec` with the volumes of `container`, runs it to completion, and removes it. Fails if the
// exit code is not 0. If an earlier engine started the hook, waits for it.
struct RunPreStart {
  ContainerSpec spec;
  ContainerRef container;
  size_t index = 0;  // in the service's list of pre_start hooks
};
struct ConnectNetwork {
  ContainerRef container;
  EndpointSpec endpoint;
};
struct DisconnectNetwork {
  ContainerRef container;
  std::string network;
};

using ActionBody =
    std::variant<CreateNetwork, RemoveNetwork, CreateVolume, RemoveVolume, BuildImage, PullImage, RemoveImage,
                 CreateContainer, RenameContainer, StartContainer, StopContainer, KillContainer,
                 RemoveContainer, PauseContainer, UnpauseContainer, WaitRunning, WaitHealthy, WaitCompleted,
                 WaitAccepted, WaitDelay, CheckUpdate, RunHook, RunPreStart, ConnectNetwork,
                 DisconnectNetwork>;

// An action starts when all its predecessors are done. A failure satisfies a soft edge.
struct Edge {
  ActionId id = 0;
  bool soft = false;
  bool operator==(const Edge&) const = default;
};

// Holds if image action `image` results in an image ID other than `was`.
struct ImageChange {
  ActionId image = 0;
  std::string was;
};

struct Action {
  ActionId id = 0;
  ActionBody body;
  std::vector<Edge> after;           // sorted by id, all smaller than `id`
  std::string cause;                 // "no container", "config changed: environment.DEBUG"
  std::vector<FieldChange> changes;  // details of the cause "config changed"
  std::string service;               // "" = the project itself
  // A failure is only a warning and does not fail the plan.
  bool optional = false;
  // A failure is neither an error nor a warning: a later CheckUpdate judges it.
  bool judged = false;
  // Not empty: a contingent action that undoes others. It is performed only if one of these failed, even after
  // everything else has stopped; otherwise it counts as done.
  std::vector<ActionId> if_failed;
  // For contingent actions: performed only if this action was performed.
  ActionId if_performed = 0;
  // Performed only if one of these holds; otherwise it counts as done. Empty = always.
  std::vector<ImageChange> only_if;
  // Once one action of a sequence (> 0) has started, the others are performed even after a failure elsewhere, so that
  // a container stopped for replacement does not stay stopped.
  int sequence = 0;

  bool contingent() const { return !if_failed.empty(); }
};

struct Plan {
  std::string project;
  std::vector<Action> actions;  // actions[i].id == i + 1
  std::vector<std::string> warnings;
  // Teardown: independent actions start despite failures.
  bool keep_going = false;
  bool empty() const { return actions.empty(); }
};

// "create-container", ... as listed in docs/API.md.
std::string_view kind_of(const Action& action);
// The name of its object: "shop-web-1", "shop_default", "nginx:1.27".
std::string object_of(const Action& action);
// "create container shop-web-1", "wait until shop-db-1 is healthy".
std::string describe(const Action& action);
// Whether it changes anything (a wait does not). Contingent actions are neither counted nor shown by plan_text().
bool is_change(const Action& action);
bool is_wait(const Action& action);
int count_changes(const Plan& plan);

// The output of `stack plan`: warnings, then aligned actions with causes, grouped by service in plan order; "nothing to
// do\n" for an empty plan.
std::string plan_text(const Plan& plan);
// One line per action with its edges, for tests and logs: "4 start-container shop-db-1 after 1,3 [created]".
std::string plan_listing(const Plan& plan);
// [ACTION...] of docs/API.md.
OrderedJson plan_json(const Plan& plan);
OrderedJson action_json(const Action& action);

}  // namespace stack::orchestrator
