// Views of the engine's objects: Docker's JSON and the planner's observed state.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "docker/container_view.h"
#include "engine/container/container_service.h"
#include "engine/network/network_service.h"
#include "images/store/store.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/wait.h"
#include "volumes/volume.h"

namespace stack::engine {

struct Services;

// A container in the form for the views and filters of docker/.
docker::ContainerFacts container_facts(const Services& services, const Container& container);
docker::ContainerDetails container_details(const Services& services, const Container& container);

orchestrator::ObservedContainer observed_container(const Container& container,
                                                   const NetworkService& networks);
orchestrator::WaitFacts wait_facts(const Container& container);

// Names of the containers that mount the volume.
std::vector<std::string> volume_users(const Context& context, const std::string& volume);
std::vector<images::ImageUser> image_users(const Context& context);

}  // namespace stack::engine
