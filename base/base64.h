// RFC 4648 base64.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// With padding.
std::string encode_base64(std::string_view bytes);
// The alphabet for URLs and file names (section 5), with padding.
std::string encode_base64url(std::string_view bytes);
// Accepts either alphabet, with or without padding; otherwise Invalid. The error does not contain the text.
Result<std::string> decode_base64(std::string_view text);

}  // namespace stack
