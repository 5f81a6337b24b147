#include "orchestrator/compose/values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/files.h"
#include "base/text.h"
#include "base/units.h"
#include "model/protocol.h"

namespace stack::compose {

namespace {

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool parse_number(std::string_view text, uint32_t& value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && code == std::errc{} && end == text.data() + text.size();
}

}  // namespace

bool is_ip_address(std::string_view text) {
  std::array<unsigned char, 16> address{};
  std::string copy(text.substr(0, text.find('%')));
  return ::inet_pton(AF_INET, copy.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, copy.c_str(), address.data()) == 1;
}

Result<PortRange> parse_port_range(std::string_view text, bool zero) {
  size_t dash = text.find('-');
  PortRange range;
  bool good = parse_number(text.substr(0, dash), range.first);
  range.last = range.first;
  if (dash != std::string_view::npos) good = good && parse_number(text.substr(dash + 1), range.last);
  if (!good)
    return invalid("invalid port " + in_quotes(text) + ": expected a number or a range such as 3000-3010");
  if (range.last > 65535 || (range.first == 0 && !zero))
    return invalid("invalid port " + in_quotes(text) + ": expected 1 to 65535");
  if (range.first > range.last)
    return invalid("invalid port range " + in_quotes(text) + ": the first port exceeds the last");
  return range;
}

namespace {

struct PortParts {
  std::string ip;
  std::string host;
  std::string container;
  std::string protocol;
};

// Splits from the right: CONTAINER, then HOST; the rest is the address, which may contain colons in brackets.
Result<PortParts> split_port(std::string_view text) {
  PortParts parts;
  std::string_view rest = text;
  size_t slash = rest.rfind('/');
  parts.protocol = "tcp";
  if (slash != std::string_view::npos) {
    parts.protocol = lower(rest.substr(slash + 1));
    rest = rest.substr(0, slash);
    if (!parse_protocol(parts.protocol))
      return invalid("invalid protocol " + in_quotes(parts.protocol) + " in port " + in_quotes(text) +
                     ": expected tcp, udp, or sctp");
  }
  size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) {
    parts.container = rest;
    return parts;
  }
  parts.container = rest.substr(colon + 1);
  rest = rest.substr(0, colon);
  colon = rest.ends_with(']') ? std::string_view::npos : rest.rfind(':');
  if (colon != std::string_view::npos) {
    parts.ip = rest.substr(0, colon);
    parts.host = rest.substr(colon + 1);
  } else if (rest.starts_with('[')) {
    parts.ip = rest;
  } else {
    parts.host = rest;
  }
  if (parts.ip.starts_with('[') && parts.ip.ends_with(']'))
    parts.ip = parts.ip.substr(1, parts.ip.size() - 2);
  if (!parts.ip.empty() && !is_ip_address(parts.ip))
    return invalid("invalid address " + in_quotes(parts.ip) + " in port " + in_quotes(text) +
                   ": expected an IP address");
  return parts;
}

}  // namespace

Result<std::vector<PortMapping>> parse_port(std::string_view text) {
  TRY_ASSIGN(PortParts parts, split_port(text));
  if (parts.container.empty()) return invalid("no container port in " + in_quotes(text));
  Result<PortRange> container = parse_port_range(parts.container);
  if (!container) return std::move(container).in("port " + in_quotes(text)).error();
  PortRange host;
  if (!parts.host.empty()) {
    Result<PortRange> parsed = parse_port_range(parts.host, true);
    if (!parsed) return std::move(parsed).in("port " + in_quotes(text)).error();
    host = *parsed;
  }
  uint32_t count = container->last - container->first + 1;
  bool one_of_range = count == 1 && host.last > host.first;
  if (!parts.host.empty() && !one_of_range && host.last - host.first + 1 != count)
    return invalid("port " + in_quotes(text) + ": the two ranges have different lengths");
  std::vector<PortMapping> out;
  for (uint32_t i = 0; i < count; ++i) {
    PortMapping port;
    port.mode = "ingress";
    port.host_ip = parts.ip;
    port.target = container->first + i;
    port.protocol = parts.protocol;
    if (one_of_range) {
      port.published = parts.host;
    } else if (!parts.host.empty()) {
      port.published = std::to_string(host.first + i);
    }
    out.push_back(std::move(port));
  }
  // The reference sorts the ports of a range as text, which matters if the number of digits differs.
  if (parts.container.size() > 5)
    std::stable_sort(out.begin(), out.end(), [](const PortMapping& a, const PortMapping& b) {
      return std::to_string(a.target) < std::to_string(b.target);
    });
  return out;
}

