#include "model/image_reference.h"

#include <algorithm>
#include <cctype>

namespace stack {

namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLibrary = "library/";
constexpr size_t kLongestPath = 255;
constexpr size_t kLongestTag = 128;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || is_upper(c); }
bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// [a-z0-9]+((?:[._]|__|[-]+)[a-z0-9]+)*
bool is_path_component(std::string_view text) {
  size_t i = 0;
  for (;;) {
    size_t start = i;
    while (i < text.size() && is_lower_or_digit(text[i])) ++i;
    if (i == start) return false;
    if (i == text.size()) return true;
    if (text[i] == '.') {
      ++i;
    } else if (text[i] == '_') {
      ++i;
      if (i < text.size() && text[i] == '_') ++i;
    } else if (text[i] == '-') {
      while (i < text.size() && text[i] == '-') ++i;
    } else {
      return false;
    }
  }
}

bool is_path(std::string_view path) {
  while (true) {
    size_t slash = path.find('/');
    if (!is_path_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_port(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_domain(std::string_view text) {
  if (text.starts_with('[')) {
    size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    for (char c : text.substr(1, end - 1))
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0 && c != ':') return false;
    std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)));
  }
  size_t colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  std::string_view host = text.substr(0, colon);
  while (true) {
    size_t dot = host.find('.');
    std::string_view label = host.substr(0, dot);
    if (label.empty() || label.starts_with('-') || label.ends_with('-')) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > kLongestTag) return false;
  if (!is_letter_or_digit(text[0]) && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

// alg:hex{32,}, where alg is letters and digits in parts joined by one of -_+.
bool is_digest(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view algorithm = text.substr(0, colon);
  bool at_start = true;
  for (char c : algorithm) {
    bool separator = c == '-' || c == '_' || c == '+' || c == '.';
    if (separator ? at_start : !is_letter_or_digit(c) || (at_start && c >= '0' && c <= '9')) return false;
    at_start = separator;
  }
  if (at_start) return false;
  std::string_view hex = text.substr(colon + 1);
  if (algorithm == "sha256" && hex.size() != 64) return false;
  return hex.size() >= 32 && std::all_of(hex.begin(), hex.end(), is_hex);
}

bool looks_like_domain(std::string_view text) {
  return text == "localhost" || text.find('.') != std::string_view::npos ||
         text.find(':') != std::string_view::npos || std::any_of(text.begin(), text.end(), is_upper);
}

Error bad_format() { return invalid("invalid reference format"); }

}  // namespace

std::string Reference::full() const {
  std::string out = domain + "/" + path;
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return out;
}

std::string Reference::familiar_name() const {
  if (domain != kDefaultDomain) return domain + "/" + path;
  if (path.starts_with(kLibrary) && path.find('/', kLibrary.size()) == std::string::npos)
    return path.substr(kLibrary.size());
  return path;
}

std::string Reference::familiar() const {
  std::string out = familiar_name();
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return out;
}

bool is_sha256_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 64) return false;
  text.remove_prefix(kPrefix.size());
  return std::all_of(text.begin(), text.end(), is_hex);
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.size() == 64 && std::all_of(text.begin(), text.end(), is_hex))
    return invalid("invalid repository name (" + std::string(text) +
                   "), cannot specify 64-byte hexadecimal strings");
  Reference out;
  std::string_view rest = text;
  size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    out.digest = std::string(rest.substr(at + 1));
    rest = rest.substr(0, at);
    if (!is_digest(out.digest)) return bad_format();
  }
  size_t last_slash = rest.rfind('/');
  size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash)) {
    out.tag = std::string(rest.substr(colon + 1));
    rest = rest.substr(0, colon);
    if (!is_tag(out.tag)) return bad_format();
  }
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos && looks_like_domain(rest.substr(0, slash))) {
    out.domain = std::string(rest.substr(0, slash));
    rest = rest.substr(slash + 1);
    if (!is_domain(out.domain)) return bad_format();
    if (out.domain == "index.docker.io") out.domain = kDefaultDomain;
  } else {
    out.domain = kDefaultDomain;
  }
  out.path = std::string(rest);
  if (out.domain == kDefaultDomain && !rest.empty() && rest.find('/') == std::string_view::npos)
    out.path.insert(0, kLibrary);
  if (std::any_of(rest.begin(), rest.end(), is_upper))
    return invalid("invalid reference format: repository name (" + out.path + ") must be lowercase");
  if (!is_path(out.path)) return bad_format();
  if (out.path.size() > kLongestPath)
    return invalid("repository name must not be more than " + std::to_string(kLongestPath) + " characters");
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

}  // namespace stack
