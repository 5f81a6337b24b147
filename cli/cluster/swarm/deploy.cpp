// stack deploy, plan, and down --target swarm
#include "orchestrator/targets/swarm/api/deploy.h"

#include <chrono>
#include <thread>

#include "base/text.h"
#include "cli/cluster/deployment.h"
#include "cli/cluster/project_load.h"
#include "cli/cluster/report.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/member.h"
#include "http/wire/query.h"
#include "orchestrator/compose/places.h"
#include "orchestrator/targets/swarm/api/node_choice.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

struct SwarmDraft {
  compose::Loaded loaded;
  std::map<std::string, targets::ImageFacts> images;
  swarm::LiveProject live;
  swarm::Conversion conversion;
  swarm::SwarmPlan plan;
  targets::PlaceFinder place;
};

Result<std::unique_ptr<SwarmDraft>> prepare_swarm(Session& session, swarm::DockerConnection& docker,
                                                  const Arguments& arguments, bool transfer) {
  auto out = std::make_unique<SwarmDraft>();
  TRY_ASSIGN(out->loaded, load_project(session, arguments.words));
  const compose::Project& project = out->loaded.project;
  TRY_ASSIGN(out->live, swarm::read_project(docker, project.name));
  TRY_ASSIGN(std::vector<Json> tasks, swarm::read_tasks(docker, project.name));
  TRY_ASSIGN(out->images, swarm_images(session, docker, out->live, project, arguments, transfer));
  std::vector<std::string> warnings;
  out->conversion =
      convert_online(out->loaded, out->images, docker.api_version(), out->live, tasks, warnings);
  out->place = [draft = out.get()](const std::string& pointer) {
    return compose::place_of(draft->loaded, pointer);
  };
  if (arguments.is_set("strict")) {
    warn_of_losses(session, out->conversion.report);
    TRY(refuse_losses(out->conversion.report));
  }
  TRY(refuse_blocking(out->conversion.report));
  TRY_ASSIGN(out->plan,
             swarm::plan_deployment(docker, out->live, tasks, project.name, out->conversion, out->place));
  out->plan.warnings = std::move(warnings);
  return out;
}

void print_warnings(const Session& session, const std::vector<std::string>& warnings) {
  if (session.globals().progress == ProgressMode::Quiet) return;
  for (const std::string& warning : warnings)
    print_message(paint("warning:", Color::Yellow, session.err().color) + " " + warning);
}

swarm::SwarmDeployOptions swarm_options(Progress& progress) {
  swarm::SwarmDeployOptions options;
  options.canceled = was_interrupted;
  options.on_line = [&progress](const Json& line) { progress.event(line); };
  return options;
}

// The project's volumes on the manager; those of other nodes can only be named.
Result<> remove_volumes(const Session& session, swarm::DockerConnection& docker, const std::string& project,
                        const swarm::LiveProject& live) {
  TRY_ASSIGN(Json listed, docker.call("GET", swarm::labeled("/volumes", std::string(swarm::kNamespaceLabel) +
                                                                            "=" + project)));
  const Json& volumes = member(listed, "Volumes");
  for (const Json& volume : items_of(volumes)) {
    std::string name = string_or(volume, "Name");
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      auto removed = docker.call("DELETE", "/volumes/" + http::percent_encode(name));
      if (removed || removed.error().kind() == ErrorKind::NotFound) break;
      if (removed.error().kind() != ErrorKind::Conflict || std::chrono::steady_clock::now() > end)
        return std::move(removed).error().in("remove volume " + name);
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
  }
  std::vector<std::string> warnings;
  for (const auto& [volume, node] : swarm::remembered_nodes(live)) {
    const swarm::SwarmNode* there = live.node(node);
    if (node != live.own_node)
      warnings.push_back("volume " + volume + " is on node " + (there == nullptr ? node : there->name) +
                         "; remove it there: docker volume rm " + volume);
  }
  print_warnings(session, warnings);
  return {};
}

}  // namespace

Result<int> deploy_on_swarm(Session& session, const Arguments& arguments) {
  auto timeout = arguments.number("wait-timeout", 1);
  if (!timeout) return session.usage_error(timeout.error().text());
  if (session.globals().dry_run) return plan_on_swarm(session, arguments);
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::unique_ptr<SwarmDraft> draft, prepare_swarm(session, *docker, arguments, true));
  const compose::Project& project = draft->loaded.project;
  warn_of_losses(session, draft->conversion.report);
  print_warnings(session, draft->plan.warnings);
  remember_project(session, known_swarm(session), project.name);
  catch_interrupts();
  auto progress = make_progress(progress_style(session), "deploy");
  swarm::SwarmDeployOptions options = swarm_options(*progress);
  options.wait = !arguments.is_set("detach");
  if (*timeout) options.timeout = std::chrono::seconds(**timeout);
  if (arguments.is_set("with-registry-auth"))
    options.registry_auth = registry_headers(session, image_names(project, draft->images));
  targets::DeployResult result = swarm::deploy(*docker, project.name, draft->conversion, draft->plan,
                                               draft->live, draft->place, options);
  progress->finish();
  return result.ok ? 0 : print_failure(session, result);
}

Result<int> plan_on_swarm(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", arguments.is_set("json") ? "json" : "text");
  if (format != "json" && format != "text")
    return session.usage_error("invalid value \"" + format + "\" for --format: must be text or json");
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::unique_ptr<SwarmDraft> draft, prepare_swarm(session, *docker, arguments, false));
  const std::string& project = draft->loaded.project.name;
  return print_plan(session, swarm::plan_json(draft->plan, project), project, format);
}

Result<int> down_on_swarm(Session& session, const Arguments& arguments) {
  if (!arguments.words.empty())
    return session.usage_error(
        "`down` of single services is not supported on a swarm; remove them from the file");
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(swarm::LiveProject live, swarm::read_project(*docker, project));
  bool volumes = arguments.is_set("volumes");
  swarm::SwarmPlan plan = swarm::plan_removal(live, volumes);
  if (session.globals().dry_run) return print_plan(session, swarm::plan_json(plan, project), project, "text");
  catch_interrupts();
  auto progress = make_progress(progress_style(session), "down");
  swarm::SwarmDeployOptions options = swarm_options(*progress);
  targets::DeployResult result = swarm::remove_project(*docker, project, plan, options);
  progress->finish();
  if (!result.ok) return print_failure(session, result);
  forget_project(session, known_swarm(session), project);
  if (volumes) TRY(remove_volumes(session, *docker, project, live));
  return 0;
}

}  // namespace stack::cli::cluster
