// Go types of what a template sees. Templates show them: a missing number prints as 0, a missing pointer as <nil>, a
// null list as [], and a structure prints its fields in declared order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stack::text_template {

enum class Kind { Bool, Int, Uint, Float, String, Slice, Array, Map, Struct, Pointer, Any };

struct Type;

struct Field {
  std::string name;        // in Go
  std::string key;         // in JSON
  std::string title = {};  // of a row's column; "" if it has none
  const Type* type = nullptr;
  bool embedded = false;    // its fields are in the same JSON object, and are reached without its name
  bool omit_empty = false;  // left out of JSON when it is empty
};

struct Type {
  Kind kind = Kind::Any;
  std::string name;               // as Go prints it: "map[string]string", "*container.State"
  const Type* element = nullptr;  // of slices, arrays, maps, pointers
  const Type* key = nullptr;      // of maps
  size_t length = 0;              // of arrays
  int bits = 64;                  // of integers
  bool raw = false;  // of Any: numbers are json.Number, as Docker decodes an answer without types
  bool row = false;  // of Struct: a row of a list, where the fields are methods of Docker's row type
  std::vector<Field> fields = {};

  // The field, also of embedded structures; nullptr if there is none.
  const Field* field(std::string_view field_name) const;
};

// The type of a Go type expression that occurs in the schemas; nullptr if there is none.
const Type* find_type(std::string_view expression);
// For names known to exist.
const Type& type_of(std::string_view expression);

// Go's types of literals and results.
const Type& bool_type();
const Type& int_type();
const Type& float_type();
const Type& string_type();
const Type& strings_type();
const Type& any_type();
const Type& raw_type();

}  // namespace stack::text_template
