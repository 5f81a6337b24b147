#include "images/builder/frontend/flags.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.h"
#include "base/units.h"

namespace stack::builder {

namespace {

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  std::string near = nearest(word, candidates);
  return near.empty() ? "" : " (did you mean " + near + "?)";
}

Result<uint32_t> number(std::string_view key, std::string_view text, int base) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return invalid("invalid value for " + std::string(key) + ": " + std::string(text));
  return value;
}

Result<bool> boolean(std::string_view key, std::string_view text) {
  if (text.empty() || text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return invalid("invalid value for " + std::string(key) + ": " + std::string(text));
}

// One line of CSV: quotes protect commas, a doubled quote is a quote.
Result<std::vector<std::string>> csv_fields(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return invalid("unterminated quote in " + std::string(text));
  return fields;
}

}  // namespace

const std::vector<std::string>& known_flags(const std::string& keyword) {
  static const std::map<std::string, std::vector<std::string>> kFlags = {
      {"from", {"platform"}},
      {"run", {"mount*", "network", "security", "device*"}},
      {"copy", {"from", "chown", "chmod", "link?", "parents?", "exclude*"}},
      {"add", {"chown", "chmod", "link?", "exclude*", "checksum", "keep-git-dir?", "unpack?"}},
      {"healthcheck", {"interval", "timeout", "start-period", "start-interval", "retries"}},
  };
  static const std::vector<std::string> kNone;
  auto found = kFlags.find(keyword);
  return found == kFlags.end() ? kNone : found->second;
}

Result<Flags> Flags::parse(const Instruction& instruction, const std::vector<std::string>& known) {
  std::map<std::string, char> kinds;
  std::vector<std::string> shown;
  for (const std::string& item : known) {
    char kind = item.back() == '*' || item.back() == '?' ? item.back() : ' ';
    std::string name = kind == ' ' ? item : item.substr(0, item.size() - 1);
    kinds[name] = kind;
    shown.push_back("--" + name);
  }
  Flags out;
  for (const std::string& flag : instruction.flags) {
    size_t equals = flag.find('=');
    std::string name = flag.substr(2, equals == std::string::npos ? equals : equals - 2);
    auto kind = kinds.find(name);
    if (kind == kinds.end()) return invalid("unknown flag: --" + name + suggestion("--" + name, shown));
    if (kind->second != '*' && out.values_.contains(name))
      return invalid("duplicate flag specified: " + name);
    std::string value = equals == std::string::npos ? "" : flag.substr(equals + 1);
    if (kind->second == '?') {
      if (equals == std::string::npos) value = "true";
      if (value != "true" && value != "false")
        return invalid("expecting boolean value for flag " + name + ", not: " + value);
    } else if (equals == std::string::npos) {
      return invalid("missing a value on flag: " + name);
    }
    out.values_.emplace(name, std::move(value));
  }
  return out;
}

