#include "runtime/oci/signal_name.h"

#include <signal.h>
#include <string.h>

#include <charconv>
#include <string>

namespace stack::runtime::oci {

namespace {

std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<int> parse_realtime(std::string_view name) {
  bool from_least = name.starts_with("RTMIN");
  if (!from_least && !name.starts_with("RTMAX")) return std::nullopt;
  int base = from_least ? SIGRTMIN : SIGRTMAX;
  std::string_view rest = name.substr(5);
  if (rest.empty()) return base;
  if (rest[0] != (from_least ? '+' : '-')) return std::nullopt;
  std::optional<int> distance = parse_number(rest.substr(1));
  if (!distance || *distance < 0 || *distance > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return from_least ? base + *distance : base - *distance;
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
  if (std::optional<int> number = parse_number(text)) {
    return *number >= 0 && *number <= SIGRTMAX ? number : std::nullopt;
  }
  std::string name;
  for (char c : text) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (name == "IOT") name = "ABRT";
  if (name == "POLL") name = "IO";
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return parse_realtime(name);
}

}  // namespace stack::runtime::oci
