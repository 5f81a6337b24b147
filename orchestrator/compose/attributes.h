// All attributes of the Compose Specification in one table: accepted YAML forms, meaning of the text, support. The type
// checks, the order of `config`'s output, and docs/COMPOSE-SUPPORT.md are derived from it.
#pragma once

#include <cstdint>
#include <span>

#include "orchestrator/compose/rule_table.h"

namespace stack::compose {

// The YAML forms that an attribute accepts, as bits.
enum Form : uint16_t {
  kString = 1,
  kNumber = 2,
  kBoolean = 4,
  kNull = 8,
  kMap = 16,
  kList = 32,
  kAnything = 64,
};

// The meaning of a scalar's text.
enum class Meaning : uint8_t {
  Text,
  Boolean,
  Integer,
  Number,
  Bytes,
  Duration,
  FileMode,   // octal text: "0440"
  TmpfsMode,  // printed in decimal
};

enum class Support : uint8_t { CarriedOut, Ignored, Refused };

struct Attribute {
  uint16_t forms = kString;
  // Forms of list items and map values without their own row. If both list and map are allowed, list items are strings,
  // and a row `.*` applies only to map values.
  uint16_t items = 0;
  Meaning meaning = Meaning::Text;
  const char* choices = nullptr;  // "a|b|c": the only texts allowed
  bool open_choices = false;      // other texts are read, but rejected when the project is run
  bool keep = false;              // printed even if false, 0, or empty (a pointer in the reference)
  bool omit_true = false;         // true is the default and not printed
  bool omit_empty = false;        // an empty mapping is not printed even though it has named members
  bool unique = false;            // equal list items are an error
  Support support = Support::CarriedOut;
  const char* usual = nullptr;  // the text of the default behavior, which is ignored without a warning
  const char* note = "";        // why it is ignored or refused, or a note for the support table

  constexpr Attribute kept() const {
    return with([](Attribute& a) { a.keep = true; });
  }
  constexpr Attribute opt_out() const {
    return with([](Attribute& a) { a.keep = a.omit_true = true; });
  }
  constexpr Attribute omitted_if_empty() const {
    return with([](Attribute& a) { a.omit_empty = true; });
  }
  constexpr Attribute nullable() const {
    return with([](Attribute& a) { a.forms |= kNull; });
  }
  constexpr Attribute distinct() const {
    return with([](Attribute& a) { a.unique = true; });
  }
  constexpr Attribute open() const {
    return with([](Attribute& a) { a.open_choices = true; });
  }
  constexpr Attribute noted(const char* text) const {
    return with([&](Attribute& a) { a.note = text; });
  }
  constexpr Attribute ignored(const char* why) const {
    return with([&](Attribute& a) { a.support = Support::Ignored, a.note = why; });
  }
  constexpr Attribute refused(const char* why) const {
    return with([&](Attribute& a) { a.support = Support::Refused, a.note = why; });
  }

 private:
  template <typename Change>
  constexpr Attribute with(Change change) const {
    Attribute copy = *this;
    change(copy);
    return copy;
  }
};

using AttributeTable = RuleTable<Attribute>;

// The rows in the reference's output order.
std::span<const AttributeTable::Row> attribute_rows();
const AttributeTable& attributes();
// The position of an attribute in the table, which determines the output order of keys.
size_t attribute_rank(const Attribute* attribute);

// Checks one document: unknown keys (with a suggestion), forms, texts, resource names. With `normalize`, also rewrites
// scalars to their canonical text (durations, sizes, booleans, numbers). Reports faulty nodes and makes them Invalid.
// Skips poisoned values and, without `normalize`, texts with a `$`. No key is required and null is allowed, because
// another document may provide the value.
struct CheckOptions {
  bool normalize = true;
  bool refuse = true;  // unsupported attributes are errors; false: warnings (`stack config`)
};
void check_attributes(Node& document, const CheckOptions& options, const Provenances& provenances,
                      Report& report);

// Reports required values that are still null after merging.
void check_nulls(Node& document, Report& report);

// Reports attributes that are ignored (a warning, or an error if `strict`) or refused (an error if `refuse`, otherwise a
// warning).
struct SupportOptions {
  bool strict = false;
  bool refuse = true;
};
void report_support(const Node& document, const SupportOptions& options, Report& report);

}  // namespace stack::compose
