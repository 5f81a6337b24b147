// A plan: small actions, what each comes after, and why it is done. Decides nothing, does nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/update.h"

namespace stack::orchestrator {

// 1-based position in the plan.
using ActionId = int;

// A container that is there already (`id`), or is made by this plan (`made_by`), or both: then the one that
// the create action makes if it is carried out, else the existing one. The executor fills in `id` before it
// calls a driver.
struct ContainerRef {
  std::string id;
  ActionId made_by = 0;
  std::string name;  // final name, for people
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
  std::vector<std::string> also;  // references of other services whose build is the same: tagged as well
  std::string inputs;             // ObservedBuild::inputs, to be kept with the image; "" = not known
  std::set<std::string> bases;    // other images of the project that it begins with
};
struct PullImage {
  std::string reference;
  std::string platform;
  bool refresh = false;  // the registry is asked even where the image is there
};
struct RemoveImage {
  std::string reference;
};

// Makes the container from `spec` under spec.name, which is temporary ("<12 of old id>_<final name>") when it
// replaces another. Addresses and ports are taken at start, not here. The driver resolves spec.image to a
// local image and adds label::kImage with its id.
struct CreateContainer {
  ContainerSpec spec;
  std::string final_name;
  std::string replaces;                    // id of the old container, or ""
  bool inherit_anonymous_volumes = false;  // take over those of `replaces` by mount point
  std::string config_hash;
  std::string config_text;  // to be kept with the container: ObservedContainer::config_text
};
struct RenameContainer {
  ContainerRef container;
  std::string name;
};
struct StartContainer {
  ContainerRef container;
};  // success if it runs already; unpauses a paused one
// Success if it does not run. nullopt: the container's own stop timeout.
struct StopContainer {
  ContainerRef container;
  std::optional<std::chrono::seconds> timeout;
};
struct KillContainer {
  ContainerRef container;
  std::string signal;
};  // "" = SIGKILL
// Kills it if it runs; success if it is gone. `volumes`: its anonymous volumes too, unless another container
// has them.
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
// Until it runs, and is healthy if its image brings a health check: judge_running() of wait.h.
struct WaitRunning {
  ContainerRef container;
};
struct WaitHealthy {
  ContainerRef container;
  bool or_running = false;  // --wait: no health check, or having ended with 0, will do
};
struct WaitCompleted {
  ContainerRef container;
};  // exit code 0
// Until a container that takes another's place can be relied on: judge_accepted() of wait.h.
struct WaitAccepted {
  ContainerRef container;
  Nanoseconds monitor{};  // how long it must run if it has no health check
};
// Between two batches of an update.
struct WaitDelay {
  std::string service;
  Nanoseconds delay{};
};
// What must go well for one replica to count as replaced.
using UpdateSteps = std::vector<ActionId>;
// Whether an update goes on after one of its batches: judge_update() of update.h. The executor's own; no
// driver is called.
struct CheckUpdate {
  std::string service;
  std::vector<UpdateSteps> replicas;  // all until now, this batch's included
  int total = 0;
  size_t batch = 0;  // from 1
  size_t batches = 0;
  UpdateFailure on_failure = UpdateFailure::Pause;
  double max_failure_ratio = 0;
  bool rollback = false;
};
enum class HookMoment { PostStart, PreStop };
// All hooks of that moment, in order; they stand in the container's spec.
struct RunHook {
  ContainerRef container;
  HookMoment moment = HookMoment::PostStart;
};
// Makes a container of `spec`, with the volumes of `container`, runs it to its end and removes it. Failure,
// if it ends with another code than 0. One that an earlier engine began is waited for.
struct RunPreStart {
  ContainerSpec spec;
  ContainerRef container;
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

// An action starts when all it comes after are done. A soft edge is satisfied by failure too.
struct Edge {
  ActionId id = 0;
  bool soft = false;
  bool operator==(const Edge&) const = default;
};

// "Only if image action `image` results in another image id than `was`."
struct ImageChange {
  ActionId image = 0;
  std::string was;
};

struct Action {
  ActionId id = 0;
  ActionBody body;
  std::vector<Edge> after;           // sorted by id, all smaller than `id`
  std::string cause;                 // "no container", "config changed: environment.DEBUG"
  std::vector<FieldChange> changes;  // behind the cause "config changed"
  std::string service;               // "" = the project's
  // Failure is a warning: it does not fail the plan.
  bool optional = false;
  // Failure is neither: a CheckUpdate that comes later judges it.
  bool judged = false;
  // Not empty: contingent, takes back what others did. Carried out only if one of these failed, and then even
  // where everything else stops; else it counts as done.
  std::vector<ActionId> if_failed;
  // Contingent: and only if this one was carried out.
  ActionId if_performed = 0;
  // Carried out only if one of these holds; empty = always. Otherwise it counts as done.
  std::vector<ImageChange> only_if;
  // Once one action of a sequence (> 0) was begun, the others are carried out even after a failure elsewhere:
  // a container that was stopped to be replaced is not left stopped.
  int sequence = 0;

  bool contingent() const { return !if_failed.empty(); }
};

struct Plan {
  std::string project;
  std::vector<Action> actions;  // actions[i].id == i + 1
  std::vector<std::string> warnings;
  // Teardown: failures do not keep independent actions from being started.
  bool keep_going = false;
  bool empty() const { return actions.empty(); }
};

// "create-container", ... as docs/API.md lists them.
std::string_view kind_of(const Action& action);
// The name of what it is about: "shop-web-1", "shop_default", "nginx:1.27".
std::string object_of(const Action& action);
// "create container shop-web-1", "wait until shop-db-1 is healthy".
std::string describe(const Action& action);
// Whether it changes anything (a wait does not). Contingent actions are not counted, nor shown by
// plan_text().
bool is_change(const Action& action);
bool is_wait(const Action& action);
int count_changes(const Plan& plan);

// What `stack plan` prints: grouped by service in order of the plan, aligned, with causes, warnings first;
// "nothing to do\n" for an empty plan.
std::string plan_text(const Plan& plan);
// One line an action with its edges, for tests and logs: "4 start-container shop-db-1 after 1,3 [created]".
std::string plan_listing(const Plan& plan);
// [ACTION...] of docs/API.md.
OrderedJson plan_json(const Plan& plan);
OrderedJson action_json(const Action& action);

}  // namespace stack::orchestrator
