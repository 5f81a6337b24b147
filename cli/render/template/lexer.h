// The words of a template: https://pkg.go.dev/text/template#hdr-Text_and_spaces and the sections after it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stack::text_template {

struct Token {
  enum class Kind {
    Text,
    Open,   // {{
    Close,  // }}
    Space,
    Word,      // function or keyword
    Bool,      // true, false
    Nil,       // nil
    Dot,       // .
    Field,     // .Name
    Variable,  // $, $name
    Quoted,    // "..." or `...`
    Char,      // '.'
    Number,
    Complex,
    Assign,   // =
    Declare,  // :=
    Pipe,     // |
    OpenParen,
    CloseParen,
    Punctuation,  // another character
    Error,        // `text` is the message
    End,
  };
  Kind kind = Kind::End;
  size_t offset = 0;
  int line = 1;
  std::string text;

  bool is_word(std::string_view word) const { return kind == Kind::Word && text == word; }
};

// The last token is of kind Error or End. Blanks next to {{- and -}} and comments are gone.
std::vector<Token> tokens_of(std::string_view text);

// True for the words that begin or end a block: if, else, end, range, ...
bool is_keyword(std::string_view word);

}  // namespace stack::text_template
