#include "cli/render/template/functions.h"

#include <algorithm>

#include "base/text.h"
#include "cli/render/template/collections.h"
#include "cli/render/template/compare.h"
#include "cli/render/template/escapes.h"
#include "cli/render/template/json_text.h"
#include "cli/render/template/print.h"
#include "cli/render/template/unicode.h"

namespace stack::text_template {

namespace {

constexpr size_t kMostPadding = 1'000'000;

Json list_of(const std::vector<std::string>& texts) { return Json(texts); }

Result<Value> call_split(const Values& a) {
  std::string text = a[0].text();
  std::string separator = a[1].text();
  std::vector<std::string> parts;
  size_t start = 0;
  if (separator.empty()) {
    for (; start < text.size(); start += rune_at(text, start).size)
      parts.push_back(text.substr(start, rune_at(text, start).size));
    return Value(strings_type(), list_of(parts));
  }
  for (size_t at; (at = text.find(separator, start)) != std::string::npos; start = at + separator.size())
    parts.push_back(text.substr(start, at - start));
  parts.push_back(text.substr(start));
  return Value(strings_type(), list_of(parts));
}

Result<Value> call_join(const Values& a) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < a[0].length(); ++i) parts.push_back(a[0].at(i).text());
  return Value::of(join(parts, a[1].text()));
}

// The first letter of each word.
Result<Value> call_title(const Values& a) {
  std::string text = a[0].text();
  bool inside = false;
  for (size_t at = 0; at < text.size(); at += rune_at(text, at).size) {
    char& c = text[at];
    if (!inside && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    char32_t code = rune_at(text, at).code;
    inside = is_letter_or_digit(code);
  }
  return Value::of(std::move(text));
}

Result<Value> call_pad(const Values& a) {
  std::string text = a[0].text();
  if (text.empty()) return Value::of(std::move(text));
  for (size_t i = 1; i <= 2; ++i) {
    if (a[i].integer() < 0) return invalid("strings: negative Repeat count");
    if (a[i].natural() > kMostPadding) return invalid("strings: Repeat output length overflow");
  }
  return Value::of(std::string(a[1].natural(), ' ') + text + std::string(a[2].natural(), ' '));
}

Result<Value> call_truncate(const Values& a) {
  std::string text = a[0].text();
  int64_t length = a[1].integer();
  if (static_cast<int64_t>(text.size()) < length) return Value::of(std::move(text));
  if (length < 0)
    return invalid("runtime error: slice bounds out of range [:" + std::to_string(length) + "]");
  return Value::of(text.substr(0, static_cast<size_t>(length)));
}

// Nothing in JSON is a function. The first value is the operand as written.
Result<Value> call_call(const Values& a) {
  Value callee = a[1].concrete();
  if (!callee.is_valid()) return invalid("call of nil");
  return invalid("non-function " + a[0].text() + " of type " + callee.type().name);
}

// What html, js, and urlquery escape.
std::string plain_text(const Values& values) {
  if (values.size() == 1 && values[0].concrete().is(Kind::String)) return values[0].concrete().text();
  Values shown;
  for (const Value& value : values) shown.push_back(Value::of(output_text(value.concrete())));
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    bool texts =
        i > 0 && (values[i].concrete().is(Kind::String) || values[i - 1].concrete().is(Kind::String));
    out += (i > 0 && !texts ? " " : "") + shown[i].text();
  }
  return out;
}

Function make(std::string_view name, std::vector<Parameter> parameters,
              Result<Value> (*call)(const Values&)) {
  return {name, std::move(parameters), false, call};
}
Function make_variadic(std::string_view name, std::vector<Parameter> parameters,
                       Result<Value> (*call)(const Values&)) {
  return {name, std::move(parameters), true, call};
}

constexpr Parameter kOperand = Parameter::Operand;
constexpr Parameter kAny = Parameter::Any;
constexpr Parameter kText = Parameter::Text;
constexpr Parameter kInt = Parameter::Int;
constexpr Parameter kTexts = Parameter::Texts;

std::span<const Value> after_first(const Values& a) { return std::span(a).subspan(1); }

std::vector<Function> go_functions() {
  return {
      // "and" and "or" are evaluated only as far as needed, and so never called.
      make_variadic("and", {kOperand, kOperand}, nullptr),
      make_variadic("or", {kOperand, kOperand}, nullptr),
      make("not", {kOperand}, [](const Values& a) -> Result<Value> { return Value::of(!a[0].is_true()); }),
      make_variadic("call", {kOperand, kOperand}, call_call),
      make_variadic("eq", {kOperand, kOperand}, call_eq),
      make("ne", {kOperand, kOperand}, call_ne),
      make("lt", {kOperand, kOperand}, call_lt),
      make("le", {kOperand, kOperand}, call_le),
      make("gt", {kOperand, kOperand}, call_gt),
      make("ge", {kOperand, kOperand}, call_ge),
      make_variadic("index", {kOperand, kOperand}, call_index),
      make_variadic("slice", {kOperand, kOperand}, call_slice),
      make("len", {kOperand}, call_len),
      make_variadic("print", {kAny}, [](const Values& a) -> Result<Value> { return Value::of(print(a)); }),
      make_variadic("println", {kAny},
                    [](const Values& a) -> Result<Value> { return Value::of(print_line(a)); }),
      make_variadic("printf", {kText, kAny},
                    [](const Values& a) -> Result<Value> {
                      return Value::of(print_format(a[0].text(), after_first(a)));
                    }),
      make_variadic("html", {kAny},
                    [](const Values& a) -> Result<Value> { return Value::of(html_escaped(plain_text(a))); }),
      make_variadic("js", {kAny},
                    [](const Values& a) -> Result<Value> { return Value::of(js_escaped(plain_text(a))); }),
      make_variadic("urlquery", {kAny},
                    [](const Values& a) -> Result<Value> { return Value::of(query_escaped(plain_text(a))); }),
  };
}

std::vector<Function> docker_functions() {
  return {
      make("json", {kAny}, [](const Values& a) -> Result<Value> { return Value::of(json_text(a[0])); }),
      make("split", {kText, kText}, call_split),
      make("join", {kTexts, kText}, call_join),
      make("title", {kText}, call_title),
      make("lower", {kText}, [](const Values& a) -> Result<Value> { return Value::of(lower(a[0].text())); }),
      make("upper", {kText}, [](const Values& a) -> Result<Value> { return Value::of(upper(a[0].text())); }),
      make("pad", {kText, kInt, kInt}, call_pad),
      make("truncate", {kText, kInt}, call_truncate),
  };
}

// A title has no parts, so the functions leave it whole.
std::vector<Function> header_functions() {
  auto title = [](const Values& a) -> Result<Value> { return a[0]; };
  return {make("json", {kText}, title),          make("split", {kText, kText}, title),
          make("join", {kText, kText}, title),   make("title", {kText}, title),
          make("lower", {kText}, title),         make("upper", {kText}, title),
          make("truncate", {kText, kInt}, title)};
}

const Function* find_in(const std::vector<Function>& functions, std::string_view name) {
  for (const Function& function : functions)
    if (function.name == name) return &function;
  return nullptr;
}

}  // namespace

const Function* find_function(std::string_view name) {
  static const std::vector<Function> go = go_functions();
  static const std::vector<Function> docker = docker_functions();
  const Function* found = find_in(docker, name);
  return found ? found : find_in(go, name);
}

const Function* find_header_function(std::string_view name) {
  static const std::vector<Function> header = header_functions();
  const Function* found = find_in(header, name);
  return found ? found : find_function(name);
}

}  // namespace stack::text_template
