// ${VARIABLES} in values.  compose-spec, 12-interpolation.md; the grammar is the reference's.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// A variable and who set it: "the environment", ".env", "base.env".
struct Variable {
  std::string value;
  std::string source;
};
using Variables = std::map<std::string, Variable, std::less<>>;
// nullptr: not set. The pointer must stay valid during the call that was given the look-up.
using Lookup = std::function<const std::string*(std::string_view name)>;

struct Expansion {
  std::string text;
  std::vector<std::string> unset;      // variables that were used without being set and without an operator
  std::vector<std::string> used;       // variables that were set and used
  std::optional<std::string> missing;  // ${X:?message} failed: the whole message
  bool malformed = false;              // not in the grammar
};

// Operators' words are expanded only if used. Never throws; nesting is limited.
Expansion expand(std::string_view text, const Lookup& lookup);

// A variable as texts mention it.
struct VariableUse {
  bool required = false;
  std::string fallback;     // of ${X:-fallback}, the first there is
  std::string alternative;  // of ${X:+alternative}
};
using MentionedVariables = std::map<std::string, VariableUse>;
// All variables of a text, also in words that are not used.
void note_mentioned_variables(std::string_view text, MentionedVariables& out);

// Expands all values (not keys) of a tree. What is to be said about a value is noted in `provenances`, to be
// raised only if the value is used. Values that hold a variable become strings.
void interpolate(Node& node, const Variables& variables, Provenances& provenances);

// Raises what interpolation noted about the nodes of this tree, each variable's warning once.
void report_interpolation(const Node& node, const Provenances& provenances, Report& report);

}  // namespace stack::compose
