// The members of a type with their names in JSON, listed once. Each type has
//
//   template <typename V, Like<Point> S>
//   void fields(V& v, S& s) {
//     v("X", s.x);
//     v("Style.Color", s.color);  // a dotted name is a member of a member
//   }
//
// in the namespace of the type or of stack; the reader and the writer are visitors of it. A member may be a bool, an
// integer, a string, a duration (nanoseconds), seconds, a size in bytes, a list or map of strings, a type with fields, a
// list of such types, or an optional of one of these; a type with a TextForm, whose optional is absent at ""; or a JsonForm that wraps a member with any
// other JSON. A function
//
//   void settle(const Members& members, Point& point)
//
// beside the list checks and completes the members after reading.
#pragma once

#include <chrono>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/members.h"
#include "base/units.h"

namespace stack {

template <typename S, typename T>
concept Like = std::same_as<std::remove_const_t<S>, T>;

// How a type is written as one string. A specialization has
//   static std::string write(const T&);
//   static std::optional<T> read(const std::string&);
//   static constexpr const char* kExpected;  // "an IP address", for the error
template <typename T>
struct TextForm;

template <typename T>
concept HasTextForm = requires(const T& value) { TextForm<T>::write(value); };

class FieldReader;
class FieldWriter;

template <typename T, typename V>
concept HasFields = requires(V& visitor, T& value) { fields(visitor, value); };

// A wrapper with its own JSON form. A wrapper of an optional sets kOptional, and writes null for "none" and
// otherwise any value.
template <typename T>
concept JsonForm = requires(const T& form, const Members& members, const char* key) {
  { form.write() } -> std::same_as<Json>;
  form.read(members, key);
};

// Written even if the writer omits 0 and empty values, because its default differs.
template <typename T>
struct Always {
  static constexpr bool kAlways = true;
  T& value;
};
template <typename T>
Always(T&) -> Always<T>;

// A bool with the opposite value in JSON.
template <typename B>
struct Inverted {
  B& value;
  Json write() const { return !value; }
  void read(const Members& members, const char* key) const {
    bool opposite = !value;
    members.read(key, opposite);
    value = !opposite;
  }
};
template <typename B>
Inverted(B&) -> Inverted<B>;

// An optional number that JSON represents by a number if it is absent.
template <auto kNone, typename O>
struct NoneAt {
  static constexpr bool kOptional = true;
  O& value;
  Json write() const { return value ? Json(*value) : Json(); }
  void read(const Members& members, const char* key) const {
    auto number = static_cast<typename std::remove_cvref_t<O>::value_type>(kNone);
    members.read(key, number);
    if (number != kNone) value = number;
  }
};
template <auto kNone, typename O>
NoneAt<kNone, O> none_at(O& value) {
  return {value};
}

// An optional list that may be one string.
template <typename O>
struct StringOrList {
  static constexpr bool kOptional = true;
  O& value;
  Json write() const { return value ? Json(*value) : Json(); }
  void read(const Members& members, const char* key) const { members.read_words(key, value); }
};
template <typename O>
StringOrList(O&) -> StringOrList<O>;

// Reads from one JSON object; names in any case, null as absent, errors with the member's path (members.h).
class FieldReader {
 public:
  explicit FieldReader(const Members& members) : members_(members) {}

  template <typename T>
  void operator()(std::string_view name, T&& value) const {
    if (size_t dot = name.find('.'); dot != std::string_view::npos)
      return at(name.substr(0, dot))(name.substr(dot + 1), value);
    read(std::string(name).c_str(), value);
  }
  // A form whose JSON is spread over the object's own members.
  template <typename F>
  void spread(const F& form) const {
    form.read(members_);
  }
  FieldReader at(std::string_view name) const {
    return FieldReader(members_.object(std::string(name).c_str()));
  }

  template <typename T>
  static void read_all(const Members& members, T& value) {
    FieldReader reader(members);
    fields(reader, value);
    if constexpr (requires { settle(members, value); }) settle(members, value);
  }

 private:
  template <typename T>
  void read(const char* key, T& value) const {
    if constexpr (requires { T::kAlways; }) {
      read(key, value.value);
    } else if constexpr (JsonForm<T>) {
      value.read(members_, key);
    } else if constexpr (requires { members_.read(key, value); }) {
      members_.read(key, value);
    } else {
      read_made_of(key, value);
    }
  }

  template <typename T>
  void read_made_of(const char* key, T& value) const {
    if constexpr (HasTextForm<T>) {
      read_text(key, value);
    } else if constexpr (std::same_as<T, ByteSize>) {
      members_.read(key, value.bytes);
    } else if constexpr (std::same_as<T, std::chrono::seconds>) {
      int32_t count = 0;
      members_.read(key, count);
      value = std::chrono::seconds(count);
    } else if constexpr (HasFields<T, FieldReader>) {
      read_all(members_.object(key), value);
    } else {
      read_several(key, value);
    }
  }

