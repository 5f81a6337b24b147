#include "base/result.h"

#include <cctype>
#include <cstring>

namespace stack {

Error Error::from_errno(std::string_view what, int err) {
  std::string text(what);
  const char* description = strerrordesc_np(err);
  std::string reason = description != nullptr ? description : "error " + std::to_string(err);
  // Lowercases texts such as "Input/output error"; these texts never start with an acronym.
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  text += ": ";
  text += reason;
  Error error(std::move(text));
  error.code_ = err;
  if (err == ENOENT) error.kind_ = ErrorKind::NotFound;
  return error;
}

Error Error::in(std::string_view context) && {
  text_.insert(0, ": ");
  text_.insert(0, context);
  return std::move(*this);
}

Error Error::in(std::string_view context) const& { return Error(*this).in(context); }

}  // namespace stack
