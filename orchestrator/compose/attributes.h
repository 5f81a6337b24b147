// Every attribute of the Compose Specification: which YAML forms it takes, what its text means, whether we
// carry it out. One table; the check of types, the order of `config`'s output and docs/COMPOSE-SUPPORT.md all
// follow it.
#pragma once

#include <cstdint>
#include <span>

#include "orchestrator/compose/rule_table.h"

namespace stack::compose {

// YAML forms an attribute takes, as bits.
enum Form : uint16_t {
  kString = 1,
  kNumber = 2,
  kBoolean = 4,
  kNull = 8,
  kMap = 16,
  kList = 32,
  kAnything = 64,
};

// What the text of a scalar means.
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
  // Forms of list items and map values that have no row of their own. Where both list and map are allowed,
  // list items are strings, and a row `.*` is for map values only.
  uint16_t items = 0;
  Meaning meaning = Meaning::Text;
  const char* choices = nullptr;  // "a|b|c": the only texts allowed
  bool open_choices = false;  // other texts pass the reading and are refused when they are to be carried out
  bool keep = false;          // printed even when false, 0 or empty (the reference holds it by pointer)
  bool omit_true = false;     // true is the default and not printed; false is
  bool omit_empty = false;    // an empty mapping is not printed although it has named members
  bool unique = false;        // equal list items are an error
  Support support = Support::CarriedOut;
  const char* usual =
      nullptr;            // the text that asks for nothing special, so that ignoring it needs no warning
  const char* note = "";  // why ignored or refused, or a remark for the support table

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
// Position of an attribute in the table; keys of one mapping are printed in this order.
size_t attribute_rank(const Attribute* attribute);

// Checks one document: unknown keys (with a suggestion), forms, texts, resource names; and, if `normalise`,
// rewrites scalars into their canonical text (durations, sizes, booleans, numbers). What is wrong is reported
// and becomes Invalid. Poisoned values, and with `normalise` off texts with a `$`, are left alone. Nothing is
// required to be there, and null passes: an overriding document may leave out what another one says.
struct CheckOptions {
  bool normalise = true;
  bool refuse = true;  // what cannot be carried out is an error; false: a warning (`stack config`)
};
void check_attributes(Node& document, const CheckOptions& options, const Provenances& provenances,
                      Report& report);

// After merging: what is still null where nothing may be.
void check_nulls(Node& document, Report& report);

// Speaks of each attribute that is ignored (warning, or error if `strict`) or refused (error if `refuse`,
// else warning).
struct SupportOptions {
  bool strict = false;
  bool refuse = true;
};
void report_support(const Node& document, const SupportOptions& options, Report& report);

}  // namespace stack::compose
