// A parsed template.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stack::text_template {

struct Pipeline;

// What an error names: a part of the template and its place.
struct Part {
  size_t offset = 0;
  virtual ~Part() = default;
  // The part as Go writes it.
  virtual std::string text() const = 0;
};

struct Operand : Part {
  enum class Kind { Dot, Nil, Bool, Number, Text, Field, Variable, Function, Group, Chain };
  Kind kind = Kind::Dot;
  std::string word;                 // literal, or name of the function or variable
  std::string content;              // of Text, without quotes
  std::vector<std::string> fields;  // of Field, Variable, and Chain
  std::unique_ptr<Pipeline> group;  // of Group
  std::unique_ptr<Operand> base;    // of Chain
  // Of Number: all the types that it can be.
  std::optional<int64_t> integer = {};
  std::optional<uint64_t> natural = {};
  std::optional<double> real = {};
  bool complex = false;

  std::string text() const override;
};

struct Command : Part {
  std::vector<std::unique_ptr<Operand>> operands;

  std::string text() const override;
};

struct Pipeline : Part {
  std::vector<std::string> variables;
  bool assigns = false;  // "=" instead of ":="
  std::vector<Command> commands;

  std::string text() const override;
};

struct Statement;
using Statements = std::vector<std::unique_ptr<Statement>>;

struct Statement : Part {
  enum class Kind { Text, Action, If, With, Range, Template, Break, Continue };
  Kind kind = Kind::Text;
  std::string word;                    // the text, or the name of the template
  std::unique_ptr<Pipeline> pipeline;  // may be missing for Template
  Statements body;
  Statements otherwise;

  std::string text() const override;
};

// The templates by name: the text itself, and those that it defines.
using Templates = std::map<std::string, Statements, std::less<>>;

}  // namespace stack::text_template
