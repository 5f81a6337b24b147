#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/containers.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kCommitFlags[] = {
    {'a', "author", FlagArity::Value, "AUTHOR", "Author, for example \"Jane Doe <jane@example.com>\""},
    {'c', "change", FlagArity::Values, "INSTRUCTION",
     "Dockerfile instruction to apply: CMD, ENV, EXPOSE, LABEL, USER, ..."},
    kIndexFlag,
    {'m', "message", FlagArity::Value, "TEXT", "Commit message for the image's history"},
    {'p', "pause", FlagArity::Nothing, "", "Pause the container during the commit (default: true)"},
};
constexpr Example kCommitExamples[] = {
    {"stack commit web shop-web:patched", "save the container's current state as an image"},
    {"stack commit -c 'CMD [\"nginx\"]' -m 'after the repair' web shop-web", "change the command as well"}};

// "localhost:5000/web:1" -> repository and tag.
std::pair<std::string, std::string> split_tag(const std::string& reference) {
  size_t colon = reference.rfind(':');
  if (colon == std::string::npos || reference.find('/', colon) != std::string::npos) return {reference, ""};
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

Result<int> run_commit(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(Container container, find_container(session, project_name, arguments.words[0],
                                                 index->value_or(0), ContainerFilter::All));
  http::Query query;
  query.add("container", container.id);
  if (arguments.words.size() > 1) {
    auto [repository, tag] = split_tag(arguments.words[1]);
    query.add("repo", repository);
    query.add("tag", tag);
  }
  query.add("comment", arguments.text("message"));
  query.add("author", arguments.text("author"));
  query.add("pause", arguments.is_set("pause", true) ? "1" : "0");
  for (const std::string& change : arguments.all("change")) query.add("changes", change);
  TRY_ASSIGN(Json made, session.call("POST", "/commit" + query.text()));
  print_line(string_or(made, "Id"));
  return 0;
}

}  // namespace

const Command kCommit{
    .name = "commit",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] SERVICE [REPOSITORY[:TAG]]",
    .summary = "Create an image from a container's file system",
    .details = "",
    .examples = kCommitExamples,
    .flags = kCommitFlags,
    .least_words = 1,
    .most_words = 2,
    .words_are_services = true,
    .run = run_commit,
};

}  // namespace stack::cli
