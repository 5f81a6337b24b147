#include "cli/render/template/time_text.h"

namespace stack::text_template {

namespace {

constexpr std::string_view kSeconds = "2006-01-02T15:04:05";

bool is_time(std::string_view text) {
  return text.size() > kSeconds.size() && text[4] == '-' && text[10] == 'T' && text[13] == ':';
}

std::string fraction_text(uint64_t amount, int digits) {
  std::string text;
  bool begun = false;
  for (int i = 0; i < digits; ++i, amount /= 10) {
    auto digit = static_cast<char>('0' + amount % 10);
    begun = begun || digit != '0';
    if (begun) text.insert(text.begin(), digit);
  }
  return std::to_string(amount) + (text.empty() ? "" : "." + text);
}

}  // namespace

std::string time_text(std::string_view rfc3339) {
  if (!is_time(rfc3339)) return "0001-01-01 00:00:00 +0000 UTC";
  std::string out(rfc3339.substr(0, 10));
  out += ' ';
  std::string_view rest = rfc3339.substr(11);
  size_t zone = rest.find_first_of("Z+-");
  std::string clock(rest.substr(0, zone));
  if (clock.find('.') != std::string::npos) {
    while (clock.ends_with('0')) clock.pop_back();
    if (clock.ends_with('.')) clock.pop_back();
  }
  out += clock;
  if (zone == std::string_view::npos || rest[zone] == 'Z') return out + " +0000 UTC";
  std::string offset;
  for (char c : rest.substr(zone))
    if (c != ':') offset += c;
  return out + " " + offset + " " + offset;
}

std::string time_json(std::string_view rfc3339) {
  return is_time(rfc3339) ? std::string(rfc3339) : "0001-01-01T00:00:00Z";
}

std::string duration_text(int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  std::string sign = nanoseconds < 0 ? "-" : "";
  uint64_t amount = static_cast<uint64_t>(nanoseconds);
  if (nanoseconds < 0) amount = 0 - amount;
  if (amount < 1000) return sign + std::to_string(amount) + "ns";
  if (amount < 1000000) return sign + fraction_text(amount, 3) + "µs";
  if (amount < 1000000000) return sign + fraction_text(amount, 6) + "ms";
  constexpr uint64_t kMinute = 60'000'000'000;
  std::string seconds = fraction_text(amount % kMinute, 9) + "s";
  uint64_t minutes = amount / kMinute;
  if (minutes == 0) return sign + seconds;
  std::string text = std::to_string(minutes % 60) + "m" + seconds;
  return sign + (minutes >= 60 ? std::to_string(minutes / 60) + "h" : "") + text;
}

}  // namespace stack::text_template
