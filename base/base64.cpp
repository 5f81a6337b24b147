#include "base/base64.h"

#include <algorithm>
#include <cstdint>

namespace stack {

namespace {

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// -1 for characters in neither alphabet.
int value_of(char c) {
  if (c == '-') c = '+';
  if (c == '_') c = '/';
  size_t at = kBase64Digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

Result<std::string> decode_base64(std::string_view text) {
  std::string out;
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return invalid("not base64");
  uint32_t word = 0;
  size_t digits = 0;
  for (char c : text) {
    int value = value_of(c);
    if (value < 0) return invalid("not base64");
    word = word << 6 | static_cast<uint32_t>(value);
    if (++digits % 4 == 0) {
      for (int shift : {16, 8, 0}) out += static_cast<char>(word >> shift & 255);
      word = 0;
    }
  }
  if (digits % 4 == 2) out += static_cast<char>(word >> 4 & 255);
  if (digits % 4 == 3) {
    out += static_cast<char>(word >> 10 & 255);
    out += static_cast<char>(word >> 2 & 255);
  }
  return out;
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k)
      word = word << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= left ? kBase64Digits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string encode_base64url(std::string_view bytes) {
  std::string out = encode_base64(bytes);
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

}  // namespace stack
