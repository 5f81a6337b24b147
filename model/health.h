// A container's health, determined by probes. Pure; Docker's rules: moby `daemon/health.go`.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "model/container.h"

namespace stack {

enum class Health { None, Starting, Healthy, Unhealthy };
std::string_view to_text(Health health);  // "none", "starting", ...

inline constexpr size_t kProbeOutputLimit = 4096;
inline constexpr size_t kProbeResultsKept = 5;

// Periods are measured by a clock that cannot be set.
using SteadyTime = std::chrono::steady_clock::time_point;

struct ProbeResult {
  WallTime start;
  WallTime end;
  int exit_code = 0;   // -1: timed out or could not start
  std::string output;  // at most kProbeOutputLimit bytes
  SteadyTime began;    // when it started
};

struct HealthState {
  Health status = Health::Starting;
  int failing_streak = 0;
  SteadyTime started;                // start of the container's run
  std::vector<ProbeResult> results;  // the last kProbeResultsKept, oldest first
};

// The health check with zeros replaced by Docker's defaults.
HealthcheckSpec with_defaults(const HealthcheckSpec& spec);
// False without a test or for {"NONE"}.
bool is_enabled(const HealthcheckSpec& spec);

// The state at each start or restart of the container.
HealthState health_at_start(SteadyTime now);
// The state after a probe. Failures during the start period do not count while the container is starting.
HealthState advance(HealthState state, ProbeResult result, const HealthcheckSpec& spec);
// The delay until the next probe, measured from the end of the last one or from the start.
Nanoseconds next_probe_in(const HealthState& state, const HealthcheckSpec& spec, SteadyTime now);
// "Health check exceeded timeout (30s)" and the output so far.
ProbeResult timed_out(WallTime start, WallTime end, const HealthcheckSpec& spec, std::string partial_output);

}  // namespace stack
