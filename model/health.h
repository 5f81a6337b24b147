// A container's health as its probes tell it. Pure; Docker's rules: moby `daemon/health.go`.
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

struct ProbeResult {
  WallTime start;
  WallTime end;
  int exit_code = 0;   // -1: timed out or could not be started
  std::string output;  // at most kProbeOutputLimit bytes
};

struct HealthState {
  Health status = Health::Starting;
  int failing_streak = 0;
  WallTime started;                  // of the container's run
  std::vector<ProbeResult> results;  // the last kProbeResultsKept, oldest first
};

// Health check with Docker's defaults in place of zeros.
HealthcheckSpec with_defaults(const HealthcheckSpec& spec);
// False for no test, or {"NONE"}.
bool is_enabled(const HealthcheckSpec& spec);

// At each start or restart of the container.
HealthState health_at_start(WallTime now);
// After a probe has ended. Failures within the start period count nothing while the container is still
// starting.
HealthState advance(HealthState state, ProbeResult result, const HealthcheckSpec& spec);
// How long to wait for the next probe, counted from the end of the last one (or from the start).
Nanoseconds next_probe_in(const HealthState& state, const HealthcheckSpec& spec, WallTime now);
// "Health check exceeded timeout (30s)" and what had been said until then.
ProbeResult timed_out(WallTime start, WallTime end, const HealthcheckSpec& spec, std::string partial_output);

}  // namespace stack
