#include "cli/render/template/schema.h"

#include <stdexcept>

#include "base/text.h"

namespace stack::text_template {

namespace {

struct Builtin {
  const char* name;
  Kind kind;
  int bits = 64;
};
constexpr Builtin kBuiltins[] = {{"bool", Kind::Bool},       {"int", Kind::Int},
                                 {"int8", Kind::Int, 8},     {"int16", Kind::Int, 16},
                                 {"int32", Kind::Int, 32},   {"int64", Kind::Int},
                                 {"uint", Kind::Uint},       {"uint8", Kind::Uint, 8},
                                 {"uint16", Kind::Uint, 16}, {"uint32", Kind::Uint, 32},
                                 {"uint64", Kind::Uint},     {"float64", Kind::Float},
                                 {"string", Kind::String},   {"json.Number", Kind::String},
                                 {"time.Time", Kind::Struct}};

// The expressions below are the ones that no schema mentions but functions need.
constexpr const char* kExpressions[] = {"[]string",       "map[string]any", "[]any",
                                        "map[string]raw", "[]raw",          "*events.Message"};

const Schema& schema() {
  static const Schema all = [] {
    Schema made;
    made.declare(docker_schema());
    made.declare(row_schema());
    return made;
  }();
  return all;
}

}  // namespace

Schema::Schema() {
  for (const Builtin& builtin : kBuiltins) add(builtin.name, builtin.kind)->bits = builtin.bits;
  add("any", Kind::Any)->name = "interface {}";
  Type* raw = add("raw", Kind::Any);
  raw->name = "interface {}";
  raw->raw = true;
  add("struct{}", Kind::Struct)->name = "struct {}";
  for (const char* expression : kExpressions) type_of(expression);
}

Type* Schema::add(const std::string& name, Kind kind) {
  auto& slot = types_[name];
  if (!slot) slot = std::make_unique<Type>();
  slot->kind = kind;
  slot->name = name;
  return slot.get();
}

const Type* Schema::find(const std::string& expression) const {
  auto found = types_.find(expression);
  return found == types_.end() ? nullptr : found->second.get();
}

// Names not declared yet become empty structures, which a later line fills.
Type* Schema::type_of(const std::string& expression) {
  if (auto found = types_.find(expression); found != types_.end()) return found->second.get();
  auto composed = [&](Kind kind, const std::string& prefix, const Type* element) {
    Type* type = add(expression, kind);
    type->element = element;
    type->name = prefix + element->name;
    return type;
  };
  if (expression.starts_with("*")) return composed(Kind::Pointer, "*", type_of(expression.substr(1)));
  if (expression.starts_with("[]")) return composed(Kind::Slice, "[]", type_of(expression.substr(2)));
  size_t close = expression.find(']');
  if (expression.starts_with("map[")) {
    Type* key = type_of(expression.substr(4, close - 4));
    Type* type = composed(Kind::Map, "map[" + key->name + "]", type_of(expression.substr(close + 1)));
    type->key = key;
    return type;
  }
  if (expression.starts_with("[")) {
    Type* type =
        composed(Kind::Array, expression.substr(0, close + 1), type_of(expression.substr(close + 1)));
    type->length = std::stoul(expression.substr(1, close - 1));
    return type;
  }
  return add(expression, Kind::Struct);
}

void Schema::rename(const std::string& name, const Type& like) {
  Type copy = like;
  copy.name = name;
  *type_of(name) = std::move(copy);
}

void Schema::declare_fields(Type& type, std::string_view body) {
  for (std::string_view part : split(body, ';')) {
    part = trim(part);
    if (part.empty()) continue;
    size_t blank = part.find(' ');
    if (blank == std::string_view::npos) throw std::logic_error("schema: " + std::string(part));
    Field field;
    std::string name(part.substr(0, blank));
    std::string_view rest = trim(part.substr(blank));
    field.title = upper(name);
    if (size_t quote = rest.find('"'); quote != std::string_view::npos) {
      field.title = rest.substr(quote + 1, rest.size() - quote - 2);
      if (field.title == "-") field.title.clear();
      rest = trim(rest.substr(0, quote));
    }
    field.type = type_of(std::string(rest));
    field.omit_empty = name.ends_with('?');
    if (field.omit_empty) name.pop_back();
    field.embedded = name.starts_with('+');
    if (field.embedded) name.erase(0, 1);
    size_t equals = name.find('=');
    field.name = name.substr(0, equals);
    field.key = equals == std::string::npos ? name : name.substr(equals + 1);
    type.fields.push_back(std::move(field));
  }
}

void Schema::declare_line(std::string_view line) {
  size_t blank = line.find(' ');
  std::string name(line.substr(0, blank));
  std::string_view rest = trim(line.substr(blank));
  if (rest.starts_with("= ")) return rename(name, *type_of(std::string(trim(rest.substr(2)))));
  size_t open = rest.find('{');
  size_t close = rest.rfind('}');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    throw std::logic_error("schema: " + std::string(line));
  Type& type = *type_of(name);
  if (rest.starts_with("row ")) {
    type.row = true;
    type.name = trim(rest.substr(4, open - 4));
  }
  declare_fields(type, rest.substr(open + 1, close - open - 1));
}

void Schema::declare(std::string_view text) {
  std::string whole;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.empty()) continue;
    whole += (whole.empty() ? "" : " ") + std::string(line);
    bool more = whole.find('{') != std::string::npos && !whole.ends_with('}');
    if (more) continue;
    declare_line(whole);
    whole.clear();
  }
}

const Field* Type::field(std::string_view field_name) const {
  for (const Field& candidate : fields)
    if (candidate.name == field_name) return &candidate;
  for (const Field& candidate : fields) {
    if (!candidate.embedded) continue;
    const Type* inner = candidate.type->kind == Kind::Pointer ? candidate.type->element : candidate.type;
    if (const Field* found = inner->field(field_name)) return found;
  }
  return nullptr;
}

const Type* find_type(std::string_view expression) { return schema().find(std::string(expression)); }

const Type& type_of(std::string_view expression) {
  const Type* type = find_type(expression);
  if (!type) throw std::logic_error("no type " + std::string(expression));
  return *type;
}

const Type& bool_type() {
  static const Type& type = type_of("bool");
  return type;
}
const Type& int_type() {
  static const Type& type = type_of("int");
  return type;
}
const Type& float_type() {
  static const Type& type = type_of("float64");
  return type;
}
const Type& string_type() {
  static const Type& type = type_of("string");
  return type;
}
const Type& strings_type() {
  static const Type& type = type_of("[]string");
  return type;
}
const Type& any_type() {
  static const Type& type = type_of("any");
  return type;
}
const Type& raw_type() {
  static const Type& type = type_of("raw");
  return type;
}

}  // namespace stack::text_template
