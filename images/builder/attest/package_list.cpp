#include "images/builder/attest/package_list.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/text.h"

namespace stack::builder {

namespace {

constexpr size_t kLargestDatabase = size_t{64} << 20;

// Calls `line` for each line without its end, and for an empty line at the end.
void for_each_line(std::string_view text, const std::function<void(std::string_view line)>& line) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view one = text.substr(0, end);
    if (one.ends_with('\r')) one.remove_suffix(1);
    line(one);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  line({});
}

using Stanza = std::map<std::string, std::string, std::less<>>;

std::string field(const Stanza& stanza, std::string_view name) {
  auto found = stanza.find(name);
  return found == stanza.end() ? std::string() : found->second;
}

// "name (version)" -> "name".
std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

bool is_installed(const Stanza& stanza) {
  std::string status = field(stanza, "status");
  return status.empty() || status.ends_with(" installed");
}

void add_deb(const Stanza& stanza, std::vector<InstalledPackage>& out) {
  if (field(stanza, "package").empty() || !is_installed(stanza)) return;
  out.push_back({"deb", field(stanza, "package"), field(stanza, "version"), field(stanza, "architecture"),
                 first_word(field(stanza, "source")), "", field(stanza, "maintainer"),
                 field(stanza, "homepage")});
}

void add_apk(const Stanza& stanza, std::vector<InstalledPackage>& out) {
  if (field(stanza, "P").empty()) return;
  out.push_back({"apk", field(stanza, "P"), field(stanza, "V"), field(stanza, "A"), field(stanza, "o"),
                 field(stanza, "L"), field(stanza, "m"), field(stanza, "U")});
}

std::string unquoted(std::string_view text) {
  text = trim(text);
  bool quoted = text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

std::string encoded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                 std::string_view("-._~:").find(c) != std::string_view::npos;
    auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

// A database, or the files of a folder of databases.
Result<> read_database(const images::LayerView& view, const std::string& path,
                       std::vector<InstalledPackage> (*parse)(std::string_view), PackageList& out) {
  TRY_ASSIGN(std::optional<images::ViewEntry> entry, view.find(path, true));
  if (!entry) return {};
  std::vector<std::string> files;
  if (S_ISDIR(entry->info.st_mode)) {
    TRY_ASSIGN(std::vector<images::ViewEntry> entries, view.list(entry->path));
    for (const images::ViewEntry& one : entries)
      if (!one.path.ends_with(".md5sums")) files.push_back("/" + one.path);
  } else {
    files.push_back(path);
  }
  for (const std::string& file : files) {
    TRY_ASSIGN(std::optional<std::string> text, view.read_file(file, kLargestDatabase));
    if (!text) continue;
    out.has_database = true;
    for (InstalledPackage& package : parse(*text)) out.packages.push_back(std::move(package));
  }
  return {};
}

}  // namespace

std::vector<InstalledPackage> parse_dpkg_status(std::string_view text) {
  std::vector<InstalledPackage> out;
  Stanza stanza;
  for_each_line(text, [&](std::string_view line) {
    if (trim(line).empty()) {
      add_deb(stanza, out);
      stanza.clear();
      return;
    }
    size_t colon = line.find(':');
    if (is_space(line[0]) || colon == std::string_view::npos) return;  // continues a field that is not used
    stanza[lower(line.substr(0, colon))] = std::string(trim(line.substr(colon + 1)));
  });
  return out;
}

std::vector<InstalledPackage> parse_apk_installed(std::string_view text) {
  std::vector<InstalledPackage> out;
  Stanza stanza;
  for_each_line(text, [&](std::string_view line) {
    if (line.empty()) {
      add_apk(stanza, out);
      stanza.clear();
    } else if (line.size() > 2 && line[1] == ':') {
      stanza.try_emplace(std::string(line.substr(0, 1)), line.substr(2));
    }
  });
  return out;
}

Distribution parse_os_release(std::string_view text) {
  Distribution out;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with("ID=")) out.id = lower(unquoted(line.substr(3)));
    if (line.starts_with("VERSION_ID=")) out.version = unquoted(line.substr(11));
  });
  return out;
}

Result<PackageList> list_packages(const images::LayerView& view) {
  PackageList out;
  for (const char* path : {"/usr/lib/os-release", "/etc/os-release"}) {
    TRY_ASSIGN(std::optional<std::string> text, view.read_file(path));
    if (text) out.distribution = parse_os_release(*text);
  }
  for (const char* path : {"/var/lib/dpkg/status", "/var/lib/dpkg/status.d"})
    TRY(read_database(view, path, parse_dpkg_status, out).in(path));
  for (const char* path : {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"})
    TRY(read_database(view, path, parse_apk_installed, out).in(path));
  std::sort(out.packages.begin(), out.packages.end());
  out.packages.erase(std::unique(out.packages.begin(), out.packages.end()), out.packages.end());
  return out;
}

std::string package_purl(const InstalledPackage& package, const Distribution& distribution) {
  std::string vendor = distribution.id;
  if (vendor.empty()) vendor = package.type == "apk" ? "alpine" : "debian";
  std::string out = "pkg:" + package.type + "/" + encoded(vendor) + "/" + encoded(package.name);
  if (!package.version.empty()) out += "@" + encoded(package.version);
  char separator = '?';
  auto qualify = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    out += separator + std::string(name) + "=" + encoded(value);
    separator = '&';
  };
  qualify("arch", package.architecture);
  if (!distribution.id.empty())
    qualify("distro", distribution.id + (distribution.version.empty() ? "" : "-" + distribution.version));
  qualify("upstream", package.source == package.name ? "" : package.source);
  return out;
}

}  // namespace stack::builder
