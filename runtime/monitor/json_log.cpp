#include "runtime/monitor/json_log.h"

namespace stack::runtime {

namespace {

struct CivilDate {
  int64_t year;
  unsigned month;
  unsigned day;
};

// Civil date of a day number since 1970-01-01 (proleptic Gregorian calendar, eras of 400 years).
CivilDate civil_date(int64_t days) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  unsigned day_of_era = static_cast<unsigned>(days - era * 146097);
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * day_of_year + 2) / 153;
  unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  int64_t year = static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * shifted + 2) / 5 + 1};
}

// Length of the valid UTF-8 sequence at `bytes`, 0 for none.
size_t utf8_length(const unsigned char* bytes, size_t size) {
  unsigned char lead = bytes[0];
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || length > size) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and values above U+10FFFF.
  if (lead == 0xe0 && bytes[1] < 0xa0) return 0;
  if (lead == 0xed && bytes[1] > 0x9f) return 0;
  if (lead == 0xf0 && bytes[1] < 0x90) return 0;
  if (lead == 0xf4 && bytes[1] > 0x8f) return 0;
  return length;
}

const char* short_escape(unsigned char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return nullptr;
  }
}

bool needs_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
}

void emit_code(unsigned char c, void (*emit)(void*, const char*, size_t), void* context) {
  constexpr char kHex[] = "0123456789abcdef";
  char text[6] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
  emit(context, text, sizeof(text));
}

}  // namespace

void add_time(TextWriter& out, int64_t seconds, int64_t nanoseconds) {
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  CivilDate date = civil_date(days);
  out.digits(static_cast<uint64_t>(date.year), 4)
      .add('-')
      .digits(date.month, 2)
      .add('-')
      .digits(date.day, 2)
      .add('T');
  uint64_t second = static_cast<uint64_t>(rest);
  out.digits(second / 3600, 2).add(':').digits(second / 60 % 60, 2).add(':').digits(second % 60, 2);
  if (nanoseconds > 0) {
    int width = 9;
    uint64_t fraction = static_cast<uint64_t>(nanoseconds);
    while (fraction % 10 == 0) {
      fraction /= 10;
      --width;
    }
    out.add('.').digits(fraction, width);
  }
  out.add('Z');
}

void escape_json(const char* bytes, size_t size, void (*emit)(void*, const char*, size_t), void* context) {
  const unsigned char* at = reinterpret_cast<const unsigned char*>(bytes);
  size_t plain = 0;  // start of the unchanged part
  size_t i = 0;
  auto emit_plain = [&] {
    if (i > plain) emit(context, bytes + plain, i - plain);
  };
  while (i < size) {
    unsigned char c = at[i];
    size_t length = utf8_length(at + i, size - i);
    // U+2028 and U+2029 are line ends in JavaScript, so Go escapes them.
    bool separator =
        length == 3 && c == 0xe2 && at[i + 1] == 0x80 && (at[i + 2] == 0xa8 || at[i + 2] == 0xa9);
    if (length > 0 && !separator && !(length == 1 && needs_escape(c))) {
      i += length;
      continue;
    }
    emit_plain();
    if (separator) {
      emit(context, at[i + 2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
    } else if (length == 0) {
      emit(context, "\\ufffd", 6);
      length = 1;
    } else if (const char* text = short_escape(c)) {
      emit(context, text, 2);
    } else {
      emit_code(c, emit, context);
    }
    i += length;
    plain = i;
  }
  emit_plain();
}

}  // namespace stack::runtime