std::optional<std::string> Flags::find(const std::string& name) const {
  auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Flags::all(const std::string& name) const {
  std::vector<std::string> out;
  auto [first, last] = values_.equal_range(name);
  for (auto item = first; item != last; ++item) out.push_back(item->second);
  return out;
}

namespace {

Result<MountType> mount_type(const std::string& text) {
  static const std::map<std::string, MountType> kTypes = {{"bind", MountType::Bind},
                                                          {"cache", MountType::Cache},
                                                          {"tmpfs", MountType::Tmpfs},
                                                          {"secret", MountType::Secret},
                                                          {"ssh", MountType::Ssh}};
  auto found = kTypes.find(text);
  if (found != kTypes.end()) return found->second;
  return invalid("unsupported mount type \"" + text + "\"" +
                 suggestion(text, {"bind", "cache", "tmpfs", "secret", "ssh"}));
}

Result<> set_mount_option(MountOptions& out, const std::string& key, const std::string& value) {
  if (key == "type") {
    TRY_ASSIGN(out.type, mount_type(value));
  } else if (key == "from") {
    out.from = value;
  } else if (key == "source" || key == "src") {
    out.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    out.target = value;
  } else if (key == "id") {
    out.id = value;
  } else if (key == "env") {
    out.env = value;
  } else if (key == "sharing") {
    if (value != "shared" && value != "private" && value != "locked")
      return invalid("unsupported sharing value \"" + value + "\": must be shared, private, or locked");
    out.sharing = value;
  } else if (key == "readonly" || key == "ro") {
    TRY_ASSIGN(out.read_only, boolean(key, value));
  } else if (key == "readwrite" || key == "rw") {
    TRY_ASSIGN(bool on, boolean(key, value));
    out.read_only = !on;
  } else if (key == "required") {
    TRY_ASSIGN(out.required, boolean(key, value));
  } else if (key == "size") {
    TRY_ASSIGN(ByteSize size, parse_byte_size(value));
    out.size = size.bytes;
  } else if (key == "mode") {
    TRY_ASSIGN(uint32_t mode, number(key, value, 8));
    out.mode = mode;
  } else if (key == "uid") {
    TRY_ASSIGN(out.uid, number(key, value, 10));
  } else if (key == "gid") {
    TRY_ASSIGN(out.gid, number(key, value, 10));
  } else {
    static const std::vector<std::string> kKeys = {"type", "from",    "source",   "target",    "id",
                                                   "env",  "sharing", "readonly", "readwrite", "size",
                                                   "mode", "uid",     "required", "gid"};
    return invalid("unexpected key '" + key + "' in mount" + suggestion(key, kKeys));
  }

  return {};
}

// Keys beside "type", by the type they belong to.
Result<> check_mount_key(MountType type, const std::string& key) {
  static const std::map<MountType, std::vector<std::string>> kKeysOf = {
      {MountType::Bind,
       {"from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw"}},
      {MountType::Cache,
       {"id", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw",
        "sharing", "mode", "uid", "gid"}},
      {MountType::Tmpfs, {"target", "dst", "destination", "size"}},
      {MountType::Secret,
       {"id", "source", "src", "target", "dst", "destination", "env", "required", "mode", "uid", "gid"}},
      {MountType::Ssh, {"id", "target", "dst", "destination", "required", "mode", "uid", "gid"}}};
  static const std::map<MountType, std::string> kNames = {{MountType::Bind, "bind"},
                                                          {MountType::Cache, "cache"},
                                                          {MountType::Tmpfs, "tmpfs"},
                                                          {MountType::Secret, "secret"},
                                                          {MountType::Ssh, "ssh"}};
  const std::vector<std::string>& known = kKeysOf.at(type);
  if (key == "type" || std::find(known.begin(), known.end(), key) != known.end()) return {};
  return invalid("unexpected key '" + key + "' for mount type '" + kNames.at(type) + "'");
}

}  // namespace

Result<MountOptions> parse_mount(std::string_view text) {
  MountOptions out;
  TRY_ASSIGN(std::vector<std::string> fields, csv_fields(text));
  bool access_given = false;
  std::vector<std::string> keys;
  for (const std::string& field : fields) {
    size_t equals = field.find('=');
    std::string key = lower(field.substr(0, equals));
    std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    access_given = access_given || key.starts_with("read") || key == "ro" || key == "rw";
    TRY(set_mount_option(out, key, value));
    keys.push_back(std::move(key));
  }
  for (const std::string& key : keys) TRY(check_mount_key(out.type, key));
  if (out.type == MountType::Cache && !access_given) out.read_only = false;
  if (out.target.empty() && out.type != MountType::Secret && out.type != MountType::Ssh)
    return invalid("mount requires a target");
  return out;
}

namespace {

Result<> need_words(const Instruction& instruction, size_t least, size_t most) {
  size_t count = instruction.words.size();
  if (count >= least && count <= most) return {};
  std::string name = upper(instruction.keyword);
  if (most == 1) return invalid(name + " requires exactly one argument");
  return invalid(name + " requires at least " + std::to_string(least) +
                 (least == 1 ? " argument" : " arguments"));
}

constexpr size_t kAny = SIZE_MAX;

Result<> check_words(const Instruction& instruction) {
  const std::string& keyword = instruction.keyword;
  if (keyword == "from") {
    size_t count = instruction.words.size();
    if (count != 1 && !(count == 3 && lower(instruction.words[1]) == "as"))
      return invalid("FROM requires either one or three arguments: FROM <image> [AS <name>]");
    return {};
  }
  if (keyword == "copy" || keyword == "add") return need_words(instruction, 2, kAny);
  if (keyword == "env" || keyword == "label" || keyword == "arg" || keyword == "volume" ||
      keyword == "expose")
    return need_words(instruction, 1, kAny);
  if (keyword == "user" || keyword == "workdir" || keyword == "stopsignal" || keyword == "maintainer")
    return need_words(instruction, 1, 1);
  if (keyword == "shell") {
    if (!instruction.json) return invalid("SHELL requires the arguments to be in JSON form");
    return need_words(instruction, 1, kAny);
  }
  if (keyword == "run" && instruction.heredocs.empty()) return need_words(instruction, 1, kAny);
  if (keyword == "healthcheck") {
    if (instruction.words.empty()) return invalid("HEALTHCHECK requires at least one argument");
    std::string type = upper(instruction.words[0]);
    if (type == "NONE" && instruction.words.size() == 1) return {};
    if (type == "NONE") return invalid("HEALTHCHECK NONE takes no arguments");
    if (type != "CMD") return invalid("unknown type \"" + type + "\" in HEALTHCHECK (try CMD)");
    if (instruction.words.size() < 2) return invalid("missing command after HEALTHCHECK CMD");
  }
  return {};
}

}  // namespace

Result<> check_instruction(const Instruction& instruction) {
  if (instruction.keyword == "onbuild") {
    if (instruction.nested.empty()) return invalid("ONBUILD requires at least one argument");
    const std::string& inner = instruction.nested.front().keyword;
    if (inner == "onbuild") return invalid("chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (inner == "from" || inner == "maintainer")
      return invalid(upper(inner) + " isn't allowed as an ONBUILD trigger");
    return check_instruction(instruction.nested.front());
  }
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags(instruction.keyword)));
  // Variables are not known yet: only values without variables can be checked.
  for (const std::string& mount : flags.all("mount"))
    if (mount.find('$') == std::string::npos) TRY(parse_mount(mount).in("--mount"));
  return check_words(instruction);
}

}  // namespace stack::builder
