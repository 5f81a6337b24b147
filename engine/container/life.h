// The life of a container as a table: what a request or an event does in each phase. Pure; ContainerService
// carries it out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/container_status.h"

namespace stack::engine {

enum class Phase : uint8_t {
  Making,    // the record exists, its files may not; an engine that finds it at its start removes it
  Stopped,   // no process, no network
  Starting,  // network and process are being set up, by a request or by the restart policy
  Running,
  Paused,
  Stopping,  // its end was requested, or has come: network and cgroup are being taken down
  Backoff,   // waits for its next start by the restart policy; the network stays up
  Removing,
  Gone,  // the record is deleted; only coroutines that still look at the container hold it
};
inline constexpr size_t kPhases = 9;

enum class LifeEvent : uint8_t {
  // Requests.
  Start,
  Stop,
  Kill,        // SIGKILL: the container ends, and the restart policy with it
  StopSignal,  // kill with the signal that stop sends: the next exit is final
  Signal,      // kill with any other signal
  Remove,
  ForceRemove,
  Restart,
  Pause,
  Unpause,
  Exec,
  Attach,
  // What happens to it.
  Made,
  MakeFailed,
  Launched,      // the command runs
  LaunchFailed,  // the process is gone; the network may still be up
  Exited,        // for good
  ExitedForNow,  // the restart policy will start it again
  BackoffOver,
  Cleared,    // network and cgroup are gone
  Discarded,  // record and files are gone
  // At the start of an engine, and at its end.
  Adopted,  // its monitor reports a running process
  Lost,     // recorded as alive, but its process is gone
  EngineStopping,
};
inline constexpr size_t kLifeEvents = 24;

enum class Verdict : uint8_t {
  Missing,     // the table has no such cell
  Go,          // the phase becomes `next`
  Already,     // there is nothing to do
  Wait,        // ask again when the phase has changed
  Refuse,      // a conflict
  Impossible,  // nothing can cause this event in this phase: a bug in the engine
};

struct Transition {
  Verdict verdict = Verdict::Missing;
  Phase next = Phase::Gone;
  bool operator==(const Transition&) const = default;
};

Transition next(Phase phase, LifeEvent event);

std::string_view to_text(Phase phase);
std::string_view to_text(LifeEvent event);

// What a phase alone does not tell of the status.
struct StatusFacts {
  bool has_process = false;  // its command has not ended
  bool has_started = false;  // at least once
  bool by_policy = false;    // this start is the restart policy's
};
// Docker's word for a container in this phase.
ContainerStatus status_of(Phase phase, const StatusFacts& facts);

}  // namespace stack::engine
