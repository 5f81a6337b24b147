#include "cli/render/template/json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "cli/render/template/number.h"
#include "cli/render/template/time_text.h"
#include "cli/render/template/unicode.h"

namespace stack::text_template {

namespace {

class JsonWriter {
 public:
  std::string take() { return std::move(out_); }
  void write(const Value& value);

 private:
  void write_text(std::string_view text);
  void write_real(double number);
  void write_list(const Value& value);
  void write_map(const Value& value);
  void write_structure(const Value& value);
  void write_fields(const Value& value, bool& first);
  void write_row(const Value& value);

  std::string out_;
  // Rows write themselves, and so with Go's usual escapes for HTML; --format's own encoder has none.
  bool escapes_html_ = false;
};

bool is_empty(const Value& value) {
  switch (value.type().kind) {
    case Kind::Struct:
      return false;
    case Kind::Pointer:
    case Kind::Any:
      return value.is_nil();
    default:
      return !value.is_true();
  }
}

void JsonWriter::write(const Value& given) {
  Value value = given.concrete();
  if (value.is(Kind::Pointer)) value = value.is_nil() ? Value() : value.target();
  if (!value.is_valid()) {
    out_ += "null";
    return;
  }
  switch (value.type().kind) {
    case Kind::Bool:
      out_ += value.boolean() ? "true" : "false";
      return;
    case Kind::Int:
      out_ += std::to_string(value.integer());
      return;
    case Kind::Uint:
      out_ += std::to_string(value.natural());
      return;
    case Kind::Float:
      return write_real(value.real());
    case Kind::String:
      if (value.type().name == "json.Number") {
        out_ += value.text();
        return;
      }
      return write_text(value.text());
    case Kind::Slice:
    case Kind::Array:
      return write_list(value);
    case Kind::Map:
      return write_map(value);
    case Kind::Struct:
      return write_structure(value);
    default:
      return write(value);
  }
}

void JsonWriter::write_text(std::string_view text) {
  out_ += '"';
  for (size_t at = 0; at < text.size();) {
    Rune rune = rune_at(text, at);
    constexpr std::string_view kNames = "btn?fr";
    bool named = (rune.code >= 8 && rune.code <= 13) && rune.code != 11;
    bool html = escapes_html_ && (rune.code == '<' || rune.code == '>' || rune.code == '&');
    if (!rune.valid) {
      out_ += "\\ufffd";
    } else if (named) {
      out_ += {'\\', kNames[rune.code - 8]};
    } else if (rune.code < 0x20 || html || rune.code == 0x2028 || rune.code == 0x2029) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(rune.code));
      out_ += escape;
    } else {
      if (rune.code == '"' || rune.code == '\\') out_ += '\\';
      out_ += text.substr(at, rune.size);
    }
    at += rune.size;
  }
  out_ += '"';
}

void JsonWriter::write_real(double number) {
  double size = std::fabs(number);
  bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
  std::string text = real_text(number, exponent ? 'e' : 'f', -1);
  // "1e-09" -> "1e-9"
  if (size_t at = text.size(); at >= 4 && text[at - 4] == 'e' && text[at - 3] == '-' && text[at - 2] == '0')
    text.erase(at - 2, 1);
  out_ += text;
}

void JsonWriter::write_list(const Value& value) {
  if (value.is_nil()) {
    out_ += "null";
    return;
  }
  out_ += '[';
  for (size_t i = 0; i < value.length(); ++i) {
    if (i > 0) out_ += ',';
    write(value.at(i));
  }
  out_ += ']';
}

void JsonWriter::write_map(const Value& value) {
  if (value.is_nil()) {
    out_ += "null";
    return;
  }
  out_ += '{';
  bool first = true;
  for (const auto& [key, element] : value.entries()) {
    if (!first) out_ += ',';
    first = false;
    write_text(key.text());
    out_ += ':';
    write(element);
  }
  out_ += '}';
}

void JsonWriter::write_structure(const Value& value) {
  if (value.type().name == "time.Time") return write_text(time_json(value.text()));
  if (value.type().row) return write_row(value);
  out_ += '{';
  bool first = true;
  write_fields(value, first);
  out_ += '}';
}

void JsonWriter::write_fields(const Value& value, bool& first) {
  for (const Field& field : value.type().fields) {
    Value inner = value.field(field);
    if (field.embedded) {
      write_fields(inner.is(Kind::Pointer) ? inner.target() : inner, first);
      continue;
    }
    if (field.key == "-" || (field.omit_empty && is_empty(inner))) continue;
    if (!first) out_ += ',';
    first = false;
    write_text(field.key);
    out_ += ':';
    write(inner);
  }
}

void JsonWriter::write_row(const Value& value) {
  std::map<std::string, Value> sorted;
  for (const Field& field : value.type().fields) sorted.emplace(field.name, value.field(field));
  bool outer = std::exchange(escapes_html_, true);
  out_ += '{';
  bool first = true;
  for (const auto& [name, inner] : sorted) {
    if (!first) out_ += ',';
    first = false;
    write_text(name);
    out_ += ':';
    write(inner);
  }
  out_ += '}';
  escapes_html_ = outer;
}

}  // namespace

std::string json_text(const Value& value) {
  JsonWriter writer;
  writer.write(value);
  return writer.take();
}

}  // namespace stack::text_template
