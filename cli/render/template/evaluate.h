// Executes a parsed template. https://pkg.go.dev/text/template
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/render/template/tree.h"
#include "cli/render/template/value.h"

namespace stack::text_template {

struct Evaluation {
  // Unknown keys of maps are errors, not "<no value>" (Go's option missingkey=error).
  bool missing_keys_are_errors = false;
  // For the titles of a table.
  bool header = false;
  // The template's name in errors.
  std::string name = {};
};

// `text` is the template, for the places in errors, which have Go's words:
// `template: :1:2: executing "" at <.Name>: MESSAGE`.
// Writes to `out`; after an error, that is what came before it.
Result<> evaluate(const Templates& templates, std::string_view text, const Value& dot,
                  const Evaluation& evaluation, std::string& out);

}  // namespace stack::text_template
