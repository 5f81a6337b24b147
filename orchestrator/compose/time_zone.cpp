#include "orchestrator/compose/time_zone.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/files.h"
#include "base/path.h"

namespace stack::compose {

namespace {

constexpr const char* kZoneFolder = "/usr/share/zoneinfo/";
constexpr const char* kLocalZone = "/etc/localtime";
constexpr size_t kZoneLimit = size_t{1} << 20;
constexpr int64_t kSecondsOfDay = 24 * 3600;

// --- the rule: POSIX's TZ

class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool name() {
    size_t size = 0;
    if (take('<')) {
      size = rest_.find('>');
      if (size == std::string_view::npos) return false;
      rest_.remove_prefix(size + 1);
      return true;
    }
    while (size < rest_.size() && is_letter(rest_[size])) ++size;
    rest_.remove_prefix(size);
    return size >= 3;
  }
  std::optional<int> number() {
    int value = 0;
    size_t size = 0;
    for (; size < rest_.size() && size < 4 && rest_[size] >= '0' && rest_[size] <= '9'; ++size)
      value = value * 10 + (rest_[size] - '0');
    if (size == 0) return std::nullopt;
    rest_.remove_prefix(size);
    return value;
  }
  // [+-]hh[:mm[:ss]]
  std::optional<int64_t> time() {
    bool minus = take('-');
    if (!minus) take('+');
    int64_t total = 0;
    int64_t unit = 3600;
    do {
      std::optional<int> part = number();
      if (!part) return std::nullopt;
      total += *part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    return minus ? -total : total;
  }
  std::optional<ZoneRule::Change> change() {
    ZoneRule::Change out;
    out.kind = take('M') ? 'M' : take('J') ? 'J' : '0';
    std::optional<int> first = number();
    if (!first) return std::nullopt;
    out.day = *first;
    if (out.kind == 'M') {
      std::optional<int> week = take('.') ? number() : std::nullopt;
      std::optional<int> day = take('.') ? number() : std::nullopt;
      if (!week || !day || *first < 1 || *first > 12 || *week < 1 || *week > 5 || *day > 6) return std::nullopt;
      out.month = *first;
      out.week = *week;
      out.day = *day;
    }
    if (!take('/')) return out;
    std::optional<int64_t> after = time();
    if (!after) return std::nullopt;
    out.time = *after;
    return out;
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  std::string_view rest_;
};

// Local seconds of the change, as if the clock of that moment were UTC.
int64_t moment_of(const ZoneRule::Change& change, std::chrono::year year) {
  using namespace std::chrono;
  sys_days day = sys_days(year / January / 1);
  if (change.kind == 'M') {
    month in(static_cast<unsigned>(change.month));
    weekday on(static_cast<unsigned>(change.day));
    day = change.week == 5 ? sys_days(year / in / on[last])
                           : sys_days(year / in / on[static_cast<unsigned>(change.week)]);
  } else if (change.kind == 'J') {
    day += days(change.day - 1 + (year.is_leap() && change.day > 59 ? 1 : 0));
  } else {
    day += days(change.day);
  }
  return day.time_since_epoch().count() * kSecondsOfDay + change.time;
}

// --- the file

int64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  if (bytes.size() == 4) return static_cast<int32_t>(static_cast<uint32_t>(value));
  return static_cast<int64_t>(value);
}

struct ZoneCounts {
  size_t ut = 0, standard = 0, leaps = 0, times = 0, types = 0, characters = 0;
  size_t size(size_t width) const {
    return times * (width + 1) + types * 6 + characters + leaps * (width + 4) + standard + ut;
  }
};

constexpr size_t kZoneHeader = 44;

std::optional<ZoneCounts> zone_counts(std::string_view file) {
  if (file.size() < kZoneHeader || !file.starts_with("TZif")) return std::nullopt;
  auto count = [&](size_t i) { return static_cast<size_t>(static_cast<uint32_t>(big_endian(file.substr(20 + 4 * i, 4)))); };
  return ZoneCounts{count(0), count(1), count(2), count(3), count(4), count(5)};
}

std::string zone_path(const std::string& name) {
  if (!name.empty()) return kZoneFolder + name;
  const char* set = std::getenv("TZ");
  std::string local = set == nullptr ? "" : set;
  if (local.starts_with(':')) local.erase(0, 1);
  if (local.empty()) return kLocalZone;
  return local.starts_with('/') ? local : kZoneFolder + local;
}

}  // namespace

std::optional<ZoneRule> parse_zone_rule(std::string_view text) {
  RuleReader reader(text);
  ZoneRule rule;
  std::optional<int64_t> west = reader.name() ? reader.time() : std::nullopt;
  if (!west) return std::nullopt;
  rule.standard = rule.summer = -*west;
  if (reader.done()) return rule;
  if (!reader.name()) return std::nullopt;
  rule.summer = rule.standard + 3600;
  if (!reader.take(',')) {
    west = reader.time();
    if (!west || !reader.take(',')) return std::nullopt;
    rule.summer = -*west;
  }
  rule.begins = reader.change();
  if (!rule.begins || !reader.take(',')) return std::nullopt;
  rule.ends = reader.change();
  if (!rule.ends || !reader.done()) return std::nullopt;
  return rule;
}

int64_t ZoneRule::offset(int64_t at) const {
  if (!begins || !ends) return standard;
  std::chrono::sys_seconds local{std::chrono::seconds(at + standard)};
  std::chrono::year year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(local)).year();
  int64_t from = moment_of(*begins, year) - standard;
  int64_t to = moment_of(*ends, year) - summer;
  bool is_summer = from < to ? at >= from && at < to : at >= from || at < to;
  return is_summer ? summer : standard;
}

