// State shared by all services of the engine. Owned by the Engine; outlives the services.
#pragma once

#include <asio.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/async.h"
#include "engine/container/container.h"
#include "engine/settings/settings.h"
#include "engine/state/disk_sync.h"
#include "engine/state/events.h"
#include "engine/state/paths.h"
#include "engine/state/store.h"

namespace stack::engine {

struct Context {
  Context(asio::io_context& io_context, Paths engine_paths, Settings engine_settings, Store state_store)
      : io(io_context),
        paths(std::move(engine_paths)),
        settings(std::move(engine_settings)),
        store(std::move(state_store)),
        disk_sync(io_context),
        pool(4) {}

  asio::io_context& io;
  Paths paths;
  Settings settings;
  Store store;
  DiskSync disk_sync;
  EventBus events;
  asio::thread_pool pool;
  std::map<ContainerId, ContainerPtr> containers;
  std::string boot_id;
  std::set<std::string> build_steps;  // IDs of running RUN steps
  // Unreadable records. Their objects are never leftovers.
  std::vector<Unreadable> unreadable;
  bool host_stops = false;  // containers are stopped for a shutdown and start again at the next boot

  // Finds a container by ID, name (with or without a leading slash), or unique ID prefix.
  ContainerPtr find_container(const std::string& name_or_id) const;
  ContainerPtr find_container(const ContainerId& id) const;
  // The same, with Docker's error texts.
  Result<ContainerPtr> require_container(const std::string& name_or_id) const;
  Result<ContainerPtr> require_container(const ContainerId& id) const;
  // Writes the record of a container in `containers`; failures are logged and returned.
  Result<> save(const Container& container);
  // The record of this key was written or removed: the change survives a power cut after disk_sync.settle().
  void note_record(Table table, const std::string& key);
  // Publishes Docker's event for a container, with its labels, image, and name as attributes.
  void publish(const Container& container, const std::string& action,
               std::map<std::string, std::string> extra = {});
};

}  // namespace stack::engine
