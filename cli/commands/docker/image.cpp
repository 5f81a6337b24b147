// The commands `stack image ...`.
#include <unistd.h>

#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/image_rows.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kImageLsFlags[] = {
    kQuietFlag, kFormatFlag, kNoTruncFlag, kFilterFlag, {'a', "all", FlagArity::Nothing, "", ""}};
constexpr Example kImageLsExamples[] = {{"stack image ls", "list all images"}};

Json image_row(const Json& image, const std::string& reference, bool truncate) {
  RepositoryTag name = split_reference(reference);
  std::string id = string_or(image, "Id");
  return {{"Repository", name.repository},
          {"Tag", name.tag},
          {"ID", truncate ? short_id(id) : id},
          {"CreatedSince", ago(int_or(image, "Created"), seconds_now())},
          {"Size", decimal_size({int_or(image, "Size")})}};
}

Result<int> run_image_ls(Session& session, const Arguments& arguments) {
  auto query = filters_query(arguments.all("filter"));
  if (!query) return session.usage_error(query.error().text());
  TRY_ASSIGN(Json images, session.call("GET", "/images/json" + *query));
  std::vector<Json> rows;
  for (const Json& image : items_of(images)) {
    std::vector<std::string> references = strings_of(member(image, "RepoTags"));
    if (references.empty()) references = {""};
    for (const std::string& reference : references) {
      rows.push_back(image_row(image, reference, !arguments.is_set("no-trunc")));
    }
  }
  return print_rows(arguments, rows, {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"},
                    {"Repository", "Tag", "ID", "CreatedSince", "Size"}, "ID");
}

constexpr Flag kImageRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Remove the image even if a stopped container uses it"}};
constexpr Example kImageRmExamples[] = {{"stack image rm shop-web", "remove one image"}};

Result<int> run_image_rm(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  return remove_objects(session, arguments, "/images/", arguments.is_set("force") ? "?force=1" : "");
}

constexpr Flag kImageInspectFlags[] = {
    {'f', "format", FlagArity::Value, "TEMPLATE", "'{{.Config.Cmd}}', or json"}};
constexpr Example kImageInspectExamples[] = {
    {"stack image inspect debian:bookworm-slim", "show its configuration and layers"}};

Result<int> run_image_inspect(Session& session, const Arguments& arguments) {
  return inspect_objects(session, arguments, "image.InspectResponse", "/images/", "/json");
}

constexpr Example kImageBootstrapExamples[] = {
    {"stack image bootstrap debian:bookworm-slim", "build a base image from the host's package sources"}};

Result<int> run_image_bootstrap(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  Change change{"bootstrap", "/stack/v1/images/bootstrap", {{"reference", arguments.words[0]}}, true};
  InterruptNotice notice(true);
  auto progress = make_progress(progress_style(session), change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  return say_result(session, result);
}

constexpr Example kImageTagExamples[] = {
    {"stack image tag shop-web registry:5000/shop-web:1.2", "add a second name"}};

Result<int> run_image_tag(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  http::Query query;
  query.add("repo", arguments.words[1]);
  TRY(session.call("POST", "/images/" + http::percent_encode(arguments.words[0]) + "/tag" + query.text()));
  return 0;
}

constexpr Flag kImageHistoryFlags[] = {
    kQuietFlag, kFormatFlag, kNoTruncFlag, {'H', "human", FlagArity::Nothing, "", ""}};
constexpr Example kImageHistoryExamples[] = {
    {"stack image history shop-web", "show the build steps, newest first"}};

Json image_history_row(const Json& entry, bool truncate) {
  std::string id = string_or(entry, "Id");
  std::string made_by = string_or(entry, "CreatedBy");
  if (truncate && made_by.size() > 45) made_by = made_by.substr(0, 44) + "…";
  return {{"ID", truncate ? short_id(id) : id},
          {"CreatedSince", ago(int_or(entry, "Created"), seconds_now())},
          {"CreatedBy", made_by},
          {"Size", decimal_size({int_or(entry, "Size")})},
          {"Comment", string_or(entry, "Comment")}};
}

Result<int> run_image_history(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json history,
             session.call("GET", "/images/" + http::percent_encode(arguments.words[0]) + "/history"));
  std::vector<Json> rows;
  for (const Json& entry : items_of(history))
    rows.push_back(image_history_row(entry, !arguments.is_set("no-trunc")));
  return print_rows(arguments, rows, {"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"},
                    {"ID", "CreatedSince", "CreatedBy", "Size", "Comment"}, "ID");
}

constexpr std::string_view kImageTagAliases[] = {"tag"};
constexpr std::string_view kImageHistoryAliases[] = {"history"};
constexpr std::string_view kImageLsAliases[] = {"image list"};
constexpr std::string_view kImageRmAliases[] = {"image remove", "rmi"};

}  // namespace

const Command kImageLs{
    .name = "image ls",
    .aliases = kImageLsAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "List images",
    .details = "",
    .examples = kImageLsExamples,
    .flags = kImageLsFlags,
    .most_words = 0,
    .run = run_image_ls,
};

const Command kImageRm{
    .name = "image rm",
    .aliases = kImageRmAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Remove images",
    .details = "",
    .examples = kImageRmExamples,
    .flags = kImageRmFlags,
    .least_words = 1,
    .run = run_image_rm,
};

const Command kImageInspect{
    .name = "image inspect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Show details of images",
    .details = "",
    .examples = kImageInspectExamples,
    .flags = kImageInspectFlags,
    .least_words = 1,
    .run = run_image_inspect,
};

const Command kImageTag{
    .name = "image tag",
    .aliases = kImageTagAliases,
    .group = Group::Objects,
    .usage = "IMAGE NAME[:TAG]",
    .summary = "Add a name to an image",
    .details = "",
    .examples = kImageTagExamples,
    .flags = {},
    .least_words = 2,
    .most_words = 2,
    .run = run_image_tag,
};

const Command kImageHistory{
    .name = "image history",
    .aliases = kImageHistoryAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE",
    .summary = "Show the build steps of an image",
    .details = "",
    .examples = kImageHistoryExamples,
    .flags = kImageHistoryFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_image_history,
};

const Command kImageBootstrap{
    .name = "image bootstrap",
    .aliases = {},
    .group = Group::Objects,
    .usage = "IMAGE",
    .summary = "Create a Debian base image from the host's package sources",
    .details = "Uses mmdebstrap and the host's apt sources; does not need a registry.",
    .examples = kImageBootstrapExamples,
    .flags = {},
    .least_words = 1,
    .most_words = 1,
    .run = run_image_bootstrap,
};

}  // namespace stack::cli
