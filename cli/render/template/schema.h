// Declarations of Go types as text, one per line:
//
//   NAME { FIELD TYPE; FIELD=KEY TYPE; FIELD? TYPE; +EMBEDDED TYPE; }    a structure
//   NAME row GO-NAME { FIELD TYPE "TITLE"; }                            a row of a list
//   NAME = TYPE                                                         a named type
//
// KEY is the member of the JSON object, if it is not FIELD; "?" marks omitempty. The title of a
// column is the field's name in capitals if none is given, and "-" stands for no title.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cli/render/template/type.h"

namespace stack::text_template {

class Schema {
 public:
  Schema();
  // Programming errors in the text throw std::logic_error.
  void declare(std::string_view text);
  const Type* find(const std::string& expression) const;

 private:
  Type* add(const std::string& name, Kind kind);
  Type* type_of(const std::string& expression);
  void declare_line(std::string_view line);
  void declare_fields(Type& type, std::string_view body);
  void rename(const std::string& name, const Type& like);

  std::map<std::string, std::unique_ptr<Type>> types_;
};

// Docker's API types, and the rows of its lists.
std::string_view docker_schema();
std::string_view row_schema();

}  // namespace stack::text_template
