// The functions of templates: Go's own, and those that Docker adds.
// https://pkg.go.dev/text/template#hdr-Functions, https://docs.docker.com/engine/cli/formatting/
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/render/template/value.h"

namespace stack::text_template {

// What a parameter takes: an Operand is any value as it is, the others are the Go types any, string, int, []string.
enum class Parameter { Operand, Any, Text, Int, Texts };

using Values = std::vector<Value>;

struct Function {
  std::string_view name;
  std::vector<Parameter> parameters;
  bool variadic = false;  // the last parameter may be missing, and may be given many times
  // Errors are what Go writes after "error calling NAME: ".
  Result<Value> (*call)(const Values& values) = nullptr;
};

// nullptr if there is none.
const Function* find_function(std::string_view name);
// The functions that a table's header uses instead: they leave the column's title as it is.
const Function* find_header_function(std::string_view name);

// A method of a type, such as .Label of a row: its first argument is the value.
const Function* find_method(const Type& type, std::string_view name);

}  // namespace stack::text_template
