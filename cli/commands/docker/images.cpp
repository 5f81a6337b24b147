// docker images, rmi, tag, history, image prune, builder prune, save, load, import.
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/commands/docker/progress_lines.h"
#include "cli/flags/docker_formats.h"
#include "cli/render/image_rows.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/body_file.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kImagesFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Show all images (default: hide intermediate images)"},
    {0, "digests", FlagArity::Nothing, "", "Show digests"},
    {'f', "filter", FlagArity::Values, "filter", "Show only matching objects"},
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {0, "no-trunc", FlagArity::Nothing, "", "Do not truncate output"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only IDs"},
};

std::string utc_time(int64_t seconds) {
  std::time_t time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", &parts);
  return text;
}

// The image's digest in the repository, "<none>" if it has none.
std::string digest_of(const Json& image, const std::string& repository) {
  for (const std::string& digest : strings_of(member(image, "RepoDigests")))
    if (digest.starts_with(repository + "@")) return digest.substr(repository.size() + 1);
  return "<none>";
}

Json image_row(const Json& image, const std::string& reference, bool truncate) {
  RepositoryTag name = split_reference(reference);
  std::string id = string_or(image, "Id");
  int64_t created = int_or(image, "Created");
  int64_t containers = int_or(image, "Containers", -1);
  std::string size = decimal_size({int_or(image, "Size")});
  return {{"Repository", name.repository},
          {"Tag", name.tag},
          {"Digest", digest_of(image, name.repository)},
          {"ID", truncate ? short_id(id) : id},
          {"CreatedSince", ago(created, seconds_now())},
          {"CreatedAt", utc_time(created)},
          {"Containers", containers < 0 ? "N/A" : std::to_string(containers)},
          {"SharedSize", "N/A"},
          {"UniqueSize", "N/A"},
          {"VirtualSize", size},
          {"Size", size}};
}

Result<std::string> images_target(const Arguments& arguments) {
  std::vector<std::string> filters = arguments.all("filter");
  if (!arguments.words.empty()) filters.push_back("reference=" + arguments.words[0]);
  std::string all = arguments.is_set("all") ? "?all=1" : "";
  TRY_ASSIGN(std::string parameter, filters_parameter(filters, all.empty() ? '?' : '&'));
  return "/images/json" + all + parameter;
}

Result<int> run_images(Session& session, const Arguments& given) {
  Arguments arguments = with_default_format(given, session.environment(), "imagesFormat");
  TRY_ASSIGN(std::string target, images_target(arguments));
  TRY_ASSIGN(Json images, ask(session, "GET", target));
  std::vector<Json> rows;
  for (const Json& image : items_of(images)) {
    std::vector<std::string> references = strings_of(member(image, "RepoTags"));
    if (references.empty()) references = {"<none>:<none>"};
    for (const std::string& reference : references)
      rows.push_back(image_row(image, reference, !arguments.is_set("no-trunc")));
  }
  if (arguments.is_set("quiet") && !arguments.given("format")) {
    for (const Json& row : rows) print_line(string_or(row, "ID"));
    return 0;
  }
  if (!arguments.is_set("digests"))
    return print_list(arguments, rows, "images", {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"},
                      {"Repository", "Tag", "ID", "CreatedSince", "Size"});
  return print_list(arguments, rows, "images", {"REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE"},
                    {"Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"});
}

constexpr Flag kRmiFlags[] = {
    {'f', "force", FlagArity::Nothing, "",
     "Remove the image even if it has several names or stopped containers"},
    {0, "no-prune", FlagArity::Nothing, "", "Keep untagged parents"},
    {0, "platform", FlagArity::Values, "strings", "Remove only this platform's image"},
};

Result<int> run_rmi(Session& session, const Arguments& arguments) {
  http::Query query;
  if (arguments.is_set("force")) query.add("force", "1");
  if (arguments.is_set("no-prune")) query.add("noprune", "1");
  return for_each_word(
      arguments,
      [&](const std::string& name) -> Result<> {
        auto removed = ask(session, "DELETE", image_path(name, query.text()));
        if (!removed) {
          if (!arguments.is_set("force") || removed.error().kind() != ErrorKind::NotFound)
            return std::move(removed).error();
          print_message(removed.error().text());
          return {};
        }
        for (const Json& item : items_of(*removed)) {
          if (item.contains("Untagged")) print_line("Untagged: " + string_or(item, "Untagged"));
          if (item.contains("Deleted")) print_line("Deleted: " + string_or(item, "Deleted"));
        }
        return {};
      },
      true);
}

Result<int> run_tag(Session& session, const Arguments& arguments) {
  http::Query query;
  add_image_name(query, arguments.words[1], "latest");
  TRY_ASSIGN(Json done, ask(session, "POST", image_path(arguments.words[0], "/tag" + query.text())));
  return 0;
}

constexpr Flag kHistoryFlags[] = {
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {'H', "human", FlagArity::Nothing, "", "Print sizes and dates in human-readable form (default true)"},
    {0, "no-trunc", FlagArity::Nothing, "", "Do not truncate output"},
    {0, "platform", FlagArity::Value, "string", "Platform of the image"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only IDs"},
};

Json history_row(const Json& layer, const Arguments& arguments) {
  bool truncate = !arguments.is_set("no-trunc");
  bool human = arguments.is_set("human", true);
  int64_t created = int_or(layer, "Created");
  std::string id = string_or(layer, "Id", "<missing>");
  std::string by = string_or(layer, "CreatedBy");
  int64_t size = int_or(layer, "Size");
  std::string at = rfc3339(WallTime(std::chrono::seconds(created))).substr(0, 19) + "Z";
  return {{"ID", truncate ? short_id(id) : id},
          {"CreatedSince", human ? ago(created, seconds_now()) : at},
          {"CreatedAt", at},
          {"CreatedBy", truncate ? ellipsis(by, 45) : by},
          {"Size", human ? decimal_size({size}) : std::to_string(size)},
          {"Comment", string_or(layer, "Comment")}};
}

Result<int> run_history(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json layers, ask(session, "GET", image_path(arguments.words[0], "/history")));
  std::vector<Json> rows;
  for (const Json& layer : items_of(layers)) rows.push_back(history_row(layer, arguments));
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "ID"));
    return 0;
  }
  return print_list(arguments, rows, "history", {"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"},
                    {"ID", "CreatedSince", "CreatedBy", "Size", "Comment"});
}

