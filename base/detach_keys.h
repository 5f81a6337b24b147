// The keys that leave an attached terminal without ending what runs in it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// Finds a key sequence in what is typed. Bytes that may begin the sequence are held back until it is decided.
class DetachKeys {
 public:
  // "ctrl-p,ctrl-q": letters, or ctrl- and one of a-z @ [ \ ] ^ _, separated by commas. Empty: never
  // detaches.
  static Result<DetachKeys> parse(std::string_view text);
  // What to pass on of `typed`; sets `detached` where the sequence was completed (what follows it is
  // dropped).
  std::string filter(std::string_view typed, bool& detached);

 private:
  std::string sequence_;
  size_t matched_ = 0;
};

inline constexpr std::string_view kDefaultDetachKeys = "ctrl-p,ctrl-q";

}  // namespace stack
