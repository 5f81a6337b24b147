// One value under one verb of fmt.Printf.
#pragma once

#include <string>
#include <string_view>

#include "cli/render/template/value.h"

namespace stack::text_template {

struct Flags {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool with_names = false;  // %+v
  bool go_syntax = false;   // %#v
  int width = -1;           // -1: not given
  int precision = -1;
};

class VerbPrinter {
 public:
  explicit VerbPrinter(Flags flags = {}) : flags_(flags) {}
  // No value is an untyped nil.
  void print(const Value& value, char32_t verb);
  std::string take() { return std::move(out_); }

 private:
  void print_value(const Value& value, char32_t verb, int depth);
  void print_integer(bool negative, uint64_t amount, bool is_signed, const Value& value, char32_t verb);
  void print_digits(bool negative, uint64_t amount, unsigned base, char32_t verb, bool upper);
  void print_real(double number, const Value& value, char32_t verb);
  void print_text(const std::string& text, const Value& value, char32_t verb);
  void print_hex(std::string_view bytes, bool upper);
  void print_list(const Value& value, char32_t verb, int depth);
  void print_map(const Value& value, char32_t verb, int depth);
  void print_structure(const Value& value, char32_t verb, int depth);
  void print_pointer(const Value& value, char32_t verb, int depth);
  void bad_verb(const Value& value, char32_t verb);
  void pad(std::string_view text, bool zeros);

  Flags flags_;
  std::string out_;
};

}  // namespace stack::text_template
