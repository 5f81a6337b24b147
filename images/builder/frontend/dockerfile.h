// The Dockerfile's syntax: text -> instructions with their raw words. Variables are not expanded here, and only the
// shape of an instruction is checked: see instructions.h for the rest.
// https://docs.docker.com/reference/dockerfile/
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::builder {

struct Heredoc {
  std::string name;  // the word after <<
  std::string content;
  bool expand = true;           // the word was not quoted
  bool strip_tabs = false;      // <<-
  std::string file_descriptor;  // digits before <<, or ""
};

struct Instruction {
  std::string keyword;             // lower case: "run"
  std::vector<std::string> flags;  // "--mount=type=cache,..." as written, in order
  // By keyword: ENV and LABEL have triples (name, value, "=" or "" for the old form), RUN/CMD/ENTRYPOINT one
  // word in the shell form, HEALTHCHECK its type first, the others the words separated by white space.
  std::vector<std::string> words;
  bool json = false;  // the words came from a JSON array
  std::vector<Heredoc> heredocs;
  std::string text;                 // the logical line without continuation marks, as shown to the user
  std::string trigger() const;      // the same with its here-documents, the input of parse_instruction()
  std::vector<Instruction> nested;  // ONBUILD's instruction
  int line = 0;                     // first line, from 1
  int end_line = 0;                 // last line, heredocs included
};

struct SourceWarning {
  int line = 0;
  std::string rule;  // name of the lint rule, "NoEmptyContinuation"
  std::string text;
};

struct Dockerfile {
  char escape = '\\';
  std::string syntax;              // value of "# syntax=", only a hint
  std::string check;               // value of "# check="
  std::vector<std::string> lines;  // the source, for positions and for comments
  std::vector<Instruction> instructions;
  std::vector<SourceWarning> warnings;
};

// Errors read "<file_name>:<line>:<column>: ...", ErrorKind::Invalid.
Result<Dockerfile> parse_dockerfile(std::string_view text, std::string_view file_name);

// Parses a single instruction, such as an ONBUILD trigger in an image's configuration; here-documents follow on
// separate lines. Errors begin with `place`.
Result<Instruction> parse_instruction(std::string_view text, std::string_view place, char escape = '\\');

// Position of this instruction's error in the source, "<line>:<column>", both from 1: the first flag or word that
// the error names, else the beginning of the instruction.
std::string position_of(const Dockerfile& dockerfile, const Instruction& instruction, std::string_view error);

// The syntax tree, one instruction per line: (run ["--mount=..."] "word" ...).
std::string to_text(const Dockerfile& dockerfile);

}  // namespace stack::builder
