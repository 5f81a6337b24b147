// The form of a request's header section, more strictly than http-parser reads it (RFC 9112 sections 2.2, 3 and 5):
// what two readers could understand differently is refused.
#pragma once

#include <cstdint>
#include <string_view>

namespace stack::http {

// Fed with the bytes of one message from its beginning, wherever they are cut.
class HeaderForm {
 public:
  // nullptr, or what is wrong: a line that does not end in CR LF, white space before a field name's colon, a
  // folded field. Bytes behind the header section are not looked at.
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
