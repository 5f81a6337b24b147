#include "cli/render/template/value.h"

namespace stack::text_template {

namespace {

const Json kNull;

const Type& decoded_type(const Json& data, bool raw) {
  static const Type& object = type_of("map[string]any");
  static const Type& list = type_of("[]any");
  static const Type& raw_object = type_of("map[string]raw");
  static const Type& raw_list = type_of("[]raw");
  static const Type& number = type_of("json.Number");
  if (data.is_object()) return raw ? raw_object : object;
  if (data.is_array()) return raw ? raw_list : list;
  if (data.is_string()) return string_type();
  if (data.is_boolean()) return bool_type();
  if (raw) return number;
  return data.is_number_float() ? float_type() : int_type();
}

}  // namespace

Value::Value(const Type& type, Json data)
    : type_(&type), data_(std::make_shared<const Json>(std::move(data))) {}

Value Value::of(bool value) { return {bool_type(), Json(value)}; }
Value Value::of(int64_t value) { return {int_type(), Json(value)}; }
Value Value::of(double value) { return {float_type(), Json(value)}; }
Value Value::of(std::string value) { return {string_type(), Json(std::move(value))}; }

const Json& Value::data() const { return data_ ? *data_ : kNull; }

bool Value::is_nil() const {
  if (!type_) return true;
  switch (type_->kind) {
    case Kind::Slice:
      return !data().is_array();
    case Kind::Map:
      return !data().is_object();
    case Kind::Pointer:
    case Kind::Any:
      return data().is_null();
    default:
      return false;
  }
}

bool Value::is_true() const {
  Value value = concrete();
  if (!value.is_valid()) return false;
  switch (value.type().kind) {
    case Kind::Bool:
      return value.boolean();
    case Kind::Int:
      return value.integer() != 0;
    case Kind::Uint:
      return value.natural() != 0;
    case Kind::Float:
      return value.real() != 0;
    case Kind::Struct:
      return true;
    case Kind::Pointer:
    case Kind::Any:
      return !value.is_nil();
    default:
      return value.length() > 0;
  }
}

Value Value::inner(const Type& type, const Json& part) const {
  return {type, std::shared_ptr<const Json>(data_, &part)};
}

Value Value::target() const { return {*type_->element, data_}; }

Value Value::concrete() const {
  if (!is(Kind::Any)) return *this;
  if (data().is_null()) return {};
  return {decoded_type(data(), type_->raw), data_};
}

Value Value::indirect() const {
  Value value = *this;
  while ((value.is(Kind::Pointer) || value.is(Kind::Any)) && !value.is_nil())
    value = value.is(Kind::Pointer) ? value.target() : value.concrete();
  return value;
}

bool Value::boolean() const { return data().is_boolean() && data().get<bool>(); }

int64_t Value::integer() const { return data().is_number() ? data().get<int64_t>() : 0; }

uint64_t Value::natural() const { return data().is_number() ? data().get<uint64_t>() : 0; }

double Value::real() const { return data().is_number() ? data().get<double>() : 0; }

std::string Value::text() const {
  if (data().is_string()) return data().get<std::string>();
  return data().is_null() || data().is_structured() ? "" : to_text(data());
}

size_t Value::length() const {
  if (!type_) return 0;
  switch (type_->kind) {
    case Kind::String:
      return data().is_string() ? data().get_ref<const std::string&>().size() : text().size();
    case Kind::Array:
      return type_->length;
    case Kind::Slice:
      return data().is_array() ? data().size() : 0;
    case Kind::Map:
      return data().is_object() ? data().size() : 0;
    default:
      return 0;
  }
}

Value Value::at(size_t index) const {
  if (is(Kind::String)) {
    static const Type& byte = type_of("uint8");
    return {byte, Json(static_cast<unsigned char>(text()[index]))};
  }
  if (!data().is_array() || index >= data().size()) return {*type_->element, Json()};
  return inner(*type_->element, data()[index]);
}

Value Value::entry(const std::string& key) const {
  if (!data().is_object()) return {};
  auto found = data().find(key);
  return found == data().end() ? Value() : inner(*type_->element, *found);
}

std::vector<std::pair<Value, Value>> Value::entries() const {
  std::vector<std::pair<Value, Value>> all;
  if (data().is_object())
    for (const auto& [key, part] : data().items())
      all.emplace_back(Value(*type_->key, Json(key)), inner(*type_->element, part));
  return all;
}

Value Value::field(const Field& wanted) const {
  if (wanted.embedded) return {*wanted.type, data_};
  if (!data().is_object()) return {*wanted.type, Json()};
  auto found = data().find(wanted.key);
  return found == data().end() ? Value(*wanted.type, Json()) : inner(*wanted.type, *found);
}

Value Value::slice(size_t from, size_t to) const {
  if (is(Kind::String)) return {*type_, Json(text().substr(from, to - from))};
  Json part = Json::array();
  for (size_t i = from; i < to; ++i) part.push_back(at(i).data());
  const Type* type = type_;
  if (is(Kind::Array)) type = find_type("[]" + type_->element->name);
  return {type ? *type : *type_, std::move(part)};
}

}  // namespace stack::text_template
