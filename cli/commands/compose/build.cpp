#include "cli/flags/build_options.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/session/change.h"

namespace stack::cli {

namespace {

constexpr Flag kBuildFlags[] = {
    {0, "no-cache", FlagArity::Nothing, "", "Run every step again"},
    {0, "pull", FlagArity::Nothing, "", "Get base images anew"},
    {0, "build-arg", FlagArity::Values, "NAME=VALUE",
     "Value of an ARG; NAME alone takes it from the environment"},
    {'q', "quiet", FlagArity::Nothing, "", "No output of the build"},
    {0, "with-dependencies", FlagArity::Nothing, "", "Build the services depended on too"},
    {'m', "memory", FlagArity::Value, "BYTES", ""},
    {0, "no-rm", FlagArity::Nothing, "", ""},
    {0, "force-rm", FlagArity::Nothing, "", ""},
    {0, "compress", FlagArity::Nothing, "", ""},
};
constexpr Example kBuildExamples[] = {
    {"stack build", "every service that has `build`"},
    {"stack build --no-cache web", "one service, from scratch"},
    {"stack build --build-arg VERSION=2 web", "with a build argument"},
};

Result<int> run_build(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  Json options = build_options(session.environment(), session.current_directory());
  options["no_cache"] = arguments.on("no-cache");
  options["pull"] = arguments.on("pull");
  options["args"] = build_arguments(arguments.all("build-arg"), session.environment());
  if (arguments.on("with-dependencies")) options["with_dependencies"] = true;
  Change change{"build",
                project_path(project.name, "/build"),
                {{"project", project.project}, {"options", options}, {"services", arguments.words}},
                true};
  ProgressStyle style = progress_style(session);
  style.show_build_output = true;
  style.quiet_build = arguments.on("quiet");
  if (style.quiet_build) style.mode = ProgressMode::Quiet;
  InterruptNotice notice(true);
  auto progress = make_progress(style, change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  return say_result(session, result);
}

}  // namespace

const Command kBuild{
    .name = "build",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Build the images of services",
    .details =
        "The proxy variables of the environment and the host's extra certificates are there for RUN steps, "
        "and\n"
        "never in the image (`stack help environment`).",
    .examples = kBuildExamples,
    .flags = kBuildFlags,
    .words_are_services = true,
    .run = run_build,
};

}  // namespace stack::cli
