// The commands for images in files: save, load, import.
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/body_file.h"
#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

// ---- save ----

constexpr Flag kImageSaveFlags[] = {
    {'o', "output", FlagArity::Value, "FILE", "Write to a file (default: stdout)"}};
constexpr Example kImageSaveExamples[] = {
    {"stack image save -o shop.tar shop-web redis:7", "save two images to one archive"},
    {"stack image save shop-web | ssh host stack image load", "copy an image to another machine"}};

Result<int> run_image_save(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  std::string file = arguments.text("output");
  if (file.empty() && session.out().is_terminal)
    return session.usage_error("refusing to write an archive to a terminal; use --output or a pipe");
  http::Query query;
  for (const std::string& name : arguments.words) query.add("names", name);
  TRY(write_body(session, "/images/get" + query.text(), file, {.mode = 0600}));
  return 0;
}

// ---- load and import ----

Result<Fd> open_archive_input(const std::string& file) {
  Fd in(file.empty() || file == "-" ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return Error::last_errno("open " + file);
  return in;
}

std::vector<std::string> line_members(const std::string& lines, const char* member) {
  std::vector<std::string> out;
  size_t at = 0;
  while (at < lines.size()) {
    size_t end = std::min(lines.find('\n', at), lines.size());
    Result<Json> json = parse_json(lines.substr(at, end - at));
    if (json && !string_or(*json, member).empty()) out.push_back(string_or(*json, member));
    at = end + 1;
  }
  return out;
}

// Finds a failure reported in a stream after its header.
Result<> check_lines(const std::string& lines) {
  std::vector<std::string> errors = line_members(lines, "error");
  if (!errors.empty()) return Error(errors.front());
  return {};
}

// Returns the response's body: one JSON object per line.
Result<std::string> upload_archive(Session& session, const std::string& target, int in) {
  std::string lines;
  TRY(upload(in, [&]() -> Result<> {
    http::ClientRequest request{.method = "POST", .target = target, .content_type = "application/x-tar"};
    request.body_source = body_from(in, "archive");
    TRY_ASSIGN(http::Client client, session.connect());
    TRY_ASSIGN(http::Answer answer, client.call(std::move(request)));
    lines = std::move(answer.body);
    return check_lines(lines);
  }));
  return lines;
}

constexpr Flag kImageLoadFlags[] = {
    {'i', "input", FlagArity::Value, "FILE", "Read from a file (default: stdin)"},
    {'q', "quiet", FlagArity::Nothing, "", "Print nothing"}};
constexpr Example kImageLoadExamples[] = {{"stack image load -i shop.tar", "load all images of the archive"}};

Result<int> run_image_load(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  if (arguments.text("input").empty() && ::isatty(STDIN_FILENO) == 1)
    return session.usage_error("stdin is a terminal; use --input or a pipe");
  TRY_ASSIGN(Fd in, open_archive_input(arguments.text("input")));
  TRY_ASSIGN(std::string lines, upload_archive(session, "/images/load", in.get()));
  if (arguments.is_set("quiet")) return 0;
  for (const std::string& line : line_members(lines, "stream")) print(line);
  return 0;
}

constexpr Flag kImageImportFlags[] = {{'c', "change", FlagArity::Values, "INSTRUCTION",
                                       "Apply a Dockerfile instruction: CMD, ENV, EXPOSE, ..."},
                                      {'m', "message", FlagArity::Value, "TEXT", "Set the image's comment"}};
constexpr Example kImageImportExamples[] = {
    {"stack export web | stack image import - shop-web:flat", "flatten a container into one layer"},
    {"stack image import -c 'CMD [\"sh\"]' rootfs.tar.gz base", "import a root file system"}};

Result<int> run_image_import(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  http::Query query;
  const std::string& source = arguments.words[0];
  bool is_url = source.starts_with("http://") || source.starts_with("https://");
  query.add("fromSrc", is_url ? source : "-");
  if (arguments.words.size() > 1) query.add("repo", arguments.words[1]);
  if (!arguments.text("message").empty()) query.add("message", arguments.text("message"));
  for (const std::string& change : arguments.all("change")) query.add("changes", change);
  // The engine fetches a URL; the body is then empty.
  TRY_ASSIGN(Fd in, open_archive_input(is_url ? "/dev/null" : source));
  TRY_ASSIGN(std::string lines, upload_archive(session, "/images/create" + query.text(), in.get()));
  for (const std::string& line : line_members(lines, "status")) print_line(line);
  return 0;
}

constexpr std::string_view kImageSaveAliases[] = {"save"};
constexpr std::string_view kImageLoadAliases[] = {"load"};
constexpr std::string_view kImageImportAliases[] = {"import"};

}  // namespace

const Command kImageSave{
    .name = "image save",
    .aliases = kImageSaveAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Save images to a tar archive",
    .details = "Docker and other tools that read OCI archives can load it.",
    .examples = kImageSaveExamples,
    .flags = kImageSaveFlags,
    .least_words = 1,
    .run = run_image_save,
};

const Command kImageLoad{
    .name = "image load",
    .aliases = kImageLoadAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Load images from a tar archive",
    .details =
        "Reads archives from `image save`, docker save, and skopeo, uncompressed or compressed with gzip or "
        "zstd.",
    .examples = kImageLoadExamples,
    .flags = kImageLoadFlags,
    .most_words = 0,
    .run = run_image_load,
};

const Command kImageImport{
    .name = "image import",
    .aliases = kImageImportAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
    .summary = "Create an image from a root file system archive",
    .details = "",
    .examples = kImageImportExamples,
    .flags = kImageImportFlags,
    .least_words = 1,
    .most_words = 2,
    .run = run_image_import,
};

}  // namespace stack::cli
