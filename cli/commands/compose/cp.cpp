#include <unistd.h>

#include "base/files.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/container_copy.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

constexpr Flag kCpFlags[] = {
    {0, "all", FlagArity::Nothing, "", "Include containers of `run`"},
    {'a', "archive", FlagArity::Nothing, "", "Archive mode: files copied in belong to the container's user"},
    {'L', "follow-link", FlagArity::Nothing, "", "Follow symbolic links in SRC_PATH"},
    kIndexFlag,
};
constexpr Example kCpExamples[] = {
    {"stack cp web:/etc/nginx/nginx.conf .", "copy a file out of a container"},
    {"stack cp site/. web:/var/www", "copy the contents of a folder into all containers of a service"},
    {"stack cp db:/var/log - | tar t", "write a tar archive to stdout"}};

// "SERVICE:PATH", "PATH" or "-".
struct Side {
  std::string service;  // "" = the caller's files
  std::string path;
  bool is_stream() const { return service.empty() && path == "-"; }
};

Side parse_side(const std::string& word) {
  size_t colon = word.find(':');
  if (word.starts_with('/') || word.starts_with('.') || colon == std::string::npos) return {"", word};
  std::string path = word.substr(colon + 1);
  return {word.substr(0, colon), path.starts_with('/') ? path : "/" + path};
}

Result<std::vector<Container>> targets(Session& session, const Arguments& arguments,
                                       const std::string& project_name, const std::string& service) {
  TRY_ASSIGN(auto index, arguments.number("index"));
  if (index && *index > 0) {
    TRY_ASSIGN(Container one, find_container(session, project_name, service, *index, ContainerFilter::All));
    return std::vector<Container>{one};
  }
  TRY_ASSIGN(auto containers,
             list_containers(session, project_name, ContainerFilter::All, arguments.is_set("all")));
  containers = of_services(std::move(containers), {service});
  if (containers.empty()) return not_found("no container found for service \"" + service + "\"");
  return containers;
}

void tell(Session& session, const std::string& from, const std::string& to) {
  if (session.globals().progress != ProgressMode::Quiet) print_message("copied " + from + " to " + to);
}

Result<int> run_cp(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  if (auto index = arguments.number("index"); !index) return session.usage_error(index.error().text());
  Side from = parse_side(arguments.words[0]);
  Side to = parse_side(arguments.words[1]);
  if (!from.service.empty() && !to.service.empty())
    return session.usage_error("copying between services is not supported");
  if (from.service.empty() && to.service.empty())
    return session.usage_error("unknown copy direction: one of the arguments must be SERVICE:PATH");
  if (to.is_stream() && session.out().is_terminal)
    return session.usage_error("refusing to write an archive to a terminal; use a file or a pipe");
  TRY_ASSIGN(std::string project_name, session.project_name());
  std::string service = from.service.empty() ? to.service : from.service;
  TRY(session.require_services(project_name, {service}));
  TRY_ASSIGN(std::vector<Container> containers, targets(session, arguments, project_name, service));
  if (!from.service.empty()) {
    TRY(copy_from_container(session, {containers.front().id, containers.front().name}, from.path, to.path,
                            arguments.is_set("follow-link")));
    if (!to.is_stream()) tell(session, containers.front().name + ":" + from.path, to.path);
    return 0;
  }
  if (from.is_stream() && containers.size() > 1)
    return session.usage_error("stdin can be copied to only one container; select it with --index");
  for (const Container& container : containers) {
    TRY(copy_to_container(session, {container.id, container.name}, from.path, to.path,
                          {arguments.is_set("follow-link"), arguments.is_set("archive")}));
    tell(session, from.path, container.name + ":" + to.path);
  }
  return 0;
}

}  // namespace

const Command kCp{
    .name = "cp",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|-  or  SRC_PATH|- SERVICE:DEST_PATH",
    .summary = "Copy files between containers and the host",
    .details =
        "If the destination exists, a folder is copied into it; otherwise the copy takes the destination's\n"
        "name. FOLDER/. copies the contents of the folder. \"-\" is a tar archive on stdin or stdout.",
    .examples = kCpExamples,
    .flags = kCpFlags,
    .least_words = 2,
    .most_words = 2,
    .run = run_cp,
};

}  // namespace stack::cli
