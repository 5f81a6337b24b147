// stack deploy, plan, and down --target kubernetes
#include "orchestrator/targets/kubernetes/api/deploy.h"

#include "cli/cluster/deployment.h"
#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/kubernetes/project_objects.h"
#include "cli/cluster/project_images.h"
#include "cli/cluster/project_load.h"
#include "cli/cluster/report.h"
#include "cli/session/change.h"
#include "orchestrator/compose/places.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

namespace {

constexpr std::chrono::seconds kRemovalTimeout{120};

// Services whose failed update is undone.
std::set<std::string> rolling_back(const compose::Project& project) {
  std::set<std::string> out;
  for (const auto& [name, service] : project.services) {
    if (!service.deploy) continue;
    bool action =
        service.deploy->update_config && service.deploy->update_config->failure_action == "rollback";
    if (action || service.deploy->rollback_config) out.insert(name);
  }
  return out;
}

struct Prepared {
  compose::Loaded loaded;
  kube::Conversion conversion;
  targets::PlaceFinder place;
};

Result<std::unique_ptr<Prepared>> prepare(Session& session, const Arguments& arguments, bool transfer) {
  TRY_ASSIGN(compose::Loaded loaded, load_project(session, arguments.words));
  TRY_ASSIGN(auto images, project_images(session, loaded.project, arguments, transfer));
  auto out = std::make_unique<Prepared>();
  out->loaded = std::move(loaded);
  std::string credentials;
  if (arguments.is_set("with-registry-auth"))
    credentials = registry_config(session, image_names(out->loaded.project, images));
  out->conversion = convert_project(out->loaded, std::move(images), arguments.text("arch"), credentials);
  out->place = [prepared = out.get()](const std::string& pointer) {
    return compose::place_of(prepared->loaded, pointer);
  };
  if (arguments.is_set("strict")) {
    warn_of_losses(session, out->conversion.report);
    TRY(refuse_losses(out->conversion.report));
  }
  TRY(refuse_blocking(out->conversion.report));
  return out;
}

}  // namespace

Result<int> deploy_on_kubernetes(Session& session, const Arguments& arguments) {
  auto timeout = arguments.number("wait-timeout", 1);
  if (!timeout) return session.usage_error(timeout.error().text());
  if (session.globals().dry_run) return plan_on_kubernetes(session, arguments);
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::unique_ptr<Prepared> prepared, prepare(session, arguments, true));
  const compose::Project& project = prepared->loaded.project;
  warn_of_losses(session, prepared->conversion.report);
  TRY_ASSIGN(kube::ClusterPlan plan,
             kube::plan_deployment(cluster.resources(), project.name, prepared->conversion, prepared->place));
  remember_project(session, known_cluster(session, cluster), project.name);
  catch_interrupts();
  auto progress = make_progress(progress_style(session), "deploy");
  targets::DeployOptions options;
  options.wait = !arguments.is_set("detach");
  if (*timeout) options.timeout = std::chrono::seconds(**timeout);
  options.rolls_back = rolling_back(project);
  options.canceled = was_interrupted;
  options.on_line = [&](const Json& line) { progress->event(line); };
  targets::DeployResult result =
      kube::deploy(cluster.resources(), project.name, prepared->conversion, plan, prepared->place, options);
  progress->finish();
  if (!result.ok) return print_failure(session, result);
  return 0;
}

Result<int> plan_on_kubernetes(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", arguments.is_set("json") ? "json" : "text");
  if (format != "json" && format != "text")
    return session.usage_error("invalid value \"" + format + "\" for --format: must be text or json");
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::unique_ptr<Prepared> prepared, prepare(session, arguments, false));
  const std::string& project = prepared->loaded.project.name;
  TRY_ASSIGN(kube::ClusterPlan plan,
             kube::plan_deployment(cluster.resources(), project, prepared->conversion, prepared->place));
  return print_plan(session, kube::plan_json(plan, project), project, format);
}

Result<int> down_on_kubernetes(Session& session, const Arguments& arguments) {
  if (!arguments.words.empty())
    return session.usage_error(
        "`down` of single services is not supported on kubernetes; remove them from the file");
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(kube::ClusterPlan plan,
             kube::plan_removal(cluster.resources(), project, arguments.is_set("volumes")));
  if (session.globals().dry_run) return print_plan(session, kube::plan_json(plan, project), project, "text");
  catch_interrupts();
  auto progress = make_progress(progress_style(session), "down");
  targets::DeployOptions options;
  options.timeout = kRemovalTimeout;
  options.canceled = was_interrupted;
  options.on_line = [&](const Json& line) { progress->event(line); };
  targets::DeployResult result = kube::remove_project(cluster.resources(), project, plan, options);
  progress->finish();
  if (!result.ok) return print_failure(session, result);
  forget_project(session, known_cluster(session, cluster), project);
  return 0;
}

}  // namespace stack::cli::cluster
