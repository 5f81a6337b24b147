#include "cli/render/template/print.h"

#include <charconv>

#include "cli/render/template/time_text.h"
#include "cli/render/template/unicode.h"
#include "cli/render/template/verbs.h"

namespace stack::text_template {

namespace {

constexpr int kMostWidth = 1000000;

std::string plain(const Value& value) {
  VerbPrinter printer;
  printer.print(value, 'v');
  return printer.take();
}

// A format of fmt.Printf and its arguments.
class FormatPrinter {
 public:
  FormatPrinter(std::string_view format, std::span<const Value> values) : format_(format), values_(values) {}

  std::string run() {
    while (at_ < format_.size()) {
      size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < format_.size()) one_verb();
    }
    if (!reordered_ && used_ < values_.size()) extra();
    return std::move(out_);
  }

 private:
  void read_flags(Flags& flags);
  void read_width(Flags& flags);
  void read_precision(Flags& flags);
  void read_index();
  std::optional<int> number();
  std::optional<int> number_argument();
  void one_verb();
  void extra();
  bool more() const { return at_ < format_.size(); }

  std::string_view format_;
  std::span<const Value> values_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool reordered_ = false;
  bool good_index_ = true;
  bool after_index_ = false;
  std::string out_;
};

void FormatPrinter::read_flags(Flags& flags) {
  for (; more(); ++at_) {
    switch (format_[at_]) {
      case '#':
        flags.sharp = true;
        break;
      case '0':
        flags.zero = true;
        break;
      case '+':
        flags.plus = true;
        break;
      case '-':
        flags.minus = true;
        break;
      case ' ':
        flags.space = true;
        break;
      default:
        return;
    }
  }
}

std::optional<int> FormatPrinter::number() {
  size_t start = at_;
  while (more() && format_[at_] >= '0' && format_[at_] <= '9') ++at_;
  if (at_ == start) return {};
  int value = 0;
  auto end = std::from_chars(format_.data() + start, format_.data() + at_, value);
  return end.ec == std::errc() && value <= kMostWidth ? std::optional<int>(value) : std::nullopt;
}

// "*": the next argument is the number.
std::optional<int> FormatPrinter::number_argument() {
  ++at_;
  after_index_ = false;
  if (used_ >= values_.size()) return {};
  Value value = values_[used_++].concrete();
  if (!value.is(Kind::Int) || value.integer() < -kMostWidth || value.integer() > kMostWidth) return {};
  return static_cast<int>(value.integer());
}

// "[N]": the number of the next argument.
void FormatPrinter::read_index() {
  if (!more() || format_[at_] != '[') return;
  reordered_ = true;
  size_t close = format_.find(']', at_);
  if (close == std::string_view::npos) {
    good_index_ = false;
    ++at_;
    return;
  }
  ++at_;
  auto index = number();
  good_index_ = index && at_ == close && *index >= 1 && static_cast<size_t>(*index) <= values_.size();
  if (good_index_) used_ = static_cast<size_t>(*index) - 1;
  at_ = close + 1;
  after_index_ = true;
}

void FormatPrinter::read_width(Flags& flags) {
  if (!more() || format_[at_] != '*') {
    if (auto width = number()) flags.width = *width;
    if (after_index_ && flags.width >= 0) good_index_ = false;  // "%[3]2d"
    return;
  }
  auto width = number_argument();
  if (!width) {
    out_ += "%!(BADWIDTH)";
    return;
  }
  if (*width < 0) flags.minus = true;
  flags.width = *width < 0 ? -*width : *width;
}

void FormatPrinter::read_precision(Flags& flags) {
  if (!more() || format_[at_] != '.') return;
  ++at_;
  if (after_index_) good_index_ = false;  // "%[3].2d"
  read_index();
  if (!more() || format_[at_] != '*') {
    flags.precision = number().value_or(0);
    return;
  }
  auto precision = number_argument();
  if (!precision) {
    out_ += "%!(BADPREC)";
  } else if (*precision >= 0) {
    flags.precision = *precision;
  }
}

void FormatPrinter::one_verb() {
  ++at_;
  good_index_ = true;
  after_index_ = false;
  Flags flags;
  read_flags(flags);
  read_index();
  read_width(flags);
  read_precision(flags);
  if (!after_index_) read_index();
  if (!more()) {
    out_ += "%!(NOVERB)";
    return;
  }
  Rune verb = rune_at(format_, at_);
  at_ += verb.size;
  if (verb.code == '%') {
    out_ += '%';
  } else if (!good_index_) {
    out_ += "%!" + utf8_of(verb.code) + "(BADINDEX)";
  } else if (used_ >= values_.size()) {
    out_ += "%!" + utf8_of(verb.code) + "(MISSING)";
  } else {
    if (verb.code == 'v') {
      flags.go_syntax = std::exchange(flags.sharp, false);
      flags.with_names = std::exchange(flags.plus, false);
    }
    VerbPrinter printer(flags);
    printer.print(values_[used_++], verb.code);
    out_ += printer.take();
  }
}

void FormatPrinter::extra() {
  out_ += "%!(EXTRA ";
  for (size_t i = used_; i < values_.size(); ++i) {
    if (i > used_) out_ += ", ";
    Value value = values_[i].concrete();
    out_ += value.is_valid() ? value.type().name + "=" + plain(value) : "<nil>";
  }
  out_ += ")";
}

}  // namespace

// Blanks go between operands of which neither is a text.
std::string print(std::span<const Value> values) {
  std::string out;
  bool after_text = true;
  for (size_t i = 0; i < values.size(); ++i) {
    bool is_text = values[i].concrete().is(Kind::String);
    if (i > 0 && !is_text && !after_text) out += ' ';
    out += plain(values[i]);
    after_text = is_text;
  }
  return out;
}

std::string print_line(std::span<const Value> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : " ") + plain(values[i]);
  return out + "\n";
}

std::string print_format(std::string_view format, std::span<const Value> values) {
  return FormatPrinter(format, values).run();
}

std::string output_text(const Value& value) {
  Value shown = value.is(Kind::Pointer) && !has_text_method(value.type()) ? value.indirect() : value;
  return shown.is_valid() ? plain(shown) : "<no value>";
}

bool has_text_method(const Type& type) {
  const std::string& name = type.name;
  return name == "time.Time" || name == "time.Duration" || name == "*units.Ulimit" ||
         name == "*blkiodev.WeightDevice" || name == "*blkiodev.ThrottleDevice";
}

std::string method_text(const Value& value) {
  const std::string& name = value.type().name;
  if (name == "time.Time") return time_text(value.text());
  if (name == "time.Duration") return duration_text(value.integer());
  auto part = [&](const char* key) { return plain(value.target().field(*value.type().element->field(key))); };
  if (name == "*units.Ulimit") return part("Name") + "=" + part("Soft") + ":" + part("Hard");
  return part("Path") + ":" + part(name == "*blkiodev.WeightDevice" ? "Weight" : "Rate");
}

}  // namespace stack::text_template
