#include "orchestrator/targets/fidelity.h"

#include <algorithm>

#include "base/text.h"

namespace stack::targets {

namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view text, char separator) {
  Words out;
  while (!text.empty()) {
    size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

bool fits(const Words& pattern, const std::vector<std::string>& path, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (pattern[i] != "*" && pattern[i] != path[i]) return false;
  return true;
}

// The groups of project_to_json() that users write; the others describe the load.
constexpr std::string_view kGroups[] = {"services", "networks", "volumes",   "configs",
                                        "secrets",  "models",   "extensions"};

class Accountant {
 public:
  Accountant(std::span<const KeyRule> rules, const FidelityNotes& notes, const PlaceFinder& place)
      : notes_(notes), place_(place) {
    for (const KeyRule& rule : rules) rules_.push_back({words_of(rule.pattern, '.'), &rule});
  }

  FidelityReport run(const Json& project) {
    for (std::string_view group : kGroups) {
      auto found = project.find(group);
      if (found == project.end() || !found->is_structured()) continue;
      path_ = {std::string(group)};
      children(*found, "/" + std::string(group), nullptr);
    }
    add_jobs(project);
    return std::move(report_);
  }

 private:
  // They are no services of the project, so that nothing else would tell of them.
  void add_jobs(const Json& project) {
    auto disabled = project.find("disabled_services");
    if (disabled == project.end() || !disabled->is_object()) return;
    for (const auto& [name, service] : disabled->items()) {
      if (string_or(service, "reason") != "job" || !has_active_profile(project, service)) continue;
      path_ = {"jobs", name};
      add(pointer_to("/jobs", name),
          {Fidelity::Lost, bool_or(service, "scheduled") ? "jobs are not converted, so it never runs"
                                                         : "jobs are not converted", false});
    }
  }

  static bool has_active_profile(const Json& project, const Json& service) {
    auto own = service.find("profiles");
    auto active = project.find("profiles");
    if (own == service.end() || own->empty()) return true;
    if (active == project.end()) return false;
    return std::any_of(active->begin(), active->end(), [&](const Json& one) {
      return one == "*" || std::find(own->begin(), own->end(), one) != own->end();
    });
  }

  struct SplitRule {
    Words words;
    const KeyRule* rule = nullptr;
  };

  void children(const Json& value, const std::string& pointer, const KeyRule* inherited) {
    size_t index = 0;
    for (const auto& item : value.items()) {
      std::string key = value.is_array() ? std::to_string(index++) : item.key();
      path_.push_back(key);
      visit(item.value(), pointer_to(pointer, key), inherited);
      path_.pop_back();
    }
  }

  void visit(const Json& value, const std::string& pointer, const KeyRule* inherited) {
    const KeyRule* rule = inherited;
    bool deeper = false;
    for (const SplitRule& candidate : rules_) {
      size_t size = candidate.words.size();
      if (size < path_.size() || !fits(candidate.words, path_, path_.size())) continue;
      if (size == path_.size()) {
        rule = candidate.rule;
      } else {
        deeper = true;
      }
    }
    if (deeper && value.is_structured() && !value.empty()) {
      children(value, pointer, rule);
      // A note about the whole ("services.web") is kept beside those about its parts.
      auto whole = notes_.all().find(pointer);
      if (whole != notes_.all().end()) add(pointer, whole->second);
      return;
    }
    settle(pointer, rule);
  }

  void settle(const std::string& pointer, const KeyRule* rule) {
    auto own = notes_.all().find(pointer);
    if (own != notes_.all().end()) {
      add(pointer, own->second);
    } else if (rule != nullptr) {
      add(pointer, {rule->level, std::string(rule->note), false});
    } else {
      add(pointer, {Fidelity::Lost, std::string(kUnknownKey), false});
    }
    std::string below = pointer + "/";
    for (auto at = notes_.all().lower_bound(below); at != notes_.all().end() && at->first.starts_with(below);
         ++at)
      add(at->first, at->second);
  }

  void add(const std::string& pointer, Verdict verdict) {
    KeyFidelity key;
    key.verdict = std::move(verdict);
    key.key = pointer.substr(1);
    std::replace(key.key.begin(), key.key.end(), '/', '.');
    if (path_[0] == "services" && path_.size() > 1) key.service = path_[1];
    key.place = place_ ? place_(pointer) : "";
    report_.keys.push_back(std::move(key));
  }

  const FidelityNotes& notes_;
  const PlaceFinder& place_;
  std::vector<SplitRule> rules_;
  std::vector<std::string> path_;
  FidelityReport report_;
};

std::string counts_text(const FidelityReport& report) {
  return std::to_string(report.count(Fidelity::Exact)) + " exact, " +
         std::to_string(report.count(Fidelity::Adapted)) + " adapted, " +
         std::to_string(report.count(Fidelity::Lost)) + " lost\n";
}

}  // namespace

std::string_view to_text(Fidelity level) {
  switch (level) {
    case Fidelity::Exact:
      return "exact";
    case Fidelity::Adapted:
      return "adapted";
    case Fidelity::Lost:
      return "lost";
  }
  return "";
}

void FidelityNotes::add(const std::string& pointer, Verdict verdict) {
  auto [at, added] = overrides_.emplace(pointer, verdict);
  if (added) return;
  bool severer = verdict.level > at->second.level ||
                 (verdict.level == at->second.level && verdict.blocks > at->second.blocks);
  if (severer) at->second = std::move(verdict);
}

size_t FidelityReport::count(Fidelity level) const {
  return static_cast<size_t>(std::count_if(
      keys.begin(), keys.end(), [&](const KeyFidelity& key) { return key.verdict.level == level; }));
}

std::vector<const KeyFidelity*> FidelityReport::blocking() const {
  std::vector<const KeyFidelity*> out;
  for (const KeyFidelity& key : keys)
    if (key.verdict.blocks) out.push_back(&key);
  return out;
}

FidelityReport account(const Json& project, std::span<const KeyRule> rules, const FidelityNotes& notes,
                       const PlaceFinder& place) {
  return Accountant(rules, notes, place).run(project);
}

std::string pointer_to(std::string_view base, std::string_view key) {
  std::string out(base);
  out += '/';
  for (char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string report_text(const FidelityReport& report) {
  size_t key_width = 0;
  size_t place_width = 0;
  std::vector<const KeyFidelity*> shown;
  for (Fidelity level : {Fidelity::Lost, Fidelity::Adapted})
    for (const KeyFidelity& key : report.keys)
      if (key.verdict.level == level) shown.push_back(&key);
  for (const KeyFidelity* key : shown) {
    key_width = std::max(key_width, key->key.size());
    place_width = std::max(place_width, key->place.size());
  }
  auto padded = [](const std::string& text, size_t width) {
    return text + std::string(width - text.size() + 2, ' ');
  };
  std::string out;
  for (const KeyFidelity* key : shown) {
    out += padded(std::string(to_text(key->verdict.level)), 7) + padded(key->key, key_width);
    out += padded(key->place, place_width) + key->verdict.note + "\n";
  }
  return out + counts_text(report);
}

OrderedJson report_json(const FidelityReport& report) {
  OrderedJson keys = OrderedJson::array();
  for (const KeyFidelity& key : report.keys) {
    OrderedJson row{{"key", key.key},
                    {"service", key.service},
                    {"place", key.place},
                    {"fidelity", to_text(key.verdict.level)},
                    {"note", key.verdict.note}};
    if (key.verdict.blocks) row["blocks"] = true;
    keys.push_back(std::move(row));
  }
  return {{"exact", report.count(Fidelity::Exact)},
          {"adapted", report.count(Fidelity::Adapted)},
          {"lost", report.count(Fidelity::Lost)},
          {"keys", std::move(keys)}};
}

}  // namespace stack::targets
