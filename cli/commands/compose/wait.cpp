#include <poll.h>

#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"
#include "cli/session/engine_start.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

namespace {

constexpr Flag kWaitFlags[] = {
    {0, "down-project", FlagArity::Nothing, "", "Take the project down when the first container exits"}};
constexpr Example kWaitExamples[] = {
    {"stack wait migrate", "wait until migrate exits and return its exit code"}};

struct Waiting {
  std::string name;
  std::string id;
  http::Client client;
  bool done = false;
};

// The engine may die again before it answers.
Result<http::Client> begin_wait(Session& session, const std::string& id) {
  for (Reconnects reconnects;;) {
    TRY_ASSIGN(http::Client client, session.connect());
    http::ClientRequest request;
    request.method = "POST";
    request.target = "/containers/" + id + "/wait";
    Result<http::Answer> begun = client.begin(std::move(request));
    if (begun) return client;
    if (!reconnects.allow(begun.error())) return std::move(begun).error();
  }
}

Result<std::vector<Waiting>> begin_waits(Session& session, const std::string& project_name,
                                         const std::vector<std::string>& services) {
  TRY_ASSIGN(auto containers, list_containers(session, project_name, ContainerFilter::All));
  std::vector<Waiting> waits;
  for (const Container& container : of_services(std::move(containers), services)) {
    TRY_ASSIGN(http::Client client, begin_wait(session, container.id));
    waits.push_back({container.name, container.id, std::move(client)});
  }
  return waits;
}

// nullopt: the engine died; the next one is asked again.
Result<std::optional<int>> finish(Session& session, Waiting& waiting) {
  Result<std::string> body = waiting.client.finish();
  if (!body && is_broken_connection(body.error())) {
    TRY_ASSIGN(waiting.client, begin_wait(session, waiting.id));
    return std::optional<int>();
  }
  waiting.done = true;
  if (!body) return std::move(body).error();
  TRY_ASSIGN(Json exit, parse_json(*body));
  int code = static_cast<int>(int_or(exit, "StatusCode"));
  print_line("container \"" + waiting.name + "\" exited with status code " + std::to_string(code));
  return std::optional(code);
}

Result<int> run_wait(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  TRY_ASSIGN(auto waits, begin_waits(session, project_name, arguments.words));
  if (waits.empty()) return not_found("no container to wait for");
  int code = 0;
  for (size_t left = waits.size(); left > 0;) {
    std::vector<pollfd> watched;
    for (const Waiting& waiting : waits)
      watched.push_back({waiting.done ? -1 : waiting.client.fd(), POLLIN, 0});
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return Error::last_errno("poll");
    for (size_t i = 0; i < waits.size(); ++i) {
      if (watched[i].revents == 0) continue;
      TRY_ASSIGN(std::optional<int> exited, finish(session, waits[i]));
      if (!exited) continue;
      code = *exited;
      --left;
      if (!arguments.is_set("down-project")) continue;
      TRY_ASSIGN(int down, run_change(session, {"down",
                                                project_path(project_name, "/down"),
                                                {{"project", nullptr}, {"options", Json::object()}}}));
      return down != 0 ? down : code;
    }
  }
  return code;
}

}  // namespace

const Command kWait{
    .name = "wait",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] SERVICE...",
    .summary = "Wait until the containers of services exit",
    .details = "Returns the exit code of the container that exited last.",
    .examples = kWaitExamples,
    .flags = kWaitFlags,
    .least_words = 1,
    .words_are_services = true,
    .run = run_wait,
};

}  // namespace stack::cli
