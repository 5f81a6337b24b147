#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/body_file.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

constexpr Flag kExportFlags[] = {
    kIndexFlag,
    {'o', "output", FlagArity::Value, "FILE", "Write to a file (default: stdout)"},
};
constexpr Example kExportExamples[] = {
    {"stack export -o web.tar web", "save the files of web, without its volumes"},
    {"stack export web | tar t", "list the files"}};

Result<int> run_export(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  std::string file = arguments.text("output");
  if (file.empty() && session.out().is_terminal)
    return session.usage_error("refusing to write an archive to a terminal; use --output or a pipe");
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(Container container, find_container(session, project_name, arguments.words[0],
                                                 index->value_or(0), ContainerFilter::All));
  TRY(write_body(session, "/containers/" + container.id + "/export", file));
  return 0;
}

}  // namespace

const Command kExport{
    .name = "export",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] SERVICE",
    .summary = "Export a container's file system as a tar archive",
    .details = "Volumes and other mounts are not included.",
    .examples = kExportExamples,
    .flags = kExportFlags,
    .least_words = 1,
    .most_words = 1,
    .words_are_services = true,
    .run = run_export,
};

}  // namespace stack::cli
