// Checks the form of a request's header section more strictly than http-parser (RFC 9112 sections 2.2, 3, and 5):
// rejects input that two parsers could interpret differently.
#pragma once

#include <cstdint>
#include <string_view>

namespace stack::http {

// Receives the bytes of one message from its beginning, split anywhere.
class HeaderForm {
 public:
  // nullptr, or the fault: a line that does not end in CR LF, white space before a field name's colon, a folded
  // field. Ignores bytes after the header section.
  const char* take(std::string_view bytes);

 private:
  enum class State : uint8_t { Start, RequestLine, FieldStart, FieldName, FieldValue, Complete };
  const char* take_one(char c);
  const char* end_line();

  State state_ = State::Start;
  bool after_cr_ = false;
  bool line_is_empty_ = true;
};

}  // namespace stack::http
