// The keys that detach from an attached terminal.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// Finds a key sequence in typed bytes. Holds back bytes that may begin the sequence.
class DetachKeys {
 public:
  // "ctrl-p,ctrl-q": letters, or ctrl- and one of a-z @ [ \ ] ^ _, separated by commas. Never detaches if empty.
  static Result<DetachKeys> parse(std::string_view text);
  // The bytes of `typed` to pass on; sets `detached` when the sequence is complete (drops the following bytes).
  std::string filter(std::string_view typed, bool& detached);

 private:
  std::string sequence_;
  size_t matched_ = 0;
};

inline constexpr std::string_view kDefaultDetachKeys = "ctrl-p,ctrl-q";

}  // namespace stack