namespace {

bool looks_like_path(std::string_view source) {
  return source.starts_with('.') || source.starts_with('/') || source.starts_with('~') ||
         source.starts_with('\\');
}

Result<> apply_volume_option(VolumeMount& mount, std::string_view option, std::string_view text) {
  static constexpr std::array<std::string_view, 6> kPropagation{"rprivate", "private", "rshared",
                                                                "shared",   "rslave",  "slave"};
  // Also accepted on named volumes, where they have no effect but are common.
  auto bind = [&]() -> BindOptions& { return mount.bind ? *mount.bind : mount.bind.emplace(); };
  if (option == "ro" || option == "rw") {
    mount.read_only = option == "ro";
  } else if (option == "z" || option == "Z") {
    bind().selinux = option;
  } else if (option == "nocopy") {
    if (!mount.volume) mount.volume.emplace();
    mount.volume->nocopy = true;
  } else if (std::find(kPropagation.begin(), kPropagation.end(), option) != kPropagation.end()) {
    bind().propagation = option;
  } else if (option == "cached" || option == "delegated" || option == "consistent") {
    // has an effect only outside Linux
  } else if (!option.empty()) {
    static const std::vector<std::string> kKnown{"ro",       "rw",      "z",         "Z",         "nocopy",
                                                 "rprivate", "private", "rshared",   "shared",    "rslave",
                                                 "slave",    "cached",  "delegated", "consistent"};
    std::string near = nearest(option, kKnown);
    return invalid("volume " + in_quotes(text) + ": unknown option " + in_quotes(option) +
                   (near.empty() ? "" : "; did you mean " + in_quotes(near) + "?"));
  }
  return {};
}

}  // namespace

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Splits at colons, except after a Windows drive letter: a letter before a backslash, or before a path that is followed
// by another path. `v:/data` alone means the volume v.
std::vector<std::string> volume_parts(std::string_view text) {
  std::vector<std::string> parts = split(text, ':');
  auto is_path = [&](size_t i) {
    return i < parts.size() && (parts[i].starts_with('/') || parts[i].starts_with('\\'));
  };
  auto is_drive = [&](size_t i) {
    if (parts[i].size() != 1 || !is_letter(parts[i][0]) || !is_path(i + 1)) return false;
    bool path_follows =
        is_path(i + 2) || (i + 3 < parts.size() && parts[i + 2].size() == 1 && is_path(i + 3));
    return parts[i + 1].starts_with('\\') || (i == 0 && path_follows);
  };
  for (size_t i = 0; i < parts.size() && i < 2; ++i) {
    if (!is_drive(i)) continue;
    parts[i] += ":" + parts[i + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  return parts;
}

}  // namespace

bool is_windows_path(std::string_view path) {
  if (path.starts_with('\\')) return true;
  return path.size() > 2 && is_letter(path[0]) && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
}

Result<VolumeMount> parse_volume(std::string_view text) {
  VolumeMount mount;
  std::vector<std::string> parts = volume_parts(text);
  if (text.empty()) return invalid("empty volume");
  if (parts.size() > 3) return invalid("volume " + in_quotes(text) + ": too many colons");
  for (size_t i = 0; i < std::min<size_t>(parts.size(), 2); ++i)
    if (parts[i].empty()) return invalid("volume " + in_quotes(text) + ": an empty section between colons");
  mount.target = parts.size() == 1 ? parts[0] : parts[1];
  if (parts.size() > 1) {
    mount.source = parts[0];
    if (looks_like_path(mount.source) || is_windows_path(mount.source)) {
      mount.type = MountType::Bind;
      mount.bind = BindOptions{.propagation = "", .create_host_path = true, .recursive = "", .selinux = ""};
    }
  }
  if (mount.type == MountType::Volume) mount.volume.emplace();
  if (parts.size() == 3)
    for (const std::string& option : split(parts[2], ',')) TRY(apply_volume_option(mount, option, text));
  return mount;
}

Result<DeviceMapping> parse_device(std::string_view text) {
  std::vector<std::string> parts = split(text, ':');
  DeviceMapping device;
  device.source = parts[0];
  device.target = parts.size() > 1 && !parts[1].empty() ? parts[1] : parts[0];
  device.permissions = parts.size() > 2 ? parts[2] : "rwm";
  if (parts.size() > 3 || device.source.empty())
    return invalid("device " + in_quotes(text) + ": expected SOURCE[:TARGET[:PERMISSIONS]]");
  if (device.permissions.empty() || device.permissions.find_first_not_of("rwm") != std::string::npos)
    return invalid("device " + in_quotes(text) + ": permissions must consist of r, w, and m");
  return device;
}

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  auto finish = [&] {
    if (in_word) words.push_back(std::exchange(word, {}));
    in_word = false;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && quote != '\'') {
      if (i + 1 == text.size()) return invalid("the command ends with a backslash");
      char next = text[++i];
      // Within double quotes, a backslash is special only before these characters.
      if (quote == '"' && std::string_view("\"\\$`\n").find(next) == std::string_view::npos) word += '\\';
      if (next != '\n') word += next;
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      finish();
    } else if (std::string_view(";&|<>").find(c) != std::string_view::npos) {
      // A number right before a redirection belongs to it: "2>file".
      if (c == '>' && is_all_digits(word)) in_word = false;
      break;
    } else if (c == '`' || (c == '(' && word.ends_with('$'))) {
      // Not expanded, but kept as one word, including blanks and quotes.
      size_t end = text.find(c == '`' ? '`' : ')', i + 1);
      if (end == std::string_view::npos) return invalid(std::string("the command has an unclosed ") + c);
      word += text.substr(i, end - i + 1);
      in_word = true;
      i = end;
    } else if (c == '(' || c == ')') {
      return invalid(
          "parentheses are not allowed in a command; quote them or run a shell: [\"sh\", \"-c\", "
          "...]");
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return invalid(std::string("the command has an unclosed ") + quote);
  finish();
  return words;
}

Result<std::string> parse_extra_host(std::string_view text) {
  size_t at = text.find('=');
  if (at == std::string_view::npos) at = text.find(':');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
    return invalid("extra host " + in_quotes(text) + ": expected HOST=ADDRESS");
  std::string_view address = trim(text.substr(at + 1));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (address != "host-gateway" && !is_ip_address(address))
    return invalid("extra host " + in_quotes(text) + ": " + in_quotes(address) + " is not an IP address");
  return std::string(trim(text.substr(0, at))) + "=" + std::string(address);
}

Result<RestartPolicy> parse_restart(std::string_view text) {
  if (text.empty() || text == "no" || text == "none") return RestartPolicy{RestartMode::No, 0};
  if (text == "always") return RestartPolicy{RestartMode::Always, 0};
  if (text == "unless-stopped") return RestartPolicy{RestartMode::UnlessStopped, 0};
  if (text == "on-failure") return RestartPolicy{RestartMode::OnFailure, 0};
  uint32_t count = 0;
  constexpr std::string_view kPrefix = "on-failure:";
  if (text.starts_with(kPrefix) && parse_number(text.substr(kPrefix.size()), count))
    return RestartPolicy{RestartMode::OnFailure, count};
  static const std::vector<std::string> kKnown{"no", "always", "unless-stopped", "on-failure"};
  std::string near = nearest(text, kKnown);
  return invalid("unknown restart policy " + in_quotes(text) +
                 ": expected no, always, unless-stopped, or on-failure[:N]" +
                 (near.empty() ? "" : "; did you mean " + in_quotes(near) + "?"));
}

bool is_pull_policy(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kWords{"always", "never",   "missing", "if_not_present",
                                                          "build",  "refresh", "daily",   "weekly"};
  if (std::find(kWords.begin(), kWords.end(), text) != kWords.end()) return true;
  constexpr std::string_view kPrefix = "every_";
  return text.starts_with(kPrefix) && parse_duration(text.substr(kPrefix.size())).has_value();
}

}  // namespace stack::compose
