// Text of values, as Go's package fmt writes them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/render/template/value.h"

namespace stack::text_template {

// fmt.Sprint, Sprintln, and Sprintf.
std::string print(std::span<const Value> values);
std::string print_line(std::span<const Value> values);
std::string print_format(std::string_view format, std::span<const Value> values);

// What {{...}} prints: pointers are followed, and no value is "<no value>".
std::string output_text(const Value& value);

// Of a value whose type has a method String().
bool has_text_method(const Type& type);
std::string method_text(const Value& value);

}  // namespace stack::text_template
