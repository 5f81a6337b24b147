// What --format does with objects and lists: Go templates over Docker's types.
// https://docs.docker.com/engine/cli/formatting/
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/render/template/evaluate.h"

namespace stack::text_template {

class Template {
 public:
  // Errors are of kind Invalid, in Go's words; `name` is the template's name in them.
  static Result<Template> parse(std::string text, std::string name = {});

  // Appends to `out`; after an error, that is what came before it.
  Result<> render(const Value& dot, std::string& out, Evaluation evaluation = {}) const;
  Result<std::string> render(const Value& dot) const;
  // The names that follow a dot.
  std::vector<std::string> fields() const;

 private:
  Template() = default;
  std::string text_;
  std::string name_;
  Templates templates_;
};

// Renders rows: "json" prints one object per line, "table TEMPLATE" adds a header, a template prints one line per row.
// \t and \n in the template are escape sequences. `row_type` is a row of row_schema(). Errors begin "template parsing
// error: ".
Result<std::string> render_rows(std::string_view format, const std::vector<Json>& rows,
                                std::string_view row_type);

// The same for rows without a declared type: unknown fields are errors. `titles` maps fields to column titles that
// differ from their names.
Result<std::string> render_format(std::string_view format, const std::vector<Json>& rows,
                                  const std::map<std::string, std::string>& titles = {});

// An object of the API with its Go type, such as "container.InspectResponse".
struct Inspected {
  std::string_view type;
  Json object;
  // False for an object that does not come from the API, so that there is no JSON to try.
  bool has_json = true;
};
struct InspectOutput {
  std::string text;
  std::vector<std::string> errors;
};
// Renders each object of `inspect` with a template or "json". A template that does not fit the Go type is tried on the
// JSON itself, where a missing key is an error, as Docker does. The error of the call itself is a wrong template.
Result<InspectOutput> render_inspected(const std::string& format, const std::vector<Inspected>& objects);

}  // namespace stack::text_template
