#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/api.h"
#include "engine/doctor.h"
#include "engine/version.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Json version_json() {
  utsname machine{};
  ::uname(&machine);
  return {{"Platform", {{"Name", "stack"}}},
          {"Version", kVersion},
          {"ApiVersion", kApiVersion},
          {"MinAPIVersion", "1.24"},
          {"GitCommit", ""},
          {"GoVersion", ""},
          {"Os", "linux"},
          {"Arch", images::host_architecture()},
          {"KernelVersion", machine.release},
          {"Components",
           {{{"Name", "Engine"},
             {"Version", kVersion},
             {"Details", {{"ApiVersion", kApiVersion}, {"MinAPIVersion", "1.24"}}}}}}};
}

Json info_json(const Services& s) {
  utsname machine{};
  ::uname(&machine);
  struct sysinfo memory{};
  ::sysinfo(&memory);
  int running = 0;
  int paused = 0;
  for (const auto& [id, container] : s.context.containers) {
    running += container->state.status == Status::Running ? 1 : 0;
    paused += container->state.status == Status::Paused ? 1 : 0;
  }
  auto total = static_cast<int>(s.context.containers.size());
  return {{"ID", s.context.paths.tag.empty() ? "stack" : s.context.paths.tag},
          {"Name", machine.nodename},
          {"ServerVersion", kVersion},
          {"Containers", total},
          {"ContainersRunning", running},
          {"ContainersPaused", paused},
          {"ContainersStopped", total - running - paused},
          {"Images", s.containers.parts().images.list().size()},
          {"Driver", "overlay2"},
          {"DockerRootDir", s.context.paths.root},
          {"KernelVersion", machine.release},
          {"OperatingSystem", "Linux"},
          {"OSType", "linux"},
          {"Architecture", machine.machine},
          {"NCPU", ::get_nprocs()},
          {"MemTotal", static_cast<int64_t>(memory.totalram) * memory.mem_unit},
          {"CgroupDriver", "cgroupfs"},
          {"CgroupVersion", s.containers.parts().cgroups.mode() == runtime::CgroupMode::V2 ? "2" : "1"},
          {"DefaultRuntime", "stack"},
          {"LoggingDriver", "json-file"},
          {"SecurityOptions", {"name=seccomp,profile=builtin"}},
          {"Plugins",
           {{"Volume", {"local"}},
            {"Network", {"bridge", "host", "none"}},
            {"Log", {"json-file", "local", "none"}}}},
          {"Swarm", {{"LocalNodeState", "inactive"}}},
          {"Warnings", Json::array()}};
}

}  // namespace

bool label_matches(const std::map<std::string, std::string>& labels, const std::string& wanted) {
  size_t equals = wanted.find('=');
  auto found = labels.find(wanted.substr(0, equals));
  return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

void add_system_routes(http::Router& router, Services& s) {
  auto ping = [](Request&, Response& response) -> Task<> {
    response.text(200, "OK");
    co_return;
  };
  router.get("/_ping", ping);
  router.head("/_ping", ping);
  router.get("/version", [](Request&, Response& response) -> Task<> {
    response.json(200, version_json());
    co_return;
  });
  router.get("/info", [&s](Request&, Response& response) -> Task<> {
    response.json(200, info_json(s));
    co_return;
  });
  router.get("/stack/v1/doctor", [&s](Request& request, Response& response) -> Task<> {
    Json report = co_await examine(s, request.query.flag("repair"));
    response.json(200, report);
  });
  router.post("/stack/v1/shutdown", [&s](Request&, Response& response) -> Task<> {
    response.no_content();
    s.shut_down();
    co_return;
  });
}

}  // namespace stack::engine
