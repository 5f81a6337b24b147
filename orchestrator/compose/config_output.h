// What `stack config` prints: the resolved model in the form of `docker compose config`.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/compose/load.h"

namespace stack::compose {

// The whole model; ends with '\n'. `$` is doubled unless the model was loaded with no_interpolate.
std::string config_yaml(const Loaded& loaded);
std::string config_json(const Loaded& loaded);

// Each list is in the order and form in which the reference prints it, one item a line.
std::vector<std::string> list_services(const Loaded& loaded);  // enabled ones, dependencies first
std::vector<std::string> list_volumes(const Loaded& loaded);   // keys
std::vector<std::string> list_networks(const Loaded& loaded);  // keys
std::vector<std::string> list_models(const Loaded& loaded);    // model references
std::vector<std::string> list_images(const Loaded& loaded);    // image_name() of each service
std::vector<std::string> list_profiles(const Loaded& loaded);  // all that occur, disabled services included
std::vector<std::string> list_environment(const Loaded& loaded);  // "K=V" used for interpolation, sorted
// Table NAME REQUIRED DEFAULT VALUE ALTERNATE VALUE of every variable that the files mention.
std::string variables_table(const Loaded& loaded);
// "<service> <sha256>" of the service's canonical JSON; `service` "*" or "" means all.
std::vector<std::string> list_hashes(const Loaded& loaded, const std::string& service);
// Each value with where it came from: "services.web.image = nginx:1.27  # compose.yaml:4:12, TAG from .env".
std::vector<std::string> list_origins(const Loaded& loaded);

}  // namespace stack::compose
