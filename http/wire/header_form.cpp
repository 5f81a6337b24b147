#include "http/wire/header_form.h"

namespace stack::http {

namespace {

// tchar of RFC 9110 section 5.6.2.
bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         kOthers.find(c) != std::string_view::npos;
}

}  // namespace

const char* HeaderForm::take(std::string_view bytes) {
  for (char c : bytes) {
    if (state_ == State::Complete) return nullptr;
    if (const char* wrong = take_one(c)) return wrong;
  }
  return nullptr;
}

const char* HeaderForm::take_one(char c) {
  if (c == '\n') return after_cr_ ? end_line() : "a line of the header does not end in CR LF";
  if (after_cr_) return "a carriage return within a line of the header";
  after_cr_ = c == '\r';
  if (after_cr_) return state_ == State::FieldName ? "a header field without a colon" : nullptr;
  line_is_empty_ = false;
  switch (state_) {
    case State::Start:
      state_ = State::RequestLine;
      break;
    case State::FieldStart:
      if (c == ' ' || c == '\t') return "a folded header field";
      if (!is_token_character(c)) return "an invalid character in a header field's name";
      state_ = State::FieldName;
      break;
    case State::FieldName:
      if (c == ':')
        state_ = State::FieldValue;
      else if (!is_token_character(c))
        return "an invalid character in a header field's name";
      break;
    case State::RequestLine:
    case State::FieldValue:
    case State::Complete:
      break;
  }
  return nullptr;
}

const char* HeaderForm::end_line() {
  after_cr_ = false;
  bool empty = line_is_empty_;
  line_is_empty_ = true;
  // Empty lines before the request line are skipped (RFC 9112 section 2.2).
  if (state_ == State::Start) return nullptr;
  state_ = empty ? State::Complete : State::FieldStart;
  return nullptr;
}

}  // namespace stack::http
