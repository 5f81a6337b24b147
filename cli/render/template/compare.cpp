#include "cli/render/template/compare.h"

#include <optional>

#include "cli/render/template/print.h"

namespace stack::text_template {

namespace {

bool is_basic(const Value& value) {
  return value.is(Kind::Bool) || value.is(Kind::Int) || value.is(Kind::Uint) || value.is(Kind::Float) ||
         value.is(Kind::String);
}

bool are(const Value& a, const Value& b, Kind first, Kind second) { return a.is(first) && b.is(second); }

Error incompatible() { return invalid("incompatible types for comparison"); }

bool is_comparable(const Type& type) {
  if (type.kind == Kind::Slice || type.kind == Kind::Map) return false;
  if (type.kind == Kind::Array) return is_comparable(*type.element);
  for (const Field& field : type.fields)
    if (!is_comparable(*field.type)) return false;
  return true;
}

// Equality of two values of basic kinds; nothing if they do not compare.
std::optional<bool> basic_equal(const Value& a, const Value& b) {
  if (are(a, b, Kind::Int, Kind::Uint))
    return a.integer() >= 0 && static_cast<uint64_t>(a.integer()) == b.natural();
  if (are(a, b, Kind::Uint, Kind::Int))
    return b.integer() >= 0 && static_cast<uint64_t>(b.integer()) == a.natural();
  if (a.type().kind != b.type().kind) return {};
  switch (a.type().kind) {
    case Kind::Bool:
      return a.boolean() == b.boolean();
    case Kind::Int:
      return a.integer() == b.integer();
    case Kind::Uint:
      return a.natural() == b.natural();
    case Kind::Float:
      return a.real() == b.real();
    default:
      return a.text() == b.text();
  }
}

Result<bool> equal(const Value& a, const Value& b) {
  if (is_basic(a) && is_basic(b)) {
    auto same = basic_equal(a, b);
    if (!same) return incompatible();
    return *same;
  }
  if (is_basic(a) != is_basic(b)) {
    if (a.is_valid() && b.is_valid()) return incompatible();
    return false;
  }
  auto shown = [](const Value& value) { return output_text(value); };
  if (a.is_valid() && b.is_valid() && a.type().kind != b.type().kind) {
    return invalid("non-comparable types " + shown(a) + ": " + a.type().name + ", " + b.type().name + ": " +
                   shown(b));
  }
  if (a.is_nil() || b.is_nil()) return a.is_nil() && b.is_nil();
  if (!is_comparable(b.type())) return invalid("non-comparable type " + shown(b) + ": " + b.type().name);
  return &a.type() == &b.type() && (a.is(Kind::Pointer) ? &a.data() == &b.data() : a.data() == b.data());
}

Result<bool> less(const Value& a, const Value& b) {
  if (!is_basic(a) || !is_basic(b)) return invalid("invalid type for comparison");
  if (are(a, b, Kind::Int, Kind::Uint))
    return a.integer() < 0 || static_cast<uint64_t>(a.integer()) < b.natural();
  if (are(a, b, Kind::Uint, Kind::Int))
    return b.integer() >= 0 && a.natural() < static_cast<uint64_t>(b.integer());
  if (a.type().kind != b.type().kind) return incompatible();
  switch (a.type().kind) {
    case Kind::Int:
      return a.integer() < b.integer();
    case Kind::Uint:
      return a.natural() < b.natural();
    case Kind::Float:
      return a.real() < b.real();
    case Kind::String:
      return a.text() < b.text();
    default:
      return invalid("invalid type for comparison");
  }
}

Result<bool> less_or_equal(const Values& values) {
  Value a = values[0].concrete();
  Value b = values[1].concrete();
  TRY_ASSIGN(bool is_less, less(a, b));
  if (is_less) return true;
  return equal(a, b);
}

}  // namespace

Result<Value> call_eq(const Values& values) {
  if (values.size() < 2) return invalid("missing argument for comparison");
  Value first = values[0].concrete();
  for (size_t i = 1; i < values.size(); ++i) {
    TRY_ASSIGN(bool same, equal(first, values[i].concrete()));
    if (same) return Value::of(true);
  }
  return Value::of(false);
}

Result<Value> call_ne(const Values& values) {
  TRY_ASSIGN(bool same, equal(values[0].concrete(), values[1].concrete()));
  return Value::of(!same);
}

Result<Value> call_lt(const Values& values) {
  TRY_ASSIGN(bool is_less, less(values[0].concrete(), values[1].concrete()));
  return Value::of(is_less);
}

Result<Value> call_le(const Values& values) {
  TRY_ASSIGN(bool fits, less_or_equal(values));
  return Value::of(fits);
}

Result<Value> call_gt(const Values& values) {
  TRY_ASSIGN(bool fits, less_or_equal(values));
  return Value::of(!fits);
}

Result<Value> call_ge(const Values& values) {
  TRY_ASSIGN(bool is_less, less(values[0].concrete(), values[1].concrete()));
  return Value::of(!is_less);
}

}  // namespace stack::text_template
