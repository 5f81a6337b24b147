// A value of a template: JSON seen through a Go type. Data that is missing, null, or of another JSON type than the Go
// type asks for is the type's zero value, so no access fails.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/render/template/type.h"

namespace stack::text_template {

class Value {
 public:
  // No value: an untyped nil, or a map's missing entry.
  Value() = default;
  Value(const Type& type, Json data);
  Value(const Type& type, std::shared_ptr<const Json> data) : type_(&type), data_(std::move(data)) {}
  static Value of(bool value);
  static Value of(int64_t value);
  static Value of(double value);
  static Value of(std::string value);

  bool is_valid() const { return type_ != nullptr; }
  const Type& type() const { return *type_; }
  bool is(Kind kind) const { return type_ && type_->kind == kind; }
  // The JSON; null for a zero value.
  const Json& data() const;

  // True for no value, and for nil of a type that can be nil.
  bool is_nil() const;
  // Go's truth: neither no value, nil, false, 0, nor empty.
  bool is_true() const;

  // What a pointer points to; unchanged data.
  Value target() const;
  // The value in an interface, with the Go type that decoding JSON gives it; other values are themselves.
  Value concrete() const;
  // Through pointers and interfaces; stops at a nil, which it returns.
  Value indirect() const;

  bool boolean() const;
  int64_t integer() const;
  uint64_t natural() const;
  double real() const;
  std::string text() const;
  // Bytes of a text, or elements.
  size_t length() const;
  Value at(size_t index) const;
  // A map's value; no value if there is no entry.
  Value entry(const std::string& key) const;
  std::vector<std::pair<Value, Value>> entries() const;  // in the order of the keys
  Value field(const Field& field) const;
  // The part of a text, slice, or array.
  Value slice(size_t from, size_t to) const;

 private:
  Value inner(const Type& type, const Json& part) const;

  const Type* type_ = nullptr;
  std::shared_ptr<const Json> data_;
};

}  // namespace stack::text_template
