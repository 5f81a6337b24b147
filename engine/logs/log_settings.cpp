#include "engine/logs/log_settings.h"

#include <algorithm>
#include <regex>

#include "base/files.h"
#include "base/json.h"

namespace stack::engine {

namespace {

// A log without a limit gets one part of so many.
constexpr int64_t kUnlimitedLogShare = 10;

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

// A journald field name: uppercase letters, digits, and underscores, without a leading underscore.
std::string field_name(const std::string& key) {
  std::string name;
  for (char c : key) {
    auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) != 0 && byte < 0x80 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  name.erase(0, std::min(name.find_first_not_of('_'), name.size()));
  return name;
}

// KEY=value, or the binary form with a length for multi-line values.
void add_field(std::string& out, const std::string& key, const std::string& value) {
  if (key.empty()) return;
  if (value.find('\n') == std::string::npos) {
    out += key + "=" + value + "\n";
    return;
  }
  out += key + "\n";
  for (size_t i = 0; i < 8; ++i) out += static_cast<char>(value.size() >> (8 * i));
  out += value + "\n";
}

bool chosen(const std::vector<std::string>& names, const std::string& regex, const std::string& key) {
  if (std::find(names.begin(), names.end(), key) != names.end()) return true;
  return !regex.empty() && std::regex_search(key, std::regex(regex));
}

std::map<std::string, std::string> chosen_extras(const LogPlan& plan, const LogSubject& subject) {
  std::map<std::string, std::string> extras;
  for (const auto& [key, value] : subject.labels)
    if (chosen(plan.labels, plan.labels_regex, key)) extras[key] = value;
  for (const std::string& variable : subject.env) {
    size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    std::string key = variable.substr(0, equals);
    if (chosen(plan.env, plan.env_regex, key)) extras[key] = variable.substr(equals + 1);
  }
  return extras;
}

Result<std::string> journal_fields(const LogPlan& plan, const LogSubject& subject) {
  TRY_ASSIGN(std::string tag, expand_log_tag(plan.tag, subject.facts));
  std::string out;
  add_field(out, "CONTAINER_ID", subject.facts.id.substr(0, 12));
  add_field(out, "CONTAINER_ID_FULL", subject.facts.id);
  add_field(out, "CONTAINER_NAME", subject.facts.name);
  add_field(out, "CONTAINER_TAG", tag);
  add_field(out, "IMAGE_NAME", subject.facts.image_name);
  add_field(out, "SYSLOG_IDENTIFIER", tag);
  for (const auto& [key, value] : chosen_extras(plan, subject)) add_field(out, field_name(key), value);
  return out;
}

}  // namespace

std::map<std::string, std::string> log_attributes(const LogPlan& plan, const LogSubject& subject) {
  std::map<std::string, std::string> attributes = chosen_extras(plan, subject);
  if (!plan.tag.empty()) attributes["tag"] = expand_log_tag(plan.tag, subject.facts).value_or(plan.tag);
  return attributes;
}

Result<runtime::LogSettings> log_settings(const LogPlan& plan, const LogSubject& subject,
                                          const std::string& path) {
  runtime::LogSettings log;
  log.driver = plan.journald     ? runtime::LogDriver::Journald
               : plan.keeps_file ? runtime::LogDriver::JsonFile
                                 : runtime::LogDriver::None;
  if (plan.keeps_file) log.path = path;
  log.max_size = plan.max_size;
  log.max_file = plan.max_file;
  log.buffer_size = plan.buffer_size;
  if (plan.journald) {
    TRY_ASSIGN(log.fields, journal_fields(plan, subject));
  } else if (auto attributes = log_attributes(plan, subject); !attributes.empty()) {
    log.fields = ",\"attrs\":" + stack::to_text(Json(attributes));
  }
  constexpr size_t kRoom = 4096;
  if (log.fields.size() > kRoom)
    return invalid("the labels and variables added to each log message are longer than " +
                   std::to_string(kRoom) + " bytes");
  return log;
}

void bound_log(const std::optional<ByteSize>& total, LogPlan& plan) {
  if (!total || plan.max_size > 0) return;
  plan.max_size = total->bytes / kUnlimitedLogShare / 2;
  plan.max_file = 2;
}

Result<> check_log_target(const LogPlan& plan) {
  if (!plan.journald || path_exists(kJournalSocket)) return {};
  return invalid(std::string("logging driver journald: journald is not enabled on this host: ") +
                 kJournalSocket + " does not exist");
}

}  // namespace stack::engine
