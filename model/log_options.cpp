#include "model/log_options.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "base/text.h"

namespace stack {

namespace {

using Options = std::map<std::string, std::string>;

const std::set<std::string>& options_of(const std::string& driver) {
  static const std::map<std::string, std::set<std::string>> known{
      {"json-file",
       {"max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag"}},
      {"local", {"max-size", "max-file", "compress"}},
      {"journald",
       {"labels", "labels-regex", "env", "env-regex", "tag", "cache-disabled", "cache-max-size",
        "cache-max-file", "cache-compress"}},
      {"none", {}},
  };
  static const std::set<std::string> nothing;
  auto found = known.find(driver);
  return found == known.end() ? nothing : found->second;
}

bool driver_exists(const std::string& driver) {
  return driver == "json-file" || driver == "local" || driver == "journald" || driver == "none";
}

Error wrong(const std::string& key, const std::string& value, const std::string& expected) {
  return invalid("invalid value for log option " + key + ": \"" + value + "\": expected " + expected);
}

// go-units' FromHumanSize: "10m" is 10,000,000.
Result<int64_t> decimal_size_of(const std::string& key, const std::string& value) {
  static const std::regex pattern(R"(^(\d+(?:\.\d+)?) ?([kKmMgGtTpP]?)(?:[iI]?[bB])?$)");
  std::smatch match;
  if (value == "-1") return -1;
  if (value.size() > 30 || !std::regex_match(value, match, pattern))
    return wrong(key, value, "a size such as 10m, or -1 for no limit");
  double number = std::strtod(match[1].str().c_str(), nullptr);
  std::string unit = match[2];
  constexpr std::string_view kUnits = "kmgtp";
  if (!unit.empty()) {
    char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(unit[0])));
    for (size_t i = 0; i <= kUnits.find(lower); ++i) number *= 1000;
  }
  if (number < 1 || number > 9e18) return wrong(key, value, "a size of at least one byte");
  return static_cast<int64_t>(number);
}

Result<int> count_of(const std::string& key, const std::string& value) {
  bool number = is_all_digits(value) && !value.empty() && value.size() < 5;
  if (!number) return wrong(key, value, "a number from 1 to 9999");
  int count = std::stoi(value);
  if (count < 1) return invalid(key + " cannot be less than 1");
  return count;
}

Result<bool> switch_of(const std::string& key, const std::string& value) {
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (value == yes) return true;
  for (const char* no : {"0", "f", "F", "FALSE", "false", "False"})
    if (value == no) return false;
  return wrong(key, value, "true or false");
}

Result<> check_regex(const std::string& key, const std::string& value) {
  if (value.size() > 1000) return wrong(key, value.substr(0, 40) + "...", "a shorter regular expression");
  try {
    std::regex pattern(value);
  } catch (const std::regex_error&) {
    return wrong(key, value, "a regular expression");
  }
  return {};
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  for (const std::string& word : split(list, ','))
    if (!trim(word).empty()) words.emplace_back(trim(word));
  return words;
}

Result<> plan_mode(const Options& options, LogPlan& plan) {
  auto mode = options.find("mode");
  auto size = options.find("max-buffer-size");
  bool non_blocking = mode != options.end() && mode->second == "non-blocking";
  if (mode != options.end() && !non_blocking && mode->second != "blocking" && !mode->second.empty())
    return invalid("logger: logging mode not supported: " + mode->second);
  if (size != options.end() && !non_blocking)
    return invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (!non_blocking) return {};
  plan.buffer_size = int64_t{1} << 20;
  if (size == options.end()) return {};
  Result<ByteSize> room = parse_byte_size(size->second);
  constexpr int64_t kLeast = 64 * 1024;  // a few of the longest messages
  if (!room || room->bytes < kLeast || room->bytes > int64_t{1} << 30)
    return wrong("max-buffer-size", size->second, "a size from 64k to 1g");
  plan.buffer_size = room->bytes;
  return {};
}

