// The part of Go's text/template that people use with --format: {{.Field}}, {{json .}}, {{json .Field}},
// {{index .Labels "k"}}, {{.Label "k"}}, functions upper, lower, title, truncate N, join SEP, split SEP, len,
// println, pipes, {{if}}/{{else}}/{{end}}, {{range}}..{{end}}, trimming "{{-" and "-}}", and the prefix
// "table ". https://pkg.go.dev/text/template, https://docs.docker.com/engine/cli/formatting/
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::cli {

class Template {
 public:
  // Errors are of kind Invalid and quote the faulty part.
  static Result<Template> parse(std::string_view text);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  // Renders one object; unknown fields are errors.
  Result<std::string> render(const Json& object) const;

 private:
  struct Node;
  Template();
  std::vector<std::unique_ptr<Node>> nodes_;
};

// Renders all rows for a --format value: "json" prints one object per line, "table TEMPLATE" adds a header made of
// the field names, a plain template prints one line per row. \t and \n in the template are escape sequences.
// `titles` maps fields to column titles that differ from their names.
Result<std::string> render_format(std::string_view format, const std::vector<Json>& rows,
                                  const std::map<std::string, std::string>& titles = {});

}  // namespace stack::cli
