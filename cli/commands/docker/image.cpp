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

namespace stack::cli {

namespace {

constexpr Flag kLsFlags[] = {
    kQuietFlag, kFormatFlag, kNoTruncFlag, kFilterFlag, {'a', "all", FlagArity::Nothing, "", ""}};
constexpr Example kLsExamples[] = {{"stack image ls", "every image in the store"}};

Json image_row(const Json& image, const std::string& reference, bool truncate) {
  RepositoryTag name = split_reference(reference);
  std::string id = string_or(image, "Id");
  return {{"Repository", name.repository},
          {"Tag", name.tag},
          {"ID", truncate ? short_id(id) : id},
          {"CreatedSince", ago(int_or(image, "Created"), seconds_now())},
          {"Size", decimal_size({int_or(image, "Size")})}};
}

Result<int> run_ls(Session& session, const Arguments& arguments) {
  auto query = filters_query(arguments.all("filter"));
  if (!query) return session.usage_error(query.error().text());
  TRY_ASSIGN(Json images, session.call("GET", "/images/json" + *query));
  std::vector<Json> rows;
  for (const Json& image : items_of(images)) {
    std::vector<std::string> references = strings_of(member(image, "RepoTags"));
    if (references.empty()) references = {""};
    for (const std::string& reference : references) {
      rows.push_back(image_row(image, reference, !arguments.on("no-trunc")));
    }
  }
  return print_rows(arguments, rows, {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"},
                    {"Repository", "Tag", "ID", "CreatedSince", "Size"}, "ID");
}

constexpr Flag kRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Even where a stopped container uses it"}};
constexpr Example kRmExamples[] = {{"stack image rm shop-web", "one image"}};

Result<int> run_rm(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  return remove_objects(session, arguments, "/images/", arguments.on("force") ? "?force=1" : "");
}

constexpr Flag kInspectFlags[] = {
    {'f', "format", FlagArity::Value, "TEMPLATE", "'{{.Config.Cmd}}', or json"}};
constexpr Example kInspectExamples[] = {
    {"stack image inspect debian:bookworm-slim", "all that is known of it"}};

Result<int> run_inspect(Session& session, const Arguments& arguments) {
  return inspect_objects(session, arguments, "/images/", "/json");
}

constexpr Example kBootstrapExamples[] = {
    {"stack image bootstrap debian:bookworm-slim", "a base image from this host's own package sources"}};

Result<int> run_bootstrap(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  Change change{"bootstrap", "/stack/v1/images/bootstrap", {{"reference", arguments.words[0]}}, true};
  InterruptNotice notice(true);
  auto progress = make_progress(progress_style(session), change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  return say_result(session, result);
}

constexpr std::string_view kLsAliases[] = {"image list"};
constexpr std::string_view kRmAliases[] = {"image remove", "rmi"};

}  // namespace

const Command kImageLs{
    .name = "image ls",
    .aliases = kLsAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "List images",
    .details = "",
    .examples = kLsExamples,
    .flags = kLsFlags,
    .most_words = 0,
    .run = run_ls,
};

const Command kImageRm{
    .name = "image rm",
    .aliases = kRmAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Remove images",
    .details = "",
    .examples = kRmExamples,
    .flags = kRmFlags,
    .least_words = 1,
    .run = run_rm,
};

const Command kImageInspect{
    .name = "image inspect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Show all that is known of images",
    .details = "",
    .examples = kInspectExamples,
    .flags = kInspectFlags,
    .least_words = 1,
    .run = run_inspect,
};

const Command kImageBootstrap{
    .name = "image bootstrap",
    .aliases = {},
    .group = Group::Objects,
    .usage = "IMAGE",
    .summary = "Make a Debian base image from the host's package sources",
    .details = "No registry is needed: mmdebstrap installs the packages that this host's apt would.",
    .examples = kBootstrapExamples,
    .flags = {},
    .least_words = 1,
    .most_words = 1,
    .run = run_bootstrap,
};

}  // namespace stack::cli
