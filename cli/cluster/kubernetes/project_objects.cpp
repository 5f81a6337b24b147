#include "cli/cluster/kubernetes/project_objects.h"

#include "base/base64.h"
#include "cli/session/credential_store.h"
#include "model/image_reference.h"
#include "orchestrator/compose/places.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

kube::Conversion convert_project(const compose::Loaded& loaded,
                                 std::map<std::string, targets::ImageFacts> images,
                                 const std::string& architecture, const std::string& registry_config) {
  kube::ConvertInputs inputs;
  inputs.registry_config = registry_config;
  inputs.images = std::move(images);
  inputs.architecture = architecture;
  inputs.place = [&](const std::string& pointer) { return compose::place_of(loaded, pointer); };
  return kube::convert(loaded.project, inputs);
}

std::string registry_config(const Session& session, const std::set<std::string>& images) {
  std::vector<std::string> references(images.begin(), images.end());
  RegistryKeyring keyring = CredentialStore::open(session.environment()).keyring(references);
  Json auths = Json::object();
  for (const std::string& image : images) {
    auto reference = parse_reference(image);
    if (!reference) continue;
    const RegistryCredentials* found = find_credentials(keyring, *reference);
    // The kubelet knows only user names and passwords.
    if (found == nullptr || found->username.empty()) continue;
    auths[server_address(reference->domain)] = {
        {"auth", encode_base64(found->username + ":" + found->password)}};
  }
  return auths.empty() ? "" : Json{{"auths", std::move(auths)}}.dump();
}

}  // namespace stack::cli::cluster
