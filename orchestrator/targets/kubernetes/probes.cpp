// Health checks as probes.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"

namespace stack::targets::kubernetes {

namespace {

constexpr Nanoseconds kSecond{1'000'000'000};
constexpr Nanoseconds kInterval = 30 * kSecond;  // Compose's defaults
constexpr Nanoseconds kTimeout = 30 * kSecond;
constexpr uint64_t kRetries = 3;
// A failed startup probe kills the container, which Compose never does.
constexpr int64_t kNeverKill = 1'000'000;

int64_t whole_seconds(Nanoseconds time) {
  return std::max<int64_t>(1, (time + kSecond - Nanoseconds{1}) / kSecond);
}

OrderedJson test_command(const compose::StringList& test) {
  if (test[0] == "CMD-SHELL") {
    compose::StringList rest(test.begin() + 1, test.end());
    return escaped(compose::StringList{"/bin/sh", "-c", join(rest, " ")});
  }
  compose::StringList words(test[0] == "CMD" ? test.begin() + 1 : test.begin(), test.end());
  return escaped(words);
}

OrderedJson probe(const OrderedJson& command, Nanoseconds period, Nanoseconds timeout, int64_t failures) {
  return {{"exec", {{"command", command}}},
          {"periodSeconds", whole_seconds(period)},
          {"timeoutSeconds", whole_seconds(timeout)},
          {"failureThreshold", failures}};
}

bool restarts_unhealthy(const Service& service) {
  auto found = service.extensions.find("x-stack");
  if (found == service.extensions.end()) return false;
  auto value = parse_json(found->second);
  return value && value->is_object() && string_or(*value, "restart_on") == "unhealthy";
}

void note_fractions(Draft& draft, const Service& service, const compose::Healthcheck& health) {
  auto check = [&](const std::optional<Nanoseconds>& time, const char* key) {
    if (time && *time % kSecond != Nanoseconds{0})
      draft.notes.adapted(service_pointer(service, std::string("/healthcheck/") + key),
                          "rounded up to whole seconds");
  };
  check(health.interval, "interval");
  check(health.timeout, "timeout");
  check(health.start_interval, "start_interval");
}

}  // namespace

void add_probes(Draft& draft, const Service& service, OrderedJson& out) {
  std::optional<compose::Healthcheck> health = health_of(draft, service);
  if (!health || draft.kinds.at(service.name) == WorkloadKind::Job) {
    if (health) draft.notes.lost(service_pointer(service, "/healthcheck"), "a Job has no health check");
    return;
  }
  note_fractions(draft, service, *health);
  OrderedJson command = test_command(health->test);
  Nanoseconds interval = health->interval.value_or(kInterval);
  Nanoseconds timeout = health->timeout.value_or(kTimeout);
  int64_t retries =
      static_cast<int64_t>(std::clamp<uint64_t>(health->retries.value_or(kRetries), 1, kNeverKill));
  Nanoseconds start = health->start_interval.value_or(std::min(interval, kSecond));
  out["startupProbe"] = probe(command, start, timeout, kNeverKill);
  out["readinessProbe"] = probe(command, interval, timeout, retries);
  if (restarts_unhealthy(service)) out["livenessProbe"] = probe(command, interval, timeout, retries);
}

}  // namespace stack::targets::kubernetes
