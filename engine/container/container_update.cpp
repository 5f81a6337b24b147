// ContainerService: changes limits and the restart policy of an existing container by Docker's rules
// (daemon/container/container_unix.go, UpdateContainer).
#include "engine/container/container_service.h"
#include "engine/container/oci_config.h"

namespace stack::engine {

namespace {

template <typename T>
void take(T& value, const T& change) {
  if (change != T{}) value = change;
}

Result<ResourceSpec> merged(ResourceSpec now, const ResourceSpec& changes) {
  bool new_quota = changes.cpu_quota != 0 || changes.cpu_period != 0;
  if (changes.nano_cpus != 0 && new_quota)
    return invalid("Conflicting options: CPU Quota and NanoCPUs cannot both be set");
  if (new_quota && now.nano_cpus != 0)
    return conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  if (changes.nano_cpus != 0 && (now.cpu_quota != 0 || now.cpu_period != 0))
    return conflict("Conflicting options: NanoCPUs cannot be updated as CPU Quota has already been set");
  if (changes.memory != 0 && changes.memory_swap == 0 && now.memory_swap > 0 &&
      changes.memory > now.memory_swap)
    return conflict(
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same "
        "time");
  take(now.memory, changes.memory);
  take(now.memory_swap, changes.memory_swap);
  take(now.memory_reservation, changes.memory_reservation);
  take(now.nano_cpus, changes.nano_cpus);
  take(now.cpu_shares, changes.cpu_shares);
  take(now.cpu_period, changes.cpu_period);
  take(now.cpu_quota, changes.cpu_quota);
  take(now.cpu_rt_period, changes.cpu_rt_period);
  take(now.cpu_rt_runtime, changes.cpu_rt_runtime);
  take(now.cpuset_cpus, changes.cpuset_cpus);
  take(now.cpuset_mems, changes.cpuset_mems);
  take(now.pids_limit, changes.pids_limit);
  if (changes.memory_swappiness) now.memory_swappiness = changes.memory_swappiness;
  if (changes.blkio.is_object()) {
    if (!now.blkio.is_object()) now.blkio = Json::object();
    now.blkio.update(changes.blkio);
  }
  if (now.memory > 0 && now.memory < int64_t{6} << 20) return invalid("Minimum memory limit allowed is 6MB");
  if (now.memory > 0 && now.memory_swap > 0 && now.memory_swap < now.memory)
    return invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  return now;
}

}  // namespace

Task<Result<>> ContainerService::update(ContainerPtr container, ResourceSpec changes,
                                        std::optional<RestartSpec> restart) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  if (container->leaving()) co_return conflict("container is marked for removal and cannot be \"update\"");
  if (restart && container->spec.auto_remove && restart->name != "no")
    co_return conflict("Restart policy cannot be updated because AutoRemove is enabled for the container");
  Result<ResourceSpec> resources = merged(container->spec.resources, changes);
  CO_TRY(resources);
  Result<Json> limits = limits_json(*resources);
  CO_TRY(limits);
  if (container->running() && !limits->empty()) {
    auto work = [cgroups = parts_.cgroups, cgroup = facts_.cgroup_path(*container), wanted = *limits] {
      return cgroups.update(cgroup, wanted);
    };
    Result<> applied = co_await offload(context_.pool, work);
    if (!applied) {
      // Some limits may have been written; restores the recorded ones.
      if (Result<Json> before = limits_json(container->spec.resources); before && !before->empty())
        (void)parts_.cgroups.update(facts_.cgroup_path(*container), *before);
      co_return std::move(applied).error().in("cannot update container " + container->id.text());
    }
  }
  container->spec.resources = std::move(*resources);
  if (restart) container->spec.restart = *restart;
  Result<> saved = context_.save(*container);
  CO_TRY(saved);
  context_.publish(*container, "update");
  co_return Result<>();
}

}  // namespace stack::engine