  template <typename T>
  void read_several(const char* key, std::optional<T>& value) const {
    const Json* found = members_.find(key);
    if (!found) return;
    // Clients write absent addresses as "".
    if constexpr (HasTextForm<T>)
      if (*found == Json("")) return;
    read(key, value.emplace());
  }
  template <typename T>
  void read_several(const char* key, std::vector<T>& values) const {
    members_.each_item(key, [&](const Members& item) { read_all(item, values.emplace_back()); });
  }

  template <typename T>
    requires HasTextForm<T>
  void read_several(const char* key, std::vector<T>& values) const {
    std::vector<std::string> texts;
    members_.read(key, texts);
    for (const std::string& text : texts) {
      std::optional<T> parsed = TextForm<T>::read(text);
      if (!parsed) return members_.wrong(key, TextForm<T>::kExpected);
      values.push_back(std::move(*parsed));
    }
  }

  template <typename T>
    requires HasTextForm<T>
  void read_several(const char* key, std::map<std::string, T>& values) const {
    if (!members_.find(key)) return;
    Members object = members_.object(key);
    std::map<std::string, std::string> texts;
    members_.read(key, texts);
    for (const auto& [name, text] : texts) {
      std::optional<T> parsed = TextForm<T>::read(text);
      if (!parsed) return object.wrong(name, TextForm<T>::kExpected);
      values.insert_or_assign(name, std::move(*parsed));
    }
  }

  template <typename T>
  void read_text(const char* key, T& value) const {
    if (!members_.find(key)) return;
    std::string text;
    members_.read(key, text);
    std::optional<T> parsed = TextForm<T>::read(text);
    if (!parsed) return members_.wrong(key, TextForm<T>::kExpected);
    value = std::move(*parsed);
  }

  Members members_;
};

enum class Defaults { Omitted, Written };

// Writes into one JSON object. With Defaults::Omitted, members that are false, 0, or empty are left out, like Go's
// omitempty; absence must not stand for any other default. An optional with a value is written.
class FieldWriter {
 public:
  FieldWriter(Json& object, Defaults defaults) : object_(&object), defaults_(defaults) {}

  template <typename T>
  void operator()(std::string_view name, const T& value) const {
    if constexpr (requires { T::kAlways; }) {
      place(name) = json_of(value.value);
    } else if constexpr (requires { T::kOptional; }) {
      if (Json form = value.write(); !form.is_null()) place(name) = std::move(form);
    } else if constexpr (JsonForm<T>) {
      put(name, value.write());
    } else if constexpr (requires { value.has_value(); }) {
      if (value) place(name) = json_of(*value);
    } else {
      put(name, json_of(value));
    }
  }
  template <typename F>
  void spread(const F& form) const {
    form.write(*this);
  }
  // A writer for the object under `name`.
  FieldWriter at(std::string_view name) const {
    FieldWriter inner = *this;
    inner.prefix_ += std::string(name) + ".";
    return inner;
  }

  void put(std::string_view name, Json form) const {
    bool nothing = form.empty() || form == Json(false) || form == Json(0) || form == Json("");
    if (nothing && defaults_ == Defaults::Omitted) return;
    place(name) = std::move(form);
  }

 private:
  template <typename T>
  Json json_of(const T& value) const {
    if constexpr (HasTextForm<T>) {
      return TextForm<T>::write(value);
    } else if constexpr (std::same_as<T, ByteSize>) {
      return value.bytes;
    } else if constexpr (requires { value.count(); }) {
      return value.count();
    } else if constexpr (HasFields<const T, FieldWriter>) {
      Json object = Json::object();
      FieldWriter inner(object, defaults_);
      fields(inner, value);
      return object;
    } else {
      return json_of_plain(value);
    }
  }
  template <typename T>
  Json json_of_plain(const T& value) const {
    return Json(value);
  }
  template <typename T>
    requires HasFields<const T, FieldWriter>
  Json json_of_plain(const std::vector<T>& values) const {
    Json list = Json::array();
    for (const T& value : values) list.push_back(json_of(value));
    return list;
  }

  template <typename T>
    requires HasTextForm<T>
  Json json_of_plain(const std::vector<T>& values) const {
    Json list = Json::array();
    for (const T& value : values) list.push_back(TextForm<T>::write(value));
    return list;
  }

  template <typename T>
    requires HasTextForm<T>
  Json json_of_plain(const std::map<std::string, T>& values) const {
    Json object = Json::object();
    for (const auto& [name, value] : values) object[name] = TextForm<T>::write(value);
    return object;
  }

  Json& place(std::string_view name) const {
    Json* at = object_;
    std::string path = prefix_ + std::string(name);
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.')) {
      at = &(*at)[path.substr(0, dot)];
      path.erase(0, dot + 1);
    }
    return (*at)[path];
  }

  Json* object_;
  std::string prefix_;
  Defaults defaults_;
};

// A type with fields as a JSON object.
template <typename T>
Json fields_to_json(const T& value, Defaults defaults) {
  Json object = Json::object();
  FieldWriter writer(object, defaults);
  fields(writer, value);
  return object;
}

// The reverse. Wrongly typed members are errors that name the member.
template <typename T>
Result<> read_fields(const Json& object, T& value) {
  std::optional<Error> error;
  Members members(object, "", error);
  FieldReader::read_all(members, value);
  if (error) return *std::move(error);
  return {};
}

}  // namespace stack
