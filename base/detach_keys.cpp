#include "base/detach_keys.h"

#include <cctype>

#include "base/text.h"

namespace stack {

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  DetachKeys keys;
  if (text.empty()) return keys;
  for (const std::string& word : split(text, ',')) {
    std::string key = lower(word);
    if (word.size() == 1) {
      keys.sequence_ += word;
    } else if (key.size() == 6 && key.starts_with("ctrl-") &&
               (std::islower(static_cast<unsigned char>(key[5])) ||
                std::string_view("@[\\]^_").find(key[5]) != std::string_view::npos)) {
      keys.sequence_ += static_cast<char>(std::toupper(static_cast<unsigned char>(key[5])) & 0x1f);
    } else {
      return invalid("invalid detach keys \"" + std::string(text) + "\": unknown key \"" + word + "\"");
    }
  }
  return keys;
}

std::string DetachKeys::filter(std::string_view typed, bool& detached) {
  detached = false;
  std::string out;
  for (char c : typed) {
    if (sequence_.empty()) {
      out += c;
      continue;
    }
    if (c != sequence_[matched_]) {
      out += sequence_.substr(0, matched_);
      matched_ = 0;
    }
    if (c != sequence_[matched_]) {
      out += c;
    } else if (++matched_ == sequence_.size()) {
      detached = true;
      matched_ = 0;
      return out;
    }
  }
  return out;
}

}  // namespace stack
