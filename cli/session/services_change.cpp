#include "cli/session/services_change.h"

#include "cli/session/change.h"

namespace stack::cli {

Result<int> change_services(Session& session, const Arguments& arguments, const std::string& verb,
                            Json body) {
  auto timeout = arguments.number("timeout", -1);
  if (!timeout) return session.usage_error(timeout.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  body["services"] = arguments.words;
  if (*timeout) body["timeout"] = **timeout;
  return run_change(session, {verb, project_path(project_name, "/" + verb), std::move(body)});
}

}  // namespace stack::cli
