#include "runtime/oci/flags.h"

#include <charconv>

#include "base/text.h"

namespace stack::runtime::oci {

namespace {

const Flag* find_flag(std::span<const Flag> flags, std::string_view name) {
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

const Flag* find_letter(std::span<const Flag> flags, char letter) {
  for (const Flag& flag : flags) {
    if (flag.letter == letter) return &flag;
  }
  return nullptr;
}

Error unknown_flag(std::span<const Flag> flags, std::string_view given) {
  std::vector<std::string> names;
  for (const Flag& flag : flags) names.push_back("--" + std::string(flag.name));
  std::string text = "unknown flag " + std::string(given);
  std::string near = nearest(given, names);
  if (!near.empty()) text += " (did you mean " + near + "?)";
  return invalid(std::move(text));
}

// A flag as written: its row, and the attached value, if any.
struct Written {
  const Flag* flag = nullptr;
  std::string shown;
  std::string value;
  bool has_value = false;
};

Result<Written> read_flag(std::span<const Flag> flags, const std::string& word) {
  Written out;
  size_t equals = word.find('=');
  out.shown = word.substr(0, equals);
  if (equals != std::string::npos) {
    out.value = word.substr(equals + 1);
    out.has_value = true;
  }
  if (word.starts_with("--")) {
    out.flag = find_flag(flags, std::string_view(out.shown).substr(2));
  } else if (out.shown.size() == 2) {
    out.flag = find_letter(flags, word[1]);
  } else {
    // "-b/dir" as in getopt(3), and "-bundle" as in Go's flags.
    out.flag = find_flag(flags, std::string_view(out.shown).substr(1));
    const Flag* glued = find_letter(flags, word[1]);
    if (out.flag == nullptr && glued != nullptr && glued->kind != FlagKind::Switch) {
      out.flag = glued;
      out.value = word.substr(2);
      out.has_value = true;
    }
  }
  if (out.flag == nullptr) return unknown_flag(flags, out.shown);
  return out;
}

}  // namespace

bool Arguments::is_set(std::string_view name) const {
  auto found = values_.find(name);
  return found != values_.end() && found->second.back() == "true";
}

std::string Arguments::text(std::string_view name, std::string_view fallback) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<int64_t> Arguments::number(std::string_view name, int64_t fallback) const {
  if (!has(name)) return fallback;
  std::string given = text(name);
  int64_t value = 0;
  auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size() || given.empty())
    return invalid("--" + std::string(name) + ": not a number: \"" + given + "\"");
  return value;
}

Result<Arguments> parse_arguments(std::span<const Flag> flags, std::span<const std::string> words,
                                  FlagOrder order) {
  Arguments out;
  bool flags_end = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!flags_end && word == "--") {
      flags_end = true;
      continue;
    }
    if (flags_end || word.size() < 2 || word[0] != '-') {
      out.words_.push_back(word);
      flags_end = flags_end || order == FlagOrder::First;
      continue;
    }
    TRY_ASSIGN(Written written, read_flag(flags, word));
    if (!written.has_value && written.flag->kind == FlagKind::Switch) {
      written.value = "true";
    } else if (!written.has_value) {
      if (i + 1 >= words.size()) return invalid(written.shown + " requires a value");
      written.value = words[++i];
    }
    if (written.flag->kind == FlagKind::Switch && written.value != "true" && written.value != "false")
      return invalid(written.shown + " must be true or false, not \"" + written.value + "\"");
    out.values_[std::string(written.flag->name)].push_back(std::move(written.value));
  }
  return out;
}

std::string describe_flags(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags) {
    std::string left = flag.letter != 0 ? std::string("  -") + flag.letter + ", --" : std::string("      --");
    left += flag.name;
    if (!flag.value.empty()) left += " " + std::string(flag.value);
    if (left.size() < 34) left.resize(34, ' ');
    out += left + " " + std::string(flag.help) + "\n";
  }
  return out;
}

}  // namespace stack::runtime::oci
