// What others see of the engine's objects: Docker's JSON, and the planner's observed state.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "engine/container/container_service.h"
#include "engine/network/network_service.h"
#include "images/store/store.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/wait.h"
#include "volumes/volume.h"

namespace stack::engine {

// GET /containers/{id}/json
Json container_inspect(const Container& container, const ContainerService& service,
                       const NetworkService& networks);
// A row of GET /containers/json
Json container_summary(const Container& container, const ContainerService& service,
                       const NetworkService& networks);
// "Up 5 minutes (healthy)", "Exited (0) 3 seconds ago", as `docker ps` shows it.
std::string status_text(const Container& container);
Json network_inspect(const Network& network, const Context& context);

orchestrator::ObservedContainer observed_container(const Container& container,
                                                   const NetworkService& networks);
orchestrator::WaitFacts wait_facts(const Container& container);

// Names of containers that hold the volume.
std::vector<std::string> volume_users(const Context& context, const std::string& volume);
std::vector<images::ImageUser> image_users(const Context& context);

}  // namespace stack::engine
