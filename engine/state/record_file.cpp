#include "engine/state/record_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"

namespace stack::engine {

namespace {

constexpr std::string_view kMagic = "stack-record";

struct Header {
  int layout = 0;
  int64_t revision = 0;
  std::string sum;
};

Result<Header> parse_header(std::string_view line) {
  std::vector<std::string> words = split(line, ' ');
  bool numbers = words.size() == 4 && is_all_digits(words[1]) && words[1].size() < 9 &&
                 is_all_digits(words[2]) && words[2].size() < 18;
  if (!numbers || words[0] != kMagic) return invalid("not a record");
  return Header{std::stoi(words[1]), std::stoll(words[2]), words[3]};
}

}  // namespace

Result<> write_record_file(const std::string& path, const RecordFile& record) {
  std::string body = stack::to_text(Json(record.key)) + "\n" + stack::to_text(record.document) + "\n";
  std::string text = std::string(kMagic) + " " + std::to_string(record.layout) + " " +
                     std::to_string(record.revision) + " " + sha256_hex(body) + "\n" + body;
  TRY(ensure_directory(directory_name(path), 0700));
  return write_file_atomic(path, text, 0600);
}

void sweep_unfinished_records(const std::string& folder) {
  Result<std::vector<std::string>> names = names_in(folder);
  if (!names) return;
  // "<name>.record.XXXXXX", "record.XXXXXX" (write_file_atomic)
  constexpr size_t kRandomPart = 7;
  for (const std::string& name : *names) {
    if (name.size() < kRandomPart || name[name.size() - kRandomPart] != '.') continue;
    std::string whole = name.substr(0, name.size() - kRandomPart);
    if (whole == "record" || whole.ends_with(".record")) ::unlink((folder + "/" + name).c_str());
  }
}

Result<RecordFile> read_record_file(const std::string& path) {
  if (!path_exists(path)) return not_found("no such record");
  TRY_ASSIGN(std::string text, read_file(path));
  size_t first = text.find('\n');
  size_t second = first == std::string::npos ? first : text.find('\n', first + 1);
  if (second == std::string::npos) return invalid("not a record");
  TRY_ASSIGN(Header header, parse_header(std::string_view(text).substr(0, first)));
  std::string_view body = std::string_view(text).substr(first + 1);
  if (sha256_hex(body) != header.sum) return invalid("damaged: the checksum does not match");
  TRY_ASSIGN(Json key, parse_json(std::string_view(text).substr(first + 1, second - first - 1)));
  if (!key.is_string()) return invalid("not a record");
  RecordFile record{header.layout, header.revision, key.get<std::string>(), Json()};
  TRY_ASSIGN(record.document, parse_json(std::string_view(text).substr(second + 1)));
  return record;
}

}  // namespace stack::engine
