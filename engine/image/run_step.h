// RUN steps of builds: one-off processes in their own namespaces, on the layer being built.
#pragma once

#include <memory>
#include <stop_token>

#include "base/async_mutex.h"
#include "engine/container/container_service.h"
#include "images/builder/worker/run_driver.h"

namespace stack::engine {

// Called from the build's threads; the work runs on the engine's thread while the caller waits.
class EngineRunDriver : public builder::RunDriver {
 public:
  EngineRunDriver(Context& context, ContainerService& containers, NetworkService& networks)
      : context_(context), containers_(containers), networks_(networks), network_mutex_(context.io) {}

  Result<int> run(const builder::RunStep& step, const builder::RunOutput& output,
                  std::stop_token stop) override;

  // Removes the builds' network once no step needs it.
  Task<> release_network();

 private:
  Task<Result<int>> run_here(const builder::RunStep& step, const builder::RunOutput& output,
                             std::stop_token stop);
  Result<runtime::LaunchRequest> request_of(const Container& container, const builder::RunStep& step,
                                            runtime::User user);
  Task<Result<int>> watch(runtime::LaunchRequest request, const builder::RunOutput& output,
                          std::stop_token stop);
  // The network of all steps, if there is one.
  NetworkPtr find_network() const;
  Task<Result<NetworkPtr>> ensure_network();

  Context& context_;
  ContainerService& containers_;
  NetworkService& networks_;
  AsyncMutex network_mutex_;  // serializes creation and removal of the network
  int network_users_ = 0;
};

}  // namespace stack::engine
