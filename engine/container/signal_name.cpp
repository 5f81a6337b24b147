#include "engine/container/signal_name.h"

#include <signal.h>
#include <string.h>

#include <cctype>

namespace stack::engine {

Result<int> parse_signal(const std::string& text) {
  std::string name = text;
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos && name.size() <= 2) {
    int number = std::stoi(name);
    if (number > 0 && number <= SIGRTMAX) return number;
  }
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  if (name.starts_with("RTMIN+") && name.size() <= 8 &&
      name.find_first_not_of("0123456789", 6) == std::string::npos && name.size() > 6) {
    int number = SIGRTMIN + std::stoi(name.substr(6));
    if (number <= SIGRTMAX) return number;
  }
  return invalid("invalid signal: " + text);
}

}  // namespace stack::engine
