#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/text.h"

namespace stack {

Result<ByteSize> parse_byte_size(std::string_view text) {
  std::string word = lower(trim(text));
  auto wrong = [&] {
    return invalid("invalid size \"" + std::string(text) +
                   "\": expected a number with an optional unit b, k, m, g, t, or p");
  };
  double number = 0;
  auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code != std::errc{} || !std::isfinite(number)) return wrong();
  std::string_view unit = trim(std::string_view(end, static_cast<size_t>(word.data() + word.size() - end)));
  int power = 0;
  if (!unit.empty() && unit != "b") {
    constexpr std::string_view kLetters = "kmgtp";
    size_t at = kLetters.find(unit[0]);
    std::string_view rest = unit.substr(1);
    if (at == std::string_view::npos || (rest != "" && rest != "b" && rest != "ib")) return wrong();
    power = static_cast<int>(at) + 1;
  }
  if (number < 0 && (power != 0 || number != -1)) return wrong();
  double value = number * std::pow(1024.0, power);
  if (value >= 9.2e18) return wrong();
  return ByteSize{static_cast<int64_t>(value)};
}

namespace {
std::string scaled(double value, double base, const char* const* units, int last, const char* format) {
  int unit = 0;
  while (value >= base && unit < last) {
    value /= base;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return std::string(text.data()) + units[unit];
}
}  // namespace

std::string human_size(ByteSize size) {
  static const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  return scaled(static_cast<double>(size.bytes), 1024, kUnits, 5, "%.4g");
}

std::string decimal_size(ByteSize size) {
  static const char* const kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  return scaled(static_cast<double>(size.bytes), 1000, kUnits, 5, "%.3g");
}

Result<Nanoseconds> parse_duration(std::string_view text) {
  std::string_view rest = trim(text);
  auto wrong = [&] {
    return invalid("invalid duration \"" + std::string(text) + "\": expected for example 1m30s or 500ms");
  };
  if (rest == "0") return Nanoseconds{0};
  if (rest.empty()) return wrong();
  double total = 0;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty()) return wrong();
  while (!rest.empty()) {
    double number = 0;
    if (rest[0] != '.' && (rest[0] < '0' || rest[0] > '9')) return wrong();
    auto [end, code] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (code != std::errc{}) return wrong();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && (rest[length] < '0' || rest[length] > '9'))
      ++length;
    std::string_view unit = rest.substr(0, length);
    rest.remove_prefix(length);
    struct Unit {
      std::string_view name;
      double nanoseconds;
    };
    static constexpr std::array<Unit, 9> kUnits{{{"ns", 1},
                                                 {"us", 1e3},
                                                 {"\u00b5s", 1e3},
                                                 {"ms", 1e6},
                                                 {"s", 1e9},
                                                 {"m", 60e9},
                                                 {"h", 3600e9},
                                                 {"d", 86400e9},
                                                 {"w", 604800e9}}};
    double factor = 0;
    for (const Unit& candidate : kUnits)
      if (candidate.name == unit) factor = candidate.nanoseconds;
    if (factor == 0) return wrong();
    total += number * factor;
  }
  if (total >= 9.2e18) return wrong();
  return Nanoseconds{static_cast<int64_t>(std::llround(negative ? -total : total))};
}

std::string go_duration(Nanoseconds duration) {
  int64_t total = duration.count();
  if (total == 0) return "0s";
  std::string out = total < 0 ? "-" : "";
  double magnitude = std::abs(static_cast<double>(total));
  auto number = [](double value) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.9f", value);
    std::string trimmed(text.data());
    while (trimmed.ends_with('0')) trimmed.pop_back();
    if (trimmed.ends_with('.')) trimmed.pop_back();
    return trimmed;
  };
  if (magnitude < 1e3) return out + number(magnitude) + "ns";
  if (magnitude < 1e6) return out + number(magnitude / 1e3) + "\u00b5s";
  if (magnitude < 1e9) return out + number(magnitude / 1e6) + "ms";
  int64_t absolute = std::llabs(total);
  int64_t hours = absolute / 3'600'000'000'000;
  int64_t minutes = absolute / 60'000'000'000 % 60;
  if (hours > 0) out += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) out += std::to_string(minutes) + "m";
  return out + number(static_cast<double>(absolute % 60'000'000'000) / 1e9) + "s";
}

std::string rfc3339(WallTime time) {
  int64_t nanoseconds = std::chrono::duration_cast<Nanoseconds>(time.time_since_epoch()).count();
  time_t seconds = nanoseconds / 1'000'000'000;
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(nanoseconds % 1'000'000'000));
  return text.data();
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  auto wrong = [&] { return invalid("invalid time \"" + std::string(text) + "\": expected RFC 3339"); };
  tm parts{};
  std::string copy(text);
  int used = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6)
    return wrong();
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::string_view rest = std::string_view(copy).substr(static_cast<size_t>(used));
  int64_t nanoseconds = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    int64_t scale = 100'000'000;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      nanoseconds += (rest[0] - '0') * scale;
      scale /= 10;
      rest.remove_prefix(1);
    }
  }
  int64_t offset = 0;
  if (rest != "Z" && rest != "z") {
    int hours = 0;
    int minutes = 0;
    char sign = 0;
    if (rest.size() != 6 || std::sscanf(std::string(rest).c_str(), "%c%2d:%2d", &sign, &hours, &minutes) != 3)
      return wrong();
    offset = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
  }
  int64_t seconds = ::timegm(&parts) - offset;
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::seconds(seconds) +
                                                                 Nanoseconds(nanoseconds)));
}

std::string human_duration(std::chrono::seconds duration) {
  int64_t seconds = duration.count();
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return std::to_string(seconds) + " seconds";
  int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return std::to_string(minutes) + " minutes";
  int64_t hours = (seconds + 1800) / 3600;
  if (hours == 1) return "About an hour";
  if (hours < 48) return std::to_string(hours) + " hours";
  if (hours < 24 * 7 * 2) return std::to_string(hours / 24) + " days";
  if (hours < 24 * 30 * 2) return std::to_string(hours / 24 / 7) + " weeks";
  if (hours < 24 * 365 * 2) return std::to_string(hours / 24 / 30) + " months";
  return std::to_string(hours / 24 / 365) + " years";
}

}  // namespace stack
