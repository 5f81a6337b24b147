#include "cli/session/services_change.h"

#include <algorithm>

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/selected_services.h"

namespace stack::cli {

namespace {

// There is no container to act on, as Compose says it.
Result<int> nothing_to_do(Session& session, const std::string& verb, const std::vector<std::string>& named) {
  // docker-compose fails.
  bool fails = verb == "start" || verb == "restart" || verb == "pause" || verb == "unpause";
  if (session.globals().as_docker_compose && fails && named.empty())
    return not_found("No containers to " + verb);
  if (verb == "start") {
    std::string what = named.empty() ? "no container to start"
                                     : "service \"" + named.front() + "\" has no container to start";
    return not_found(what + "; create it with `" + session.program_with_project() + " up -d`");
  }
  if (verb == "kill") print_message("No container to kill");
  return 0;
}

// Docker rejects a change to a state that the container already has.
std::vector<std::string> already(const std::vector<Container>& containers, const std::string& verb) {
  std::vector<std::string> out;
  for (const Container& container : containers) {
    if (verb == "pause" && container.state == "paused")
      out.push_back("container " + container.name + " is already paused");
    if (verb == "unpause" && container.state == "running")
      out.push_back("container " + container.name + " is not paused");
  }
  return out;
}

}  // namespace

Result<int> change_services(Session& session, const Arguments& arguments, const std::string& verb,
                            Json body) {
  auto timeout = arguments.number("timeout", -1);
  if (!timeout) return session.usage_error(timeout.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(std::vector<Container> all,
             list_containers(session, project_name, ContainerFilter::All, verb == "rm"));
  size_t count = all.size();
  std::vector<Container> containers = selected(session, std::move(all), arguments.words);
  if (containers.empty()) {
    TRY(session.require_services(project_name, arguments.words));
    std::optional<FileServices> files = services_of_files(session);
    for (const std::string& job : files.value_or(FileServices{}).jobs)
      // The engine's project has it as a service if it was run.
      if (std::find(arguments.words.begin(), arguments.words.end(), job) != arguments.words.end())
        return only_run(session, job);
    if (count > 0 || !arguments.words.empty() || files) return nothing_to_do(session, verb, arguments.words);
  }
  std::vector<std::string> unseen = arguments.words;
  for (const Container& container : containers) std::erase(unseen, container.service);
  TRY(session.require_services(project_name, unseen));
  bool some = arguments.words.empty() && containers.size() < count;
  body["services"] = some ? services_of(containers) : arguments.words;
  if (*timeout) body["timeout"] = **timeout;
  std::vector<std::string> errors = already(containers, verb);
  TRY_ASSIGN(int code, run_change(session, {verb, project_path(project_name, "/" + verb), std::move(body)}));
  if (code == 0 && !errors.empty() && !session.globals().dry_run) return conflict(join(errors, "; "));
  return code;
}

}  // namespace stack::cli
