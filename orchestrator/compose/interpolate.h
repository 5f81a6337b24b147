// Interpolation of ${VARIABLES} in values. compose-spec, 12-interpolation.md; the grammar is the reference's.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// A variable and its source: "the environment", ".env", "base.env".
struct Variable {
  std::string value;
  std::string source;
};
using Variables = std::map<std::string, Variable, std::less<>>;
// Returns nullptr for an unset variable. The pointer must stay valid during the call that uses the lookup.
using Lookup = std::function<const std::string*(std::string_view name)>;

struct Expansion {
  std::string text;
  std::vector<std::string> unset;      // unset variables used without an operator
  std::vector<std::string> used;       // set variables that were used
  std::optional<std::string> missing;  // the complete message of a failed ${X:?message}
  bool malformed = false;              // invalid syntax
};

// Expands the words of operators only if they are used. Never throws; limits nesting.
Expansion expand(std::string_view text, const Lookup& lookup);

// A variable mentioned in texts.
struct VariableUse {
  bool required = false;
  std::string fallback;     // of the first ${X:-fallback}
  std::string alternative;  // of ${X:+alternative}
};
using MentionedVariables = std::map<std::string, VariableUse>;
// Collects all variables of a text, including those in unused words.
void note_mentioned_variables(std::string_view text, MentionedVariables& out);

// Expands all values (not keys) of a tree. Stores problems in `provenances`, to be reported only if the value is used.
// Values that contain a variable become strings.
void interpolate(Node& node, const Variables& variables, Provenances& provenances);

// Reports the interpolation problems of the nodes in this tree; warns once per variable.
void report_interpolation(const Node& node, const Provenances& provenances, Report& report);

}  // namespace stack::compose
