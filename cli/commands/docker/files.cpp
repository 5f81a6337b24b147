// docker cp, export, commit.
#include "base/text.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "cli/session/body_file.h"
#include "cli/session/container_copy.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kCpFlags[] = {
    {'a', "archive", FlagArity::Nothing, "", "Keep the owners of files"},
    {'L', "follow-link", FlagArity::Nothing, "", "Follow symbolic links in the source path"},
    {'q', "quiet", FlagArity::Nothing, "", "Do not show progress"},
};

// "CONTAINER:PATH", "PATH" or "-".
struct Place {
  std::string container;
  std::string path;
};

Place parse_place(const std::string& word) {
  size_t colon = word.find(':');
  if (word.starts_with('/') || word.starts_with('.') || colon == std::string::npos) return {"", word};
  std::string path = word.substr(colon + 1);
  return {word.substr(0, colon), path.starts_with('/') ? path : "/" + path};
}

Result<CopyContainer> find_container(Session& session, const std::string& name) {
  TRY_ASSIGN(Json details, ask(session, "GET", container_path(name, "/json")));
  return CopyContainer{string_or(details, "Id"), name};
}

void tell(const Session& session, const Arguments& arguments, const std::string& container, bool in) {
  if (arguments.is_set("quiet") || !session.err().is_terminal) return;
  print_message(in ? "Successfully copied to " + container : "Successfully copied from " + container);
}

Result<int> run_cp(Session& session, const Arguments& arguments) {
  Place from = parse_place(arguments.words[0]);
  Place to = parse_place(arguments.words[1]);
  if (!from.container.empty() && !to.container.empty())
    return Error("copying between containers is not supported");
  if (from.container.empty() && to.container.empty())
    return Error("must specify at least one container source");
  bool out = !from.container.empty();
  TRY_ASSIGN(CopyContainer container, find_container(session, out ? from.container : to.container));
  if (out) {
    if (to.path == "-" && session.out().is_terminal)
      return Error("refusing to write an archive to a terminal; use a file or a pipe");
    TRY(copy_from_container(session, container, from.path, to.path, arguments.is_set("follow-link")));
  } else {
    TRY(copy_to_container(session, container, from.path, to.path,
                          {arguments.is_set("follow-link"), arguments.is_set("archive")}));
  }
  if (to.path != "-") tell(session, arguments, container.name, !out);
  return 0;
}

constexpr Flag kExportFlags[] = {
    {'o', "output", FlagArity::Value, "string", "Write to a file instead of stdout"}};

Result<int> run_export(Session& session, const Arguments& arguments) {
  std::string file = arguments.text("output");
  if (file.empty() && session.out().is_terminal)
    return Error("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  Result<> written = write_body(session, container_path(arguments.words[0], "/export"), file);
  if (!written) return daemon_error(written.error());
  return 0;
}

constexpr Flag kCommitFlags[] = {
    {'a', "author", FlagArity::Value, "string", "Author (John Hannibal Smith <hannibal@a-team.com>)"},
    {'c', "change", FlagArity::Values, "list", "Apply a Dockerfile instruction to the new image"},
    {'m', "message", FlagArity::Value, "string", "Commit message"},
    {'p', "pause", FlagArity::Nothing, "", "Pause the container during the commit (default true)"},
};

Result<int> run_commit(Session& session, const Arguments& arguments) {
  http::Query query;
  query.add("container", arguments.words[0]);
  if (arguments.words.size() > 1) add_image_name(query, arguments.words[1], "");
  query.add("comment", arguments.text("message"));
  query.add("author", arguments.text("author"));
  query.add("pause", arguments.is_set("pause", true) ? "1" : "0");
  for (const std::string& change : arguments.all("change")) query.add("changes", change);
  TRY_ASSIGN(Json made, ask(session, "POST", "/commit" + query.text()));
  print_line(string_or(made, "Id"));
  return 0;
}

constexpr std::string_view kCpAliases[] = {"cp"};
constexpr std::string_view kExportAliases[] = {"export"};
constexpr std::string_view kCommitAliases[] = {"commit"};

}  // namespace

const Command kCp{
    .name = "container cp",
    .aliases = kCpAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    .summary = "Copy files between a container and the host",
    .details = "",
    .examples = {},
    .flags = kCpFlags,
    .least_words = 2,
    .most_words = 2,
    .run = run_cp,
};

const Command kExport{
    .name = "container export",
    .aliases = kExportAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Export a container's file system as a tar archive",
    .details = "",
    .examples = {},
    .flags = kExportFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_export,
};

const Command kCommit{
    .name = "container commit",
    .aliases = kCommitAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    .summary = "Create an image from a container's changes",
    .details = "",
    .examples = {},
    .flags = kCommitFlags,
    .least_words = 1,
    .most_words = 2,
    .run = run_commit,
};

}  // namespace stack::cli::docker_cli