Result<TimeZone> TimeZone::parse(std::string_view file) {
  auto damaged = [] { return invalid("not a time zone file"); };
  std::optional<ZoneCounts> counts = zone_counts(file);
  if (!counts) return damaged();
  size_t width = 4;
  if (file[4] >= '2') {  // the second part has 64-bit times
    size_t first = kZoneHeader + counts->size(4);
    if (file.size() < first) return damaged();
    file.remove_prefix(first);
    counts = zone_counts(file);
    if (!counts) return damaged();
    width = 8;
  }
  file.remove_prefix(kZoneHeader);
  if (file.size() < counts->size(width) || counts->types == 0) return damaged();
  std::string_view kinds = file.substr(counts->times * width, counts->times);
  std::string_view types = file.substr(counts->times * (width + 1), counts->types * 6);
  TimeZone zone;
  zone.first_ = big_endian(types.substr(0, 4));
  for (size_t i = 0; i < counts->times; ++i) {
    auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= counts->types) return damaged();
    zone.changes_.push_back({big_endian(file.substr(i * width, width)), big_endian(types.substr(kind * size_t{6}, 4))});
  }
  file.remove_prefix(counts->size(width));
  if (width == 8 && file.size() >= 2) {
    std::string_view rule = file.substr(1, file.find('\n', 1) - 1);
    zone.rule_ = parse_zone_rule(rule);
    if (!rule.empty() && !zone.rule_) return damaged();
  }
  return zone;
}

Result<TimeZone> TimeZone::open(const std::string& name) {
  if (name == "UTC") return TimeZone();
  if (name.starts_with('/') || name.find("..") != std::string::npos || name.find('\0') != std::string::npos)
    return invalid("\"" + name + "\" is not the name of a time zone");
  std::string path = zone_path(name);
  Result<std::string> file = read_file(path, kZoneLimit);
  if (!file && name.empty()) return TimeZone();
  if (!file) return not_found("unknown time zone \"" + name + "\" (" + kZoneFolder + " has the known ones)");
  return parse(*file).in(path);
}

int64_t TimeZone::offset(int64_t at) const {
  auto after = std::upper_bound(changes_.begin(), changes_.end(), at,
                                [](int64_t moment, const Change& change) { return moment < change.at; });
  if (after == changes_.end() && rule_) return rule_->offset(at);
  return after == changes_.begin() ? first_ : std::prev(after)->offset;
}

}  // namespace stack::compose
