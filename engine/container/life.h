// The life cycle of a container as a table: the effect of each request and event in each phase. Pure; ContainerService
// executes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/container_status.h"

namespace stack::engine {

enum class Phase : uint8_t {
  Making,    // the record exists, its files may not; a starting engine removes it
  Stopped,   // no process, no network
  Starting,  // network and process are being set up, by a request or by the restart policy
  Running,
  Paused,
  Stopping,  // stop requested, or exited: network and cgroup are being removed
  Backoff,   // waiting for a restart by policy; the network stays up
  Removing,
  Gone,  // the record is deleted; only running coroutines still refer to it
};
inline constexpr size_t kPhases = 9;

enum class LifeEvent : uint8_t {
  // Requests.
  Start,
  Stop,
  Kill,        // SIGKILL: the container exits and is not restarted
  StopSignal,  // kill with the stop signal: the next exit is final
  Signal,      // kill with any other signal
  Remove,
  ForceRemove,
  Restart,
  Pause,
  Unpause,
  Exec,
  Attach,
  // Events.
  Made,
  MakeFailed,
  Launched,      // the command runs
  LaunchFailed,  // the process is gone; the network may still be up
  Exited,        // finally
  ExitedForNow,  // the restart policy will restart it
  BackoffOver,
  Cleared,    // network and cgroup are removed
  Discarded,  // record and files are removed
  // At the start of an engine, and at its end.
  Adopted,  // its monitor reports a running process
  Lost,     // recorded as running, but its process is gone
  EngineStopping,
};
inline constexpr size_t kLifeEvents = 24;

enum class Verdict : uint8_t {
  Missing,     // the table has no such cell
  Go,          // the phase becomes `next`
  Already,     // nothing to do
  Wait,        // retry when the phase changes
  Refuse,      // a conflict
  Impossible,  // the event cannot happen in this phase: a bug in the engine
};

struct Transition {
  Verdict verdict = Verdict::Missing;
  Phase next = Phase::Gone;
  bool operator==(const Transition&) const = default;
};

Transition next(Phase phase, LifeEvent event);

std::string_view to_text(Phase phase);
std::string_view to_text(LifeEvent event);

// Facts that determine the status in addition to the phase.
struct StatusFacts {
  bool has_process = false;  // its command has not exited
  bool has_started = false;  // at least once
  bool by_policy = false;    // this start is by the restart policy
};
// Docker's status for a container in this phase.
ContainerStatus status_of(Phase phase, const StatusFacts& facts);

}  // namespace stack::engine