constexpr Flag kImagePruneFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Remove all unused images, not only dangling ones"},
    {0, "filter", FlagArity::Values, "filter", "Remove only matching objects"},
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"}};

Result<int> run_image_prune(Session& session, const Arguments& arguments) {
  bool all = arguments.is_set("all");
  if (!arguments.is_set("force") &&
      !confirmed(
          all ? "WARNING! This will remove all images without at least one container associated to them."
              : "WARNING! This will remove all dangling images."))
    return 0;
  std::vector<std::string> filters = arguments.all("filter");
  filters.push_back(all ? "dangling=false" : "dangling=true");
  TRY_ASSIGN(std::string parameter, filters_parameter(filters, '?'));
  TRY_ASSIGN(Json pruned, ask(session, "POST", "/images/prune" + parameter));
  std::vector<Json> deleted = items_of(member(pruned, "ImagesDeleted"));
  if (!deleted.empty()) {
    print_line("Deleted Images:");
    for (const Json& item : deleted)
      print_line(item.contains("Untagged") ? "untagged: " + string_or(item, "Untagged")
                                           : "deleted: " + string_or(item, "Deleted"));
    print_line("");
  }
  print_line("Total reclaimed space: " + decimal_size({int_or(pruned, "SpaceReclaimed")}));
  return 0;
}

constexpr Flag kBuilderPruneFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Remove all unused build cache, not only dangling records"},
    {0, "filter", FlagArity::Values, "filter", "Remove only matching objects"},
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"},
    {0, "keep-storage", FlagArity::Value, "bytes", "Amount of cache to keep"},
};

Result<int> run_builder_prune(Session& session, const Arguments& arguments) {
  if (!arguments.is_set("force") && !confirmed("WARNING! This will remove all dangling build cache."))
    return 0;
  std::string query = arguments.is_set("all") ? "?all=1" : "";
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), query.empty() ? '?' : '&'));
  TRY_ASSIGN(Json pruned, ask(session, "POST", "/build/prune" + query + filters));
  std::vector<std::string> deleted = strings_of(member(pruned, "CachesDeleted"));
  if (!deleted.empty()) {
    print_line("Deleted build cache objects:");
    for (const std::string& id : deleted) print_line(id);
    print_line("");
  }
  print_line("Total reclaimed space: " + decimal_size({int_or(pruned, "SpaceReclaimed")}));
  return 0;
}

constexpr Flag kSaveFlags[] = {
    {'o', "output", FlagArity::Value, "string", "Write to a file instead of stdout"},
    {0, "platform", FlagArity::Value, "string", "Save only this platform's image"}};

