#include "engine/container/life.h"

namespace stack::engine {

namespace {

using enum Phase;

using Row = std::array<Transition, kLifeEvents>;

constexpr Transition go(Phase phase) { return {Verdict::Go, phase}; }

// A row of the table, one cell per event in the order of LifeEvent. Cells that keep the phase take it from `phase`.
constexpr Row row(Phase phase, Row cells) {
  for (Transition& cell : cells)
    if (cell.verdict != Verdict::Go && cell.verdict != Verdict::Missing) cell.next = phase;
  return cells;
}

constexpr Transition kAlready{Verdict::Already, Gone};
constexpr Transition kWait{Verdict::Wait, Gone};
constexpr Transition kRefuse{Verdict::Refuse, Gone};
constexpr Transition kNever{Verdict::Impossible, Gone};

// clang-format off
constexpr std::array<Row, kPhases> kTable{
    row(Making, {
        /* Start      */ kRefuse,       /* Stop         */ kAlready,      /* Kill        */ kRefuse,
        /* StopSignal */ kRefuse,       /* Signal       */ kRefuse,       /* Remove      */ kWait,
        /* ForceRemove*/ kWait,         /* Restart      */ kRefuse,       /* Pause       */ kRefuse,
        /* Unpause    */ kRefuse,       /* Exec         */ kRefuse,       /* Attach      */ kRefuse,
        /* Made       */ go(Stopped),   /* MakeFailed   */ go(Removing),  /* Launched    */ kNever,
        /* LaunchFail.*/ kNever,        /* Exited       */ kNever,        /* ExitedForNow*/ kNever,
        /* BackoffOver*/ kNever,        /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ go(Removing),  /* Lost         */ go(Removing),  /* EngineStop. */ kAlready}),
    row(Stopped, {
        /* Start      */ go(Starting),  /* Stop         */ kAlready,      /* Kill        */ kRefuse,
        /* StopSignal */ kRefuse,       /* Signal       */ kRefuse,       /* Remove      */ go(Removing),
        /* ForceRemove*/ go(Removing),  /* Restart      */ go(Starting),  /* Pause       */ kRefuse,
        /* Unpause    */ kRefuse,       /* Exec         */ kRefuse,       /* Attach      */ kWait,
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ kNever,        /* Exited       */ kNever,        /* ExitedForNow*/ kNever,
        /* BackoffOver*/ kNever,        /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ go(Running),   /* Lost         */ kAlready,      /* EngineStop. */ kAlready}),
    row(Starting, {
        /* Start      */ kWait,         /* Stop         */ go(Stopping),  /* Kill        */ go(Stopping),
        /* StopSignal */ go(Stopping),  /* Signal       */ kRefuse,       /* Remove      */ kWait,
        /* ForceRemove*/ go(Removing),  /* Restart      */ kWait,         /* Pause       */ kWait,
        /* Unpause    */ kRefuse,       /* Exec         */ kRefuse,       /* Attach      */ kWait,
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ go(Running),
        /* LaunchFail.*/ go(Stopping),  /* Exited       */ kNever,        /* ExitedForNow*/ kNever,
        /* BackoffOver*/ kNever,        /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ kNever,        /* Lost         */ kNever,        /* EngineStop. */ kAlready}),
    row(Running, {
        /* Start      */ kAlready,      /* Stop         */ go(Stopping),  /* Kill        */ go(Stopping),
        /* StopSignal */ go(Running),   /* Signal       */ go(Running),   /* Remove      */ kRefuse,
        /* ForceRemove*/ go(Removing),  /* Restart      */ go(Stopping),  /* Pause       */ go(Paused),
        /* Unpause    */ kRefuse,       /* Exec         */ go(Running),   /* Attach      */ go(Running),
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ kNever,        /* Exited       */ go(Stopping),  /* ExitedForNow*/ go(Backoff),
        /* BackoffOver*/ kNever,        /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ go(Running),   /* Lost         */ go(Stopped),   /* EngineStop. */ kAlready}),
    row(Paused, {
        /* Start      */ kRefuse,       /* Stop         */ go(Stopping),  /* Kill        */ go(Stopping),
        /* StopSignal */ go(Running),   /* Signal       */ go(Paused),    /* Remove      */ kRefuse,
        /* ForceRemove*/ go(Removing),  /* Restart      */ go(Stopping),  /* Pause       */ kRefuse,
        /* Unpause    */ go(Running),   /* Exec         */ kRefuse,       /* Attach      */ kRefuse,
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ kNever,        /* Exited       */ go(Stopping),  /* ExitedForNow*/ go(Backoff),
        /* BackoffOver*/ kNever,        /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ go(Paused),    /* Lost         */ go(Stopped),   /* EngineStop. */ kAlready}),
    row(Stopping, {
        /* Start      */ kWait,         /* Stop         */ go(Stopping),  /* Kill        */ go(Stopping),
        /* StopSignal */ go(Stopping),  /* Signal       */ go(Stopping),  /* Remove      */ kWait,
        /* ForceRemove*/ go(Removing),  /* Restart      */ kWait,         /* Pause       */ kRefuse,
        /* Unpause    */ kRefuse,       /* Exec         */ go(Stopping),  /* Attach      */ go(Stopping),
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ go(Stopping),  /* Exited       */ go(Stopping),  /* ExitedForNow*/ kNever,
        /* BackoffOver*/ kNever,        /* Cleared      */ go(Stopped),   /* Discarded   */ kNever,
        /* Adopted    */ kNever,        /* Lost         */ kNever,        /* EngineStop. */ kAlready}),
    row(Backoff, {
        /* Start      */ kAlready,      /* Stop         */ go(Stopping),  /* Kill        */ go(Stopping),
        /* StopSignal */ go(Stopping),  /* Signal       */ kRefuse,       /* Remove      */ kRefuse,
        /* ForceRemove*/ go(Removing),  /* Restart      */ go(Stopping),  /* Pause       */ kRefuse,
        /* Unpause    */ kRefuse,       /* Exec         */ kRefuse,       /* Attach      */ kRefuse,
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ kNever,        /* Exited       */ kNever,        /* ExitedForNow*/ kNever,
        /* BackoffOver*/ go(Starting),  /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ go(Running),   /* Lost         */ go(Stopped),   /* EngineStop. */ kAlready}),
    row(Removing, {
        /* Start      */ kRefuse,       /* Stop         */ kWait,         /* Kill        */ kRefuse,
        /* StopSignal */ kRefuse,       /* Signal       */ kRefuse,       /* Remove      */ kRefuse,
        /* ForceRemove*/ kRefuse,       /* Restart      */ kRefuse,       /* Pause       */ kRefuse,
        /* Unpause    */ kRefuse,       /* Exec         */ kRefuse,       /* Attach      */ kRefuse,
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ go(Removing),  /* Exited       */ go(Removing),  /* ExitedForNow*/ kNever,
        /* BackoffOver*/ kNever,        /* Cleared      */ go(Removing),  /* Discarded   */ go(Gone),
        /* Adopted    */ kNever,        /* Lost         */ kNever,        /* EngineStop. */ kAlready}),
    row(Gone, {
        /* Start      */ kRefuse,       /* Stop         */ kAlready,      /* Kill        */ kRefuse,
        /* StopSignal */ kRefuse,       /* Signal       */ kRefuse,       /* Remove      */ kRefuse,
        /* ForceRemove*/ kRefuse,       /* Restart      */ kRefuse,       /* Pause       */ kRefuse,
        /* Unpause    */ kRefuse,       /* Exec         */ kRefuse,       /* Attach      */ kRefuse,
        /* Made       */ kNever,        /* MakeFailed   */ kNever,        /* Launched    */ kNever,
        /* LaunchFail.*/ kNever,        /* Exited       */ kNever,        /* ExitedForNow*/ kNever,
        /* BackoffOver*/ kNever,        /* Cleared      */ kNever,        /* Discarded   */ kNever,
        /* Adopted    */ kNever,        /* Lost         */ kNever,        /* EngineStop. */ kAlready}),
};
// clang-format on

constexpr bool is_full() {
  for (const Row& cells : kTable)
    for (const Transition& cell : cells)
      if (cell.verdict == Verdict::Missing) return false;
  return true;
}
static_assert(is_full(), "a cell of the life table is missing");

constexpr std::array<std::string_view, kPhases> kPhaseNames{
    "making", "stopped", "starting", "running", "paused", "stopping", "backoff", "removing", "gone"};

constexpr std::array<std::string_view, kLifeEvents> kEventNames{
    "start",        "stop",        "kill",      "stop_signal",   "signal", "remove",
    "force_remove", "restart",     "pause",     "unpause",       "exec",   "attach",
    "made",         "make_failed", "launched",  "launch_failed", "exited", "exited_for_now",
    "backoff_over", "cleared",     "discarded", "adopted",       "lost",   "engine_stopping"};

}  // namespace

Transition next(Phase phase, LifeEvent event) {
  return kTable[static_cast<size_t>(phase)][static_cast<size_t>(event)];
}

std::string_view to_text(Phase phase) { return kPhaseNames[static_cast<size_t>(phase)]; }
std::string_view to_text(LifeEvent event) { return kEventNames[static_cast<size_t>(event)]; }

ContainerStatus status_of(Phase phase, const StatusFacts& facts) {
  ContainerStatus at_rest = facts.has_started ? ContainerStatus::Exited : ContainerStatus::Created;
  switch (phase) {
    case Phase::Making:
    case Phase::Stopped:
      return at_rest;
    case Phase::Starting:
      return facts.by_policy ? ContainerStatus::Restarting : at_rest;
    case Phase::Running:
      return ContainerStatus::Running;
    case Phase::Paused:
      return ContainerStatus::Paused;
    case Phase::Stopping:
      return facts.has_process ? ContainerStatus::Running : at_rest;
    case Phase::Backoff:
      return ContainerStatus::Restarting;
    case Phase::Removing:
      return ContainerStatus::Removing;
    case Phase::Gone:
      return ContainerStatus::Dead;
  }
  return ContainerStatus::Dead;
}

}  // namespace stack::engine
