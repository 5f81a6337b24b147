#include "cli/session/selected_services.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/compose/project.h"

namespace stack::cli {

std::optional<FileServices> services_of_files(Session& session) {
  if (session.named_project() && session.globals().files.empty()) return std::nullopt;
  // Only the names count: contents, variables, and support of other keys do not matter.
  compose::LoadOptions options = session.load_options();
  options.load_contents = false;
  options.no_env_resolution = true;
  options.refuse = false;
  auto loaded = compose::load(options);
  if (!loaded) return std::nullopt;
  FileServices found;
  for (const auto& [name, service] : loaded->project.services) found.services.push_back(name);
  for (const auto& [name, service] : loaded->project.disabled_services)
    (service.reason == compose::DisabledReason::Job ? found.jobs : found.services).push_back(name);
  return found;
}

std::vector<Container> selected(Session& session, std::vector<Container> containers,
                                const std::vector<std::string>& named) {
  if (!named.empty() || containers.empty()) return of_services(std::move(containers), named);
  std::optional<FileServices> files = services_of_files(session);
  if (!files) return containers;
  if (files->services.empty()) return {};
  return of_services(std::move(containers), files->services);
}

Error no_such_service(const std::string& name, const std::vector<std::string>& known) {
  std::string text = "no such service: " + name;
  std::string near = nearest(name, known);
  if (!near.empty()) {
    text += "; did you mean " + near + "?";
  } else if (!known.empty()) {
    text += "; available: " + join(known, ", ");
  }
  return not_found(text);
}

Error only_run(const Session& session, const std::string& job) {
  return invalid("job \"" + job + "\" can only be triggered with \"" + session.load_options().run_command +
                 "\"");
}

std::vector<std::string> services_of(const std::vector<Container>& containers) {
  std::vector<std::string> names;
  for (const Container& container : containers)
    if (std::find(names.begin(), names.end(), container.service) == names.end())
      names.push_back(container.service);
  return names;
}

}  // namespace stack::cli
