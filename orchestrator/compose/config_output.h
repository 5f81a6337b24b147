// The output of `stack config`: the resolved model in the format of `docker compose config`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "orchestrator/compose/load.h"

namespace stack::compose {

// The whole model; ends with '\n'. `$` is doubled unless the model was loaded with no_interpolate.
std::string config_yaml(const Loaded& loaded);
std::string config_json(const Loaded& loaded);

// Each list has the order and format of the reference, one item per line.
std::vector<std::string> list_services(const Loaded& loaded);  // enabled services, dependencies first
std::vector<std::string> list_volumes(const Loaded& loaded);   // keys
std::vector<std::string> list_networks(const Loaded& loaded);  // keys
std::vector<std::string> list_models(const Loaded& loaded);    // model references
std::vector<std::string> list_images(const Loaded& loaded);    // image_name() of each service
std::vector<std::string> list_profiles(
    const Loaded& loaded);  // all profiles, including those of disabled services
std::vector<std::string> list_environment(const Loaded& loaded);  // "K=V" used for interpolation, sorted
// All variables mentioned in the files, as a table (NAME, REQUIRED, DEFAULT VALUE, ALTERNATE VALUE), as JSON, or as YAML.
std::string variables_table(const Loaded& loaded);
std::string variables_json(const Loaded& loaded);
std::string variables_yaml(const Loaded& loaded);
// "<service> <sha256>" of the service's canonical JSON; `services` is "*" for all, or "a,b". Fails for an unknown name.
Result<std::vector<std::string>> list_hashes(const Loaded& loaded, const std::string& services);
// Each value with its origin: "services.web.image = nginx:1.27  # compose.yaml:4:12, TAG from .env".
std::vector<std::string> list_origins(const Loaded& loaded);

// The images of services and of image volumes without a digest, each once.
std::vector<std::string> images_to_pin(const Loaded& loaded);
// The model with "@<digest>" appended to every image found in `digests`.
Loaded with_pinned_images(const Loaded& loaded, const std::map<std::string, std::string>& digests);
// Only the images of the services: an override file that pins them.
Loaded images_only(const Loaded& loaded);

}  // namespace stack::compose