Result<int> run_save(Session& session, const Arguments& arguments) {
  std::string file = arguments.text("output");
  if (file.empty() && session.out().is_terminal)
    return Error("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  http::Query query;
  for (const std::string& name : arguments.words) query.add("names", name);
  Result<> written = write_body(session, "/images/get" + query.text(), file);
  if (!written) return daemon_error(written.error());
  return 0;
}

Result<Fd> open_archive(const Session& session, const std::string& path) {
  std::string file = absolute_path(session.current_directory(), path);
  Fd input(path == "-" ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input) return Error::last_errno("open " + path);
  return input;
}

Result<> post_archive(Session& session, const std::string& target, const std::string& path, bool quiet) {
  TRY_ASSIGN(Fd input, open_archive(session, path));
  std::string failure;
  Result<> ended = upload(input.get(), [&]() -> Result<> {
    http::ClientRequest request{.method = "POST", .target = target, .content_type = "application/x-tar"};
    request.body_source = body_from(input.get(), "archive");
    TRY_ASSIGN(http::Client client, session.connect());
    ProgressLines lines(STDOUT_FILENO, quiet);
    return client.lines(std::move(request), [&](const Json& line) {
      if (line.is_object() && line.contains("error")) failure = string_or(line, "error");
      lines.show(line);
      return true;
    });
  });
  if (!ended) return daemon_error(ended.error());
  if (!failure.empty()) return Error(failure);
  return {};
}

constexpr Flag kLoadFlags[] = {
    {'i', "input", FlagArity::Value, "string", "Read from a file instead of stdin"},
    {0, "platform", FlagArity::Value, "string", "Load only this platform's image"},
    {'q', "quiet", FlagArity::Nothing, "", "Do not show progress"}};

Result<int> run_load(Session& session, const Arguments& arguments) {
  std::string file = arguments.text("input");
  if (file.empty() && ::isatty(STDIN_FILENO) == 1)
    return Error("requested load from stdin, but stdin is empty");
  TRY(post_archive(session, "/images/load?quiet=1", file.empty() ? "-" : file, false));
  return 0;
}

constexpr Flag kImportFlags[] = {
    {'c', "change", FlagArity::Values, "list", "Apply a Dockerfile instruction to the new image"},
    {'m', "message", FlagArity::Value, "string", "Commit message of the new image"},
    {0, "platform", FlagArity::Value, "string", "Platform of the new image"},
};

Result<int> run_import(Session& session, const Arguments& arguments) {
  const std::string& source = arguments.words[0];
  bool remote = source.starts_with("http://") || source.starts_with("https://");
  http::Query query;
  query.add("fromSrc", remote ? source : "-");
  if (arguments.words.size() > 1) add_image_name(query, arguments.words[1], "latest");
  if (arguments.given("message")) query.add("message", arguments.text("message"));
  if (arguments.given("platform")) query.add("platform", arguments.text("platform"));
  for (const std::string& change : arguments.all("change")) query.add("changes", change);
  std::string target = "/images/create" + query.text();
  if (remote) {
    TRY(follow_progress(session, {.target = target}));
  } else {
    TRY(post_archive(session, target, source, false));
  }
  return 0;
}

constexpr std::string_view kImagesAliases[] = {"images", "image list"};
constexpr std::string_view kRmiAliases[] = {"rmi", "image remove"};
constexpr std::string_view kTagAliases[] = {"tag"};
constexpr std::string_view kHistoryAliases[] = {"history"};
constexpr std::string_view kSaveAliases[] = {"save"};
constexpr std::string_view kLoadAliases[] = {"load"};
constexpr std::string_view kImportAliases[] = {"import"};

}  // namespace

const Command kImages{
    .name = "image ls",
    .aliases = kImagesAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] [REPOSITORY[:TAG]]",
    .summary = "List images",
    .details = "",
    .examples = {},
    .flags = kImagesFlags,
    .most_words = 1,
    .run = run_images,
};

const Command kRmi{
    .name = "image rm",
    .aliases = kRmiAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Remove images",
    .details = "",
    .examples = {},
    .flags = kRmiFlags,
    .least_words = 1,
    .run = run_rmi,
};

const Command kTag{
    .name = "image tag",
    .aliases = kTagAliases,
    .group = Group::Images,
    .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    .summary = "Add a name to an image",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 2,
    .most_words = 2,
    .run = run_tag,
};

const Command kHistory{
    .name = "image history",
    .aliases = kHistoryAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] IMAGE",
    .summary = "Show the history of an image",
    .details = "",
    .examples = {},
    .flags = kHistoryFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_history,
};

const Command kImagePrune{
    .name = "image prune",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS]",
    .summary = "Remove unused images",
    .details = "",
    .examples = {},
    .flags = kImagePruneFlags,
    .most_words = 0,
    .run = run_image_prune,
};

const Command kBuilderPrune{
    .name = "builder prune",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS]",
    .summary = "Remove build cache",
    .details = "",
    .examples = {},
    .flags = kBuilderPruneFlags,
    .most_words = 0,
    .run = run_builder_prune,
};

const Command kSave{
    .name = "image save",
    .aliases = kSaveAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Write images to a tar archive (stdout by default)",
    .details = "",
    .examples = {},
    .flags = kSaveFlags,
    .least_words = 1,
    .run = run_save,
};

const Command kLoad{
    .name = "image load",
    .aliases = kLoadAliases,
    .group = Group::Images,
    .usage = "[OPTIONS]",
    .summary = "Load images from a tar archive or stdin",
    .details = "",
    .examples = {},
    .flags = kLoadFlags,
    .most_words = 0,
    .run = run_load,
};

const Command kImport{
    .name = "image import",
    .aliases = kImportAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    .summary = "Create an image from the files of a tar archive",
    .details = "",
    .examples = {},
    .flags = kImportFlags,
    .least_words = 1,
    .most_words = 2,
    .run = run_import,
};

}  // namespace stack::cli::docker_cli