// max-size, max-file, and compress; journald's cache uses different names for them.
Result<> plan_file(const Options& options, const std::string& prefix, LogPlan& plan) {
  auto value = [&](const char* name) { return options.find(prefix + name); };
  auto size = value("max-size");
  auto count = value("max-file");
  auto compress = value("compress");
  if (size != options.end()) {
    TRY_ASSIGN(plan.max_size, decimal_size_of(size->first, size->second));
  }
  if (count != options.end()) {
    TRY_ASSIGN(plan.max_file, count_of(count->first, count->second));
  }
  if (compress != options.end()) {
    TRY_ASSIGN(plan.compress, switch_of(compress->first, compress->second));
    if (plan.compress && (plan.max_file < 2 || plan.max_size <= 0))
      return invalid("compress cannot be true when max-file is less than 2 or max-size is not set");
  }
  if (plan.max_file < 2) plan.compress = false;
  return {};
}

Result<> plan_extras(const Options& options, LogPlan& plan) {
  auto text = [&](const char* key) {
    auto found = options.find(key);
    return found == options.end() ? std::string() : found->second;
  };
  plan.labels = words_of(text("labels"));
  plan.env = words_of(text("env"));
  plan.labels_regex = text("labels-regex");
  plan.env_regex = text("env-regex");
  plan.tag = text("tag");
  TRY(check_regex("labels-regex", plan.labels_regex));
  TRY(check_regex("env-regex", plan.env_regex));
  TRY(expand_log_tag(plan.tag, {}));
  return {};
}

// Limited by default, unlike Docker's json-file, so that logs do not fill the disk.
void fill_defaults(const std::string& driver, const Options& options, LogPlan& plan) {
  plan.max_size = int64_t{10} << 20;
  plan.max_file = 3;
  // If only max-size is set, Docker's default for max-file applies: one file.
  if (driver == "json-file" && options.contains("max-size")) plan.max_file = 1;
  if (driver == "json-file") return;
  plan.max_size = int64_t{20} << 20;
  plan.max_file = 5;
  plan.compress = true;
}

}  // namespace

Result<LogPlan> plan_log(const LogSpec& log) {
  std::string driver = log.driver.empty() ? "json-file" : log.driver;
  if (!driver_exists(driver))
    return invalid("logger: no log driver named '" + driver + "' is registered");
  for (const auto& [key, value] : log.options) {
    if (key == "mode" || key == "max-buffer-size" || options_of(driver).contains(key)) continue;
    return invalid("unknown log opt '" + key + "' for " + driver + " log driver");
  }
  LogPlan plan;
  TRY(plan_mode(log.options, plan));
  plan.keeps_file = driver != "none";
  plan.journald = driver == "journald";
  if (!plan.keeps_file) return plan;
  fill_defaults(driver, log.options, plan);
  TRY(plan_file(log.options, plan.journald ? "cache-" : "", plan));
  TRY(plan_extras(log.options, plan));
  if (plan.journald && plan.tag.empty()) plan.tag = "{{.ID}}";
  if (auto disabled = log.options.find("cache-disabled"); disabled != log.options.end()) {
    TRY_ASSIGN(bool off, switch_of("cache-disabled", disabled->second));
    plan.keeps_file = !off;
  }
  return plan;
}

Result<std::string> expand_log_tag(const std::string& tag, const LogTagFacts& facts) {
  auto brief = [](const std::string& id) {
    std::string hex = id.starts_with("sha256:") ? id.substr(7) : id;
    return hex.substr(0, 12);
  };
  const std::map<std::string, std::string> values{{".ID", brief(facts.id)},
                                                  {".FullID", facts.id},
                                                  {".Name", facts.name},
                                                  {".ImageID", brief(facts.image_id)},
                                                  {".ImageFullID", facts.image_id},
                                                  {".ImageName", facts.image_name},
                                                  {".DaemonName", "stack"}};
  std::string out;
  for (size_t at = 0; at < tag.size();) {
    size_t begin = tag.find("{{", at);
    out += tag.substr(at, begin - at);
    if (begin == std::string::npos) break;
    size_t end = tag.find("}}", begin);
    std::string name(
        trim(std::string_view(tag).substr(begin + 2, end == std::string::npos ? 0 : end - begin - 2)));
    auto value = values.find(name);
    if (end == std::string::npos || value == values.end())
      return invalid("invalid value for log option tag: \"" + tag +
                     "\": must use only {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageID}}, {{.ImageFullID}}, "
                     "{{.ImageName}}, and {{.DaemonName}}");
    out += value->second;
    at = end + 2;
  }
  return out;
}

}  // namespace stack
