#include "docker/time_text.h"

#include "base/text.h"

namespace stack::docker {

namespace {

constexpr int64_t kLatest = 9'000'000'000;  // the year 2255, before nanoseconds in 64 bits end
constexpr size_t kMostDigits = 12;

// nullopt if it is not "SECONDS[.FRACTION]".
std::optional<std::chrono::nanoseconds> seconds_of(std::string_view text) {
  size_t dot = text.find('.');
  std::string_view whole = text.substr(0, dot);
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  if (!is_all_digits(whole) || whole.size() > kMostDigits) return std::nullopt;
  if (!fraction.empty() && !is_all_digits(fraction)) return std::nullopt;
  fraction.resize(9, '0');
  int64_t seconds = std::stoll(std::string(whole));
  if (seconds > kLatest) return std::nullopt;
  return std::chrono::seconds(seconds) + std::chrono::nanoseconds(std::stoll(fraction));
}

// "2026-01-02", "2026-01-02T03:04:05": in UTC.
std::string with_zone(std::string_view text) {
  std::string full(text);
  if (full.find('T') == std::string::npos) full += "T00:00:00";
  size_t clock = full.find('T');
  bool has_zone = full.ends_with('Z') || full.find_first_of("+-", clock) != std::string::npos;
  return has_zone ? full : full + "Z";
}

}  // namespace

Result<std::optional<WallTime>> parse_time_text(std::string_view text, WallTime now) {
  if (text.empty() || text == "0") return std::optional<WallTime>();
  if (std::optional<std::chrono::nanoseconds> since = seconds_of(text))
    return std::optional(WallTime(*since));
  if (Result<Nanoseconds> back = parse_duration(text))
    return std::optional(now - std::chrono::duration_cast<WallTime::duration>(*back));
  if (Result<WallTime> time = parse_rfc3339(with_zone(text))) return std::optional(*time);
  return invalid("failed to parse value as time or duration: \"" + std::string(text) + "\"");
}

}  // namespace stack::docker
