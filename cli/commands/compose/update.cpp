// `stack update`: newer images, one replica after another, and the previous containers again if the new ones fail.
#include <map>

#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "http/wire/query.h"
#include "model/image_reference.h"

namespace stack::cli {

namespace {

constexpr Flag kUpdateFlags[] = {
    {0, "pull", FlagArity::Value, "POLICY", "When to pull images: always (default), missing, or never"},
    kBuildFlag,
    kNoDepsFlag,
    kTimeoutFlag,
    kQuietPullFlag,
};
constexpr Example kUpdateExamples[] = {
    {"stack update", "pull newer images and replace the containers that use them"},
    {"stack update web", "update one service and its dependencies"},
    {"stack update --dry-run", "show what would be replaced"},
};

// The image of each service's containers, by service.
std::map<std::string, std::string> images_of(const std::vector<Container>& containers) {
  std::map<std::string, std::string> images;
  for (const Container& one : containers) images[one.service] = one.image_id;
  return images;
}

// After a rollback, the name of an image belongs to the new image that failed. Gives it back to the image that the
// containers still use, so that the next `up` does not repeat the failure.
Result<> restore_name(Session& session, const std::string& image, const std::string& id) {
  auto named = session.call("GET", "/images/" + http::percent_encode(image) + "/json");
  if (named && string_or(*named, "Id") == id) return {};
  Result<Reference> reference = parse_reference(image);
  if (!reference || !reference->digest.empty()) return {};
  http::Query query;
  query.add("repo", reference->familiar_name());
  query.add("tag", reference->tag);
  TRY_ASSIGN(Json done, session.call("POST", "/images/" + http::percent_encode(id) + "/tag" + query.text()));
  (void)done;
  print_message("image " + reference->familiar() + " is " + short_id(id) + " again");
  return {};
}

Result<> restore_names(Session& session, const ResolvedProject& project,
                       const std::map<std::string, std::string>& before) {
  TRY_ASSIGN(std::vector<Container> containers, list_containers(session, project.name, ContainerFilter::All));
  for (const auto& [service, id] : images_of(containers)) {
    auto former = before.find(service);
    std::string image = string_or(member(member(project.project, "services"), service), "image");
    if (former == before.end() || former->second != id || image.empty()) continue;
    TRY(restore_name(session, image, id));
  }
  return {};
}

Result<int> run_update(Session& session, const Arguments& arguments) {
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  (*options)["roll_back"] = true;
  (*options)["wait"] = true;
  if (!arguments.given("pull")) (*options)["pull"] = "always";
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  Change change{
      "update", project_path(project.name, "/up"), {{"project", project.project}, {"options", *options}}};
  if (session.globals().dry_run) return show_plan(session, change);
  TRY_ASSIGN(std::vector<Container> containers, list_containers(session, project.name, ContainerFilter::All));
  const std::map<std::string, std::string> before = images_of(containers);
  ProgressStyle style = progress_style(session);
  style.quiet_pull = arguments.is_set("quiet-pull");
  auto progress = make_progress(style, change.title);
  InterruptNotice notice(false);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  progress->finish();
  if (!result.ok) TRY(restore_names(session, project, before));
  if (result.ok && result.changed == 0 && session.globals().progress != ProgressMode::JsonLines)
    print_message(" Project " + project.name + "  Up to date");
  return say_result(session, result);
}

}  // namespace

const Command kUpdate{
    .name = "update",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Pull newer images and replace containers, with rollback",
    .details =
        "Replicas are replaced one after another. A new container must become healthy, or run for five "
        "seconds if it\n"
        "has no health check; otherwise the previous containers and images are restored and the exit code is "
        "1.\n"
        "deploy.update_config sets batch size, order, and times.",
    .examples = kUpdateExamples,
    .flags = kUpdateFlags,
    .words_are_services = true,
    .run = run_update,
};

}  // namespace stack::cli
