#include "cli/session/services_change.h"

#include "cli/session/change.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

// docker-compose fails if there is nothing to act on.
Result<> require_containers(Session& session, const std::string& project_name, const std::string& verb) {
  if (verb != "start" && verb != "restart" && verb != "pause" && verb != "unpause") return {};
  TRY_ASSIGN(std::vector<Container> containers, list_containers(session, project_name, ContainerFilter::All));
  if (containers.empty()) return not_found("No containers to " + verb);
  return {};
}

}  // namespace

Result<int> change_services(Session& session, const Arguments& arguments, const std::string& verb,
                            Json body) {
  auto timeout = arguments.number("timeout", -1);
  if (!timeout) return session.usage_error(timeout.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  if (session.globals().as_docker_compose) TRY(require_containers(session, project_name, verb));
  body["services"] = arguments.words;
  if (*timeout) body["timeout"] = **timeout;
  return run_change(session, {verb, project_path(project_name, "/" + verb), std::move(body)});
}

}  // namespace stack::cli
