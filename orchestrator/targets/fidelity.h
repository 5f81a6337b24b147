// How faithfully another engine can run a project: a verdict on every key of the resolved model.
//
// A target has a table of rules, one per key of the model, and adds notes during the conversion if the verdict
// depends on the value. account() combines both.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace stack::targets {

enum class Fidelity {
  Exact,    // the same
  Adapted,  // the same for the application, by other means
  Lost,     // has no effect
};
std::string_view to_text(Fidelity level);

// The default verdict on a key. `pattern` is a path in project_to_json() with `*` for names and positions:
// "services.*.healthcheck.interval".
struct KeyRule {
  std::string_view pattern;
  Fidelity level = Fidelity::Exact;
  std::string_view note;  // how it is adapted, or why it is lost
};

struct Verdict {
  Fidelity level = Fidelity::Exact;
  std::string note;
  bool blocks = false;  // the application cannot run without it, so that a deployment is refused
};

// Verdicts on particular values, by JSON pointer ("/services/web/ports/0"). The severest one wins.
class FidelityNotes {
 public:
  void adapted(const std::string& pointer, std::string note) {
    add(pointer, {Fidelity::Adapted, std::move(note), false});
  }
  void lost(const std::string& pointer, std::string note) {
    add(pointer, {Fidelity::Lost, std::move(note), false});
  }
  // Lost, and the deployment is refused.
  void refused(const std::string& pointer, std::string note) {
    add(pointer, {Fidelity::Lost, std::move(note), true});
  }
  void exact(const std::string& pointer) { overrides_[pointer] = {}; }  // although the rule says otherwise
  const std::map<std::string, Verdict>& all() const { return overrides_; }

 private:
  void add(const std::string& pointer, Verdict verdict);
  std::map<std::string, Verdict> overrides_;
};

struct KeyFidelity {
  std::string key;  // "services.web.ports.0"
  std::string service;
  std::string place;  // "compose.yaml:7:5", or ""
  Verdict verdict;
};

struct FidelityReport {
  std::vector<KeyFidelity> keys;  // every key of the model, in the model's order
  size_t count(Fidelity level) const;
  // The keys that prevent a deployment.
  std::vector<const KeyFidelity*> blocking() const;
};

// Finds the place where a JSON pointer's value was written; "" if unknown.
using PlaceFinder = std::function<std::string(const std::string& pointer)>;

// `project` is project_to_json(). A key without a rule is lost, with the note kUnknownKey.
inline constexpr std::string_view kUnknownKey = "not known to this target";
FidelityReport account(const Json& project, std::span<const KeyRule> rules, const FidelityNotes& notes,
                       const PlaceFinder& place);

// Segments of a pointer are escaped by RFC 6901 ("/" as "~1").
std::string pointer_to(std::string_view base, std::string_view key);

// The adapted and lost keys as an aligned table, then the counts: "41 exact, 3 adapted, 1 lost". Without any, only the
// counts.
std::string report_text(const FidelityReport& report);
// {"exact":41,"adapted":3,"lost":1,"keys":[{"key","service","place","fidelity","note"}...]}
OrderedJson report_json(const FidelityReport& report);

}  // namespace stack::targets
