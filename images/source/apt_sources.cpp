#include "images/source/apt_sources.h"

#include <algorithm>
#include <map>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"

namespace stack::images {

namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (char c : text) {
    if (c != ' ' && c != '\t' && c != '\n') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

std::string without_slash(std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

std::string option(const std::string& options, std::string_view name) {
  for (const std::string& item : words(options))
    if (item.starts_with(name) && item.size() > name.size() && item[name.size()] == '=')
      return item.substr(name.size() + 1);
  return "";
}

void add_stanza(std::map<std::string, std::string>& fields, std::vector<AptSource>& out) {
  std::vector<std::string> types = words(fields["types"]);
  bool binary = std::find(types.begin(), types.end(), "deb") != types.end();
  std::string signed_by = std::string(trim(fields["signed-by"]));
  if (!signed_by.starts_with('/')) signed_by.clear();  // a key given in the stanza itself
  if (binary && lower(trim(fields["enabled"])) != "no")
    for (const std::string& uri : words(fields["uris"]))
      for (const std::string& suite : words(fields["suites"]))
        out.push_back({without_slash(uri), suite, words(fields["components"]), signed_by});
  fields.clear();
}

}  // namespace

std::vector<AptSource> parse_one_line_sources(std::string_view text) {
  std::vector<AptSource> out;
  for (const std::string& full : split(text, '\n')) {
    std::string line = full.substr(0, full.find('#'));
    std::string options;
    size_t open = line.find('[');
    size_t close = line.find(']');
    if (open != std::string::npos && close != std::string::npos && open < close) {
      options = line.substr(open + 1, close - open - 1);
      line.erase(open, close - open + 1);
    }
    std::vector<std::string> parts = words(line);
    if (parts.size() < 4 || parts[0] != "deb") continue;
    out.push_back(
        {without_slash(parts[1]), parts[2], {parts.begin() + 3, parts.end()}, option(options, "signed-by")});
  }
  return out;
}

std::vector<AptSource> parse_deb822_sources(std::string_view text) {
  std::vector<AptSource> out;
  std::map<std::string, std::string> fields;
  std::string last;
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with('#')) continue;
    if (trim(line).empty()) {
      add_stanza(fields, out);
      continue;
    }
    size_t colon = line.find(':');
    if ((line[0] == ' ' || line[0] == '\t') && !last.empty()) {
      fields[last] += "\n" + line;
    } else if (colon != std::string::npos) {
      last = lower(trim(line.substr(0, colon)));
      fields[last] = line.substr(colon + 1);
    }
  }
  add_stanza(fields, out);
  return out;
}

std::vector<AptSource> host_apt_sources() {
  std::vector<AptSource> out;
  auto take = [&out](std::vector<AptSource> more) { out.insert(out.end(), more.begin(), more.end()); };
  if (Result<std::string> text = read_file("/etc/apt/sources.list")) take(parse_one_line_sources(*text));
  std::string directory = "/etc/apt/sources.list.d";
  for (const std::string& name : names_in(directory).value_or(std::vector<std::string>())) {
    bool list = name.ends_with(".list");
    if (!list && !name.ends_with(".sources")) continue;
    Result<std::string> text = read_file(directory + "/" + name);
    if (text) take(list ? parse_one_line_sources(*text) : parse_deb822_sources(*text));
  }
  return out;
}

std::optional<AptSource> find_apt_source(const std::vector<AptSource>& sources, std::string_view suite) {
  for (const AptSource& source : sources) {
    bool main =
        std::find(source.components.begin(), source.components.end(), "main") != source.components.end();
    // Other archives (vendors') have suites of these names too; Debian's own end in "debian" or
    // "debian-security".
    bool debian = source.uri.find("/debian") != std::string::npos;
    if (source.suite == suite && main && debian && source.uri.starts_with("http")) return source;
  }
  return std::nullopt;
}

}  // namespace stack::images
