#include "engine/container/container_removal.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "engine/container/leftovers.h"

namespace stack::engine {

namespace {

constexpr size_t kRemembered = 1000;

}  // namespace

std::optional<int> ContainerRemoval::exit_code_of(const std::string& id) const {
  for (const auto& [removed, exit_code] : removed_)
    if (removed == id) return exit_code;
  return std::nullopt;
}

Task<> ContainerRemoval::discard(ContainerPtr container) {
  auto work = [paths = context_.paths, id = container->id, name = container->spec.name,
               cgroup = facts_.cgroup_path(*container), cgroups = parts_.cgroups, &store = parts_.volumes,
               volumes = volumes_.owned_by(*container)] {
    auto note = [&name](const Result<>& done) {
      if (!done && done.error().kind() != ErrorKind::NotFound)
        log_warning("container " + name + ": " + done.error().text());
    };
    for (const std::string& volume : volumes) note(store.remove(volume, {}));
    note(remove_container_folder(paths, id));
    note(remove_tree(paths.container_run(id)));
    if (cgroups.exists(cgroup)) note(cgroups.remove(cgroup));
    return true;
  };
  co_await offload(context_.pool, work);
  parts_.networks.forget(*container);
  (void)context_.store.remove(Table::Containers, container->id.text());
  context_.containers.erase(container->id);
  if (container->spec.auto_remove) removed_.emplace_back(container->id.text(), container->state.exit_code);
  if (removed_.size() > kRemembered) removed_.pop_front();
  (void)container->take(LifeEvent::Discarded);
  for (auto& attach : std::exchange(container->waiting_attaches, {}))
    attach.done(not_found("container " + container->spec.name + " was removed"));
  container->changed.notify_all();
}

}  // namespace stack::engine
