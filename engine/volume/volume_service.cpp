#include "engine/volume/volume_service.h"

#include <algorithm>

#include "base/log.h"

namespace stack::engine {

namespace {

constexpr const char* kStoppedKey = "stopped_for_copy";

Task<> start_again(ContainerService& containers, ContainerPtr container) {
  Result<bool> started = co_await containers.start(container);
  if (!started)
    log_error("container " + container->spec.name +
              " was stopped for a copy of its volume and does not start: " + started.error().text());
}

}  // namespace

Result<CopyMode> parse_copy_mode(const std::string& text) {
  if (text.empty()) return CopyMode::Live;
  if (text == "freeze") return CopyMode::Freeze;
  if (text == "stop") return CopyMode::Stop;
  return invalid("invalid mode \"" + text + "\": must be freeze or stop");
}

// Thaws in its destructor. After a crash, the next engine thaws containers that are not recorded as paused.
struct VolumeService::Frozen {
  ContainerService& containers;
  struct One {
    ContainerPtr container;
    CommandQueue::Turn turn;  // no command sees it frozen
  };
  std::vector<One> all;
  explicit Frozen(ContainerService& service) : containers(service) {}
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  ~Frozen() {
    for (const One& one : all) {
      if (one.container->phase == Phase::Paused) continue;
      Result<> thawed = containers.parts().cgroups.thaw(containers.facts().cgroup_path(*one.container));
      if (!thawed) log_error("container " + one.container->spec.name + ": " + thawed.error().text());
    }
  }
};

// Starts them again in its destructor.
struct VolumeService::Stopped {
  VolumeService& service;
  std::vector<ContainerPtr> all;
  explicit Stopped(VolumeService& owner) : service(owner) {}
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() {
    for (const ContainerPtr& container : all) {
      std::erase(service.stopped_, container);
      start(service.context_.io, start_again(service.containers_, container));
    }
    service.remember_stopped(service.stopped_);
  }
};

void VolumeService::resume() {
  auto settings = context_.store.load_documents(Table::Settings);
  if (!settings) return;
  for (const auto& [key, ids] : settings->good) {
    if (key != kStoppedKey || !ids.is_array()) continue;
    for (const Json& id : ids)
      if (ContainerPtr container = id.is_string() ? context_.find_container(id.get<std::string>()) : nullptr)
        start(context_.io, start_again(containers_, container));
  }
  remember_stopped({});
}

void VolumeService::remember_stopped(const std::vector<ContainerPtr>& containers) {
  Json ids = Json::array();
  for (const ContainerPtr& container : containers) ids.push_back(container->id.text());
  Result<> stored = ids.empty() ? context_.store.remove(Table::Settings, kStoppedKey)
                                : context_.store.put(Table::Settings, kStoppedKey, ids);
  if (!stored) log_warning(stored.error().text());
}

std::vector<ContainerPtr> VolumeService::running_users(const std::string& volume) const {
  std::vector<ContainerPtr> users;
  for (const auto& [id, container] : context_.containers)
    if (container->alive() && std::any_of(container->mounts.begin(), container->mounts.end(),
                                          [&](const MountPoint& m) { return m.source.volume == volume; }))
      users.push_back(container);
  std::sort(users.begin(), users.end(), [](const ContainerPtr& a, const ContainerPtr& b) {
    return a->state.started_at < b->state.started_at;
  });
  return users;
}

Task<Result<std::shared_ptr<void>>> VolumeService::freeze(std::vector<ContainerPtr> users) {
  auto frozen = std::make_shared<Frozen>(containers_);
  for (const ContainerPtr& user : users) {
    Result<CommandQueue::Turn> turn = co_await user->commands.enter(CommandQueue::Kind::Steady);
    CO_TRY(turn);
    if (user->phase != Phase::Running) continue;
    frozen->all.push_back({user, std::move(*turn)});
    auto work = [cgroups = containers_.parts().cgroups, path = containers_.facts().cgroup_path(*user)] {
      return cgroups.freeze(path);
    };
    Result<> done = co_await offload(context_.pool, work);
    CO_TRY(done);
  }
  co_return std::shared_ptr<void>(frozen);
}

// The last started first, like `down`.
Task<Result<std::shared_ptr<void>>> VolumeService::stop(std::vector<ContainerPtr> users) {
  auto stopped = std::make_shared<Stopped>(*this);
  for (auto user = users.rbegin(); user != users.rend(); ++user) {
    stopped_.push_back(*user);
    stopped->all.insert(stopped->all.begin(), *user);
    remember_stopped(stopped_);
    Result<bool> done = co_await containers_.stop(*user, std::nullopt);
    CO_TRY(done);
  }
  co_return std::shared_ptr<void>(stopped);
}

Task<Result<std::shared_ptr<void>>> VolumeService::quiet(std::string volume, CopyMode mode) {
  std::vector<ContainerPtr> users = running_users(volume);
  if (mode == CopyMode::Live || users.empty()) co_return std::shared_ptr<void>();
  Result<std::shared_ptr<void>> held = Error("not quiet");
  if (mode == CopyMode::Freeze) {
    held = co_await freeze(std::move(users));
  } else {
    held = co_await stop(std::move(users));
  }
  co_return held;
}

Task<Result<std::shared_ptr<VolumeAccess>>> VolumeService::open(std::string volume) {
  auto work = [&store = containers_.parts().volumes, volume] { return VolumeAccess::open(store, volume); };
  Result<std::shared_ptr<VolumeAccess>> access = co_await offload(context_.pool, work);
  co_return access;
}

Task<Result<volumes::Volume>> VolumeService::restore(int archive, RestoreOptions options, CopyMode mode) {
  if (mode == CopyMode::Freeze)
    co_return invalid("a volume cannot be restored while its containers are frozen");
  std::string name = options.name;
  if (name.empty()) {
    Result<std::string> stored =
        co_await offload(context_.pool, [archive] { return name_in_backup(archive); });
    CO_TRY(stored);
    name = *stored;
  }
  std::vector<ContainerPtr> users = running_users(name);
  if (mode == CopyMode::Live && !users.empty())
    co_return conflict("container " + users.front()->spec.name + " runs with volume " + name +
                       "; stop it first, or use --stop");
  Result<std::shared_ptr<void>> held = co_await quiet(name, mode);
  CO_TRY(held);
  auto work = [&store = containers_.parts().volumes, archive, options] {
    return restore_backup(store, archive, options);
  };
  Result<volumes::Volume> restored = co_await offload(context_.pool, work);
  co_return restored;
}

Task<Result<volumes::Volume>> VolumeService::clone(std::string source, std::string target, CopyMode mode) {
  Result<std::shared_ptr<void>> held = co_await quiet(source, mode);
  CO_TRY(held);
  auto work = [&store = containers_.parts().volumes, source, target]() -> Result<volumes::Volume> {
    TRY_ASSIGN(std::shared_ptr<VolumeAccess> access, VolumeAccess::open(store, source));
    return clone_volume(store, *access, target);
  };
  Result<volumes::Volume> cloned = co_await offload(context_.pool, work);
  co_return cloned;
}

}  // namespace stack::engine
