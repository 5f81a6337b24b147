#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/session/change.h"

namespace stack::cli {

namespace {

constexpr Flag kCreateFlags[] = {
    kBuildFlag,
    kNoBuildFlag,
    kForceRecreateFlag,
    kNoRecreateFlag,
    kPullFlag,
    kRemoveOrphansFlag,
    kQuietPullFlag,
    kScaleFlag,
    kYesFlag,
    {0, "no-docker-socket", FlagArity::Nothing, "", "Reject containers that mount the Docker socket"}};
constexpr Example kCreateExamples[] = {{"stack create", "create everything; `stack start` starts it"}};

Result<int> run_create(Session& session, const Arguments& arguments) {
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  (*options)["no_start"] = true;
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  TRY(refuse_scheduled_jobs(project));
  return run_change(
      session,
      {"create", project_path(project.name, "/up"), {{"project", project.project}, {"options", *options}}});
}

}  // namespace

const Command kCreate{
    .name = "create",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Create networks, volumes, and containers without starting them",
    .details = "",
    .examples = kCreateExamples,
    .flags = kCreateFlags,
    .words_are_services = true,
    .run = run_create,
};

}  // namespace stack::cli
