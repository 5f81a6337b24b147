#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/session/change.h"

namespace stack::cli {

namespace {

constexpr Flag kScaleFlags[] = {kNoDepsFlag};
constexpr Example kScaleExamples[] = {
    {"stack scale web=3 worker=2", "run three containers of web and two of worker"}};

Result<int> run_scale(Session& session, const Arguments& arguments) {
  auto scale = parse_scale(arguments.words);
  if (!scale) return session.usage_error(scale.error().text());
  std::vector<std::string> services;
  for (const auto& [name, count] : scale->items()) services.push_back(name);
  TRY_ASSIGN(Json options, up_options(session, arguments, services));
  options["scale"] = *scale;
  options["no_recreate"] = true;
  TRY_ASSIGN(ResolvedProject project, load_or_stored(session, services));
  return run_change(
      session,
      {"scale", project_path(project.name, "/up"), {{"project", project.project}, {"options", options}}});
}

}  // namespace

const Command kScale{
    .name = "scale",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] SERVICE=N...",
    .summary = "Set the number of containers for services",
    .details = "",
    .examples = kScaleExamples,
    .flags = kScaleFlags,
    .least_words = 1,
    .run = run_scale,
};

}  // namespace stack::cli
