// Actions on images.
#include "base/log.h"
#include "engine/api/docker_view.h"
#include "engine/api/image_transfer.h"
#include "engine/project/actions.h"

namespace stack::engine {

using namespace orchestrator;

namespace {

// Shows the lines of a build under a service's name.
BuildSink build_sink(const ActionContext& context, std::string service) {
  return [command = context.command, service](const BuildLine& line) {
    // How long a step took is told only if somebody has waited for it.
    bool quick = line.event.kind == builder::BuildEventKind::StepDone && line.event.seconds < 0.1;
    if (!line.text.empty() && !quick) command->tell(build_event(service, line));
  };
}

// Records the inputs of the build, so that later changes are noticed.
void remember(const ActionContext& context, const BuildImage& action, const std::string& image_id) {
  if (action.inputs.empty()) return;
  BuildRecords& records = context.parts.builds.records();
  BuildRecord record{image_id, records.quick_of(action.inputs), action.inputs};
  for (const std::string& base : action.bases)
    if (auto image = context.parts.containers.parts().images.find(base)) record.bases[base] = image->id;
  std::vector<std::string> references = action.also;
  references.push_back(action.image.reference);
  for (const std::string& reference : references) {
    Result<> kept = records.remember(reference, record);
    if (!kept) log_warning("image " + reference + ": " + kept.error().text());
  }
}

}  // namespace

ActionTask carry_out(ActionContext context, BuildImage action) {
  const DesiredImage& image = action.image;
  Result<builder::BuildRequest> request =
      BuildService::request_of(*image.build, image.reference, context.settings);
  CO_TRY(request);
  Result<std::vector<Reference>> also = parse_tags(action.also);
  CO_TRY(also);
  request->tags.insert(request->tags.end(), also->begin(), also->end());
  for (const BuildSecretSource& secret : image.secrets)
    request->secrets.push_back({secret.id, secret.file, secret.content, secret.uid, secret.gid, secret.mode});
  Result<SshAgents> agents =
      co_await context.parts.builds.open_ssh(image.build->ssh, context.settings.ssh_socket);
  CO_TRY(agents);
  request->ssh = agents->sockets();
  BuildSink sink = build_sink(context, image.services.empty() ? image.reference : image.services.front());
  auto built = co_await context.parts.builds.build(std::move(*request), std::move(sink), context.stop);
  if (!built) co_return ActionError(built.error().error, built.error().output);
  remember(context, action, built->image_id);
  co_return built->image_id;
}

ActionTask carry_out(ActionContext context, PullImage action) {
  if (!action.refresh)
    if (auto local = context.parts.containers.parts().images.find(action.reference)) co_return local->id;
  BuildSink lines = [command = context.command, id = context.id](const BuildLine& line) {
    if (!line.text.empty()) command->tell({{"event", "pull"}, {"id", id}, {"text", line.text}});
  };
  TransferSink transfers = [command = context.command, id = context.id](const TransferEvent& event) {
    command->tell(transfer_event(false, id, event));
  };
  RegistryService::Wanted wanted{action.reference, action.platform,
                                 context.parts.registries.caller_of(context.settings.caller)};
  Result<std::string> pulled = co_await context.parts.builds.obtain(std::move(wanted), std::move(transfers),
                                                                    std::move(lines), context.stop);
  CO_TRY(pulled);
  co_return *pulled;
}

ActionTask carry_out(ActionContext context, RemoveImage action) {
  auto& store = context.parts.containers.parts().images;
  auto work = [&store, reference = action.reference, users = image_users(context.parts.engine)] {
    return store.remove(reference, false, users);
  };
  Result<images::RemovedImages> removed = co_await offload(context.parts.engine.pool, work);
  if (!removed && removed.error().kind() != ErrorKind::NotFound) co_return std::move(removed).error();
  co_return ActionResult();
}

}  // namespace stack::engine
