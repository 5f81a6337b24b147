#include "cli/commands/compose/push.h"
#include "cli/flags/build_options.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kBuildFlags[] = {
    {0, "no-cache", FlagArity::Nothing, "", "Do not use the build cache"},
    {0, "pull", FlagArity::Nothing, "", "Pull base images even if they are present"},
    {0, "build-arg", FlagArity::Values, "NAME=VALUE",
     "Set a build argument; NAME alone takes the caller's value"},
    {'q', "quiet", FlagArity::Nothing, "", "Do not show build output"},
    {0, "with-dependencies", FlagArity::Nothing, "", "Also build the dependencies of the services"},
    {0, "ssh", FlagArity::Values, "ID[=PATH]", "Add SSH agents or keys for RUN --mount=type=ssh"},
    {0, "check", FlagArity::Nothing, "", "Check the build configuration without building"},
    {0, "print", FlagArity::Nothing, "", "Print the builds as a Bake file"},
    {0, "push", FlagArity::Nothing, "", "Push the images after building"},
    {0, "builder", FlagArity::Value, "NAME", ""},
    {0, "provenance", FlagArity::Value, "MODE",
     "Record how the images were built: true, mode=min, or mode=max"},
    {0, "sbom", FlagArity::Value, "MODE", "Record the packages of the images: true"},
    {0, "parallel", FlagArity::Nothing, "", ""},
    {'m', "memory", FlagArity::Value, "BYTES", ""},
    {0, "no-rm", FlagArity::Nothing, "", ""},
    {0, "force-rm", FlagArity::Nothing, "", ""},
    {0, "compress", FlagArity::Nothing, "", ""},
};
constexpr Example kBuildExamples[] = {
    {"stack build", "build every service that has `build`"},
    {"stack build --no-cache web", "build one service without the cache"},
    {"stack build --build-arg VERSION=2 web", "set a build argument"},
};

// The services to build, by name.
std::map<std::string, Json> built_services(const Json& project, const std::vector<std::string>& wanted) {
  std::map<std::string, Json> built;
  for (const auto& [name, service] : member(project, "services").items()) {
    bool named = wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    if (named && member(service, "build").is_object()) built[name] = service;
  }
  return built;
}

// https://docs.docker.com/build/bake/reference/, JSON form.
Json bake_file(const std::string& project_name, const Json& project, const std::vector<std::string>& wanted) {
  Json file{{"group", {{"default", {{"targets", Json::array()}}}}}, {"target", Json::object()}};
  for (const auto& [name, service] : built_services(project, wanted)) {
    const Json& build = member(service, "build");
    Json target{{"context", string_or(build, "context")}};
    for (const auto& [key, bake_key] : {std::pair{"dockerfile", "dockerfile"},
                                        {"dockerfile_inline", "dockerfile-inline"},
                                        {"args", "args"},
                                        {"labels", "labels"},
                                        {"target", "target"},
                                        {"additional_contexts", "contexts"},
                                        {"ssh", "ssh"}})
      if (build.contains(key)) target[bake_key] = build[key];
    Json tags = build.value("tags", Json::array());
    tags.push_back(string_or(service, "image", project_name + string_or(project, "separator", "-") + name));
    target["tags"] = std::move(tags);
    target["output"] = {"type=docker"};
    file["group"]["default"]["targets"].push_back(name);
    file["target"][name] = std::move(target);
  }
  return file;
}

void add_ssh(Json& project, const std::vector<std::string>& wanted, const std::vector<std::string>& ssh) {
  if (ssh.empty()) return;
  for (const auto& [name, service] : built_services(project, wanted)) {
    Json& list = project["services"][name]["build"]["ssh"];
    for (const std::string& agent : ssh) list.push_back(agent);
  }
}

// Overrides the services' own settings.
void set_attestations(Json& project, const Arguments& arguments) {
  for (const char* key : {"provenance", "sbom"}) {
    std::string value = arguments.text(key);
    if (value.empty()) continue;
    for (const auto& [name, service] : built_services(project, arguments.words))
      project["services"][name]["build"][key] = value;
  }
}

Result<int> run_build(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  add_ssh(project.project, arguments.words, arguments.all("ssh"));
  set_attestations(project.project, arguments);
  if (arguments.is_set("print")) {
    print(bake_file(project.name, project.project, arguments.words).dump(2) + "\n");
    return 0;
  }
  Json options = build_options(session.environment(), session.current_directory());
  options["no_cache"] = arguments.is_set("no-cache");
  options["pull"] = arguments.is_set("pull");
  options["args"] = build_arguments(arguments.all("build-arg"), session.environment());
  if (arguments.is_set("with-dependencies")) options["with_dependencies"] = true;
  Change change{"build",
                project_path(project.name, "/build"),
                {{"project", project.project}, {"options", options}, {"services", arguments.words}},
                true};
  if (session.globals().dry_run || arguments.is_set("check")) return show_plan(session, change);
  ProgressStyle style = progress_style(session);
  style.show_build_output = true;
  style.quiet_build = arguments.is_set("quiet");
  style.classic_build = session.globals().as_docker_compose;
  if (style.quiet_build) style.mode = ProgressMode::Quiet;
  InterruptNotice notice(true);
  auto progress = make_progress(style, change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  if (!result.ok || !arguments.is_set("push")) return say_result(session, result);
  ImageTransferOptions push;
  push.push = true;
  push.quiet = style.quiet_build;
  return push_services(session, project, arguments.words, arguments.is_set("with-dependencies"), push);
}

}  // namespace

const Command kBuild{
    .name = "build",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Build service images",
    .details =
        "RUN steps receive the caller's proxy variables and the host's additional certificates.\n"
        "The image does not contain them (`stack help environment`).",
    .examples = kBuildExamples,
    .flags = kBuildFlags,
    .words_are_services = true,
    .run = run_build,
};

}  // namespace stack::cli
