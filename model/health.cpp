#include "model/health.h"

#include <algorithm>

namespace stack {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kDefaultInterval = 30s;
constexpr Nanoseconds kDefaultTimeout = 30s;
constexpr Nanoseconds kDefaultStartInterval = 5s;
constexpr int kDefaultRetries = 3;

// Delay of the first probe while the container starts.
constexpr Nanoseconds kFirstProbe = 20ms;
constexpr Nanoseconds kLeastPause = 50ms;

// Docker's first probe follows after one interval (or start_interval). Our earlier probes only detect "healthy" sooner:
// their failures do not count, so that a container does not become unhealthy earlier than in Docker.
bool in_start_period(const HealthState& state, const HealthcheckSpec& spec, SteadyTime now) {
  Nanoseconds free = std::max(spec.start_period, spec.interval);
  return state.status == Health::Starting && now - state.started < free;
}

// Frequent at first, then half of the elapsed time, at most start_interval.
Nanoseconds starting_pause(const HealthState& state, const HealthcheckSpec& spec, SteadyTime now) {
  if (state.results.empty()) return kFirstProbe;
  Nanoseconds elapsed = now - state.started;
  Nanoseconds pause =
      std::clamp(elapsed / 2, std::min(kLeastPause, spec.start_interval), spec.start_interval);
  if (elapsed < spec.interval) pause = std::min(pause, spec.interval - elapsed);
  return pause;
}

void keep_result(HealthState& state, ProbeResult result) {
  if (result.output.size() > kProbeOutputLimit) result.output.resize(kProbeOutputLimit);
  state.results.push_back(std::move(result));
  if (state.results.size() > kProbeResultsKept) state.results.erase(state.results.begin());
}

}  // namespace

HealthcheckSpec with_defaults(const HealthcheckSpec& spec) {
  HealthcheckSpec full = spec;
  if (full.interval <= 0ns) full.interval = kDefaultInterval;
  if (full.timeout <= 0ns) full.timeout = kDefaultTimeout;
  if (full.start_interval <= 0ns) full.start_interval = kDefaultStartInterval;
  if (full.retries <= 0) full.retries = kDefaultRetries;
  return full;
}

bool is_enabled(const HealthcheckSpec& spec) { return !spec.test.empty() && spec.test.front() != "NONE"; }

HealthState health_at_start(SteadyTime now) {
  HealthState state;
  state.started = now;
  return state;
}

HealthState advance(HealthState state, ProbeResult result, const HealthcheckSpec& spec) {
  HealthcheckSpec full = with_defaults(spec);
  if (result.exit_code == 0) {
    state.failing_streak = 0;
    state.status = Health::Healthy;
  } else if (!in_start_period(state, full, result.began)) {
    ++state.failing_streak;
    if (state.failing_streak >= full.retries) state.status = Health::Unhealthy;
  }
  keep_result(state, std::move(result));
  return state;
}

Nanoseconds next_probe_in(const HealthState& state, const HealthcheckSpec& spec, SteadyTime now) {
  HealthcheckSpec full = with_defaults(spec);
  return in_start_period(state, full, now) ? starting_pause(state, full, now) : full.interval;
}

ProbeResult timed_out(WallTime start, WallTime end, const HealthcheckSpec& spec, std::string partial_output) {
  std::string text = "Health check exceeded timeout (" + go_duration(with_defaults(spec).timeout) + ")";
  if (!partial_output.empty()) text += ": " + partial_output;
  return {start, end, -1, std::move(text), {}};
}

std::string_view to_text(Health health) {
  switch (health) {
    case Health::None:
      return "none";
    case Health::Starting:
      return "starting";
    case Health::Healthy:
      return "healthy";
    case Health::Unhealthy:
      return "unhealthy";
  }
  return "";
}

}  // namespace stack
