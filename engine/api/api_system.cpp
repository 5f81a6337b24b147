#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/build_info.h"
#include "base/files.h"
#include "base/text.h"
#include "engine/api/api.h"
#include "engine/host/doctor.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Json version_json() {
  utsname machine{};
  ::uname(&machine);
  Json details{{"GitCommit", build_info().commit},
               {"ApiVersion", kApiVersion},
               {"Arch", images::host_architecture()},
               {"Experimental", "false"},
               {"KernelVersion", machine.release},
               {"MinAPIVersion", kOldestApiVersion},
               {"Os", "linux"}};
  return {{"Platform", {{"Name", "stack"}}},
          {"Version", build_info().version},
          {"ApiVersion", kApiVersion},
          {"MinAPIVersion", kOldestApiVersion},
          {"GitCommit", build_info().commit},
          {"GoVersion", ""},
          {"Os", "linux"},
          {"Arch", images::host_architecture()},
          {"KernelVersion", machine.release},
          {"BuildTime", build_info().date},
          {"Components",
           {{{"Name", "Engine"}, {"Version", build_info().version}, {"Details", std::move(details)}}}}};
}

std::string operating_system() {
  std::string text = read_file("/etc/os-release").value_or("");
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    std::string name = line.substr(12);
    std::erase(name, '"');
    return name;
  }
  return "Linux";
}

bool is_on(const char* path) { return trim(read_file(path).value_or("")) == "1"; }

void add_counts(const Services& s, Json& info) {
  int running = 0;
  int paused = 0;
  for (const auto& [id, container] : s.context.containers) {
    running += container->status() == ContainerStatus::Running ? 1 : 0;
    paused += container->status() == ContainerStatus::Paused ? 1 : 0;
  }
  auto total = static_cast<int>(s.context.containers.size());
  info["Containers"] = total;
  info["ContainersRunning"] = running;
  info["ContainersPaused"] = paused;
  info["ContainersStopped"] = total - running - paused;
  info["Images"] = s.containers.parts().images.list().size();
}

void add_machine(Json& info) {
  utsname machine{};
  ::uname(&machine);
  struct sysinfo memory{};
  ::sysinfo(&memory);
  info["Name"] = machine.nodename;
  info["KernelVersion"] = machine.release;
  info["OperatingSystem"] = operating_system();
  info["OSVersion"] = "";
  info["OSType"] = "linux";
  info["Architecture"] = machine.machine;
  info["NCPU"] = ::get_nprocs();
  info["MemTotal"] = static_cast<int64_t>(memory.totalram) * memory.mem_unit;
  info["SystemTime"] = rfc3339(std::chrono::system_clock::now());
  info["IPv4Forwarding"] = is_on("/proc/sys/net/ipv4/ip_forward");
}

// Docker reports which limits the kernel supports: with our engine all, on both versions of cgroups.
void add_limits(Json& info) {
  for (const char* limit : {"MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet",
                            "PidsLimit", "OomKillDisable"})
    info[limit] = true;
}

Json info_json(const Services& s) {
  Json info{{"ID", s.context.paths.tag.empty() ? "stack" : s.context.paths.tag},
            {"ServerVersion", build_info().version},
            {"Driver", "overlay2"},
            {"DriverStatus", Json::array()},
            {"DockerRootDir", s.context.paths.root},
            {"CgroupDriver", "cgroupfs"},
            {"CgroupVersion", s.containers.parts().cgroups.mode() == runtime::CgroupMode::V2 ? "2" : "1"},
            {"DefaultRuntime", "stack"},
            {"Runtimes", {{"stack", {{"path", "stack-runtime"}}}}},
            {"LoggingDriver", "json-file"},
            {"SecurityOptions", {"name=seccomp,profile=builtin", "name=cgroupns"}},
            {"Debug", false},
            {"ExperimentalBuild", false},
            {"LiveRestoreEnabled", true},
            {"NFd", 0},
            {"NGoroutines", 0},
            {"NEventsListener", 0},
            {"IndexServerAddress", "https://index.docker.io/v1/"},
            {"RegistryConfig",
             {{"InsecureRegistryCIDRs", {"::1/128", "127.0.0.0/8"}},
              {"IndexConfigs",
               {{"docker.io",
                 {{"Name", "docker.io"}, {"Mirrors", Json::array()}, {"Secure", true}, {"Official", true}}}}},
              {"Mirrors", Json::array()}}},
            {"HttpProxy", ""},
            {"HttpsProxy", ""},
            {"NoProxy", ""},
            {"Labels", Json::array()},
            {"Isolation", ""},
            {"InitBinary", "stack-init"},
            {"ContainerdCommit", {{"ID", ""}}},
            {"RuncCommit", {{"ID", ""}}},
            {"InitCommit", {{"ID", ""}}},
            {"CDISpecDirs", Json::array()},
            {"Plugins",
             {{"Volume", {"local"}},
              {"Network", {"bridge", "host", "null"}},
              {"Authorization", Json::array()},
              {"Log", {"json-file", "local", "journald", "none"}}}},
            {"Swarm",
             {{"NodeID", ""},
              {"NodeAddr", ""},
              {"LocalNodeState", "inactive"},
              {"ControlAvailable", false},
              {"Error", ""},
              {"RemoteManagers", nullptr}}},
            {"Warnings", Json::array()}};
  add_counts(s, info);
  add_machine(info);
  add_limits(info);
  return info;
}

}  // namespace

void add_system_routes(http::Router& router, Services& s) {
  auto ping = [](Request&, Response& response) -> Task<> {
    response.set_header("Cache-Control", "no-cache, no-store, must-revalidate");
    response.set_header("Pragma", "no-cache");
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
  router.post("/stack/v1/doctor/give-up/{id}", [&s](Request& request, Response& response) -> Task<> {
    Result<> gone = co_await s.containers.recovery().give_up(request.param("id"));
    if (gone) {
      response.no_content();
    } else {
      response.error(gone.error());
    }
  });
  router.post("/stack/v1/shutdown", [&s](Request& request, Response& response) -> Task<> {
    if (request.query.flag("containers")) co_await s.projects.stop_for_reboot();
    response.no_content();
    s.shut_down();
  });
}

void add_routes(http::Router& router, Services& s) {
  add_system_routes(router, s);
  add_container_routes(router, s);
  add_log_routes(router, s);
  add_event_routes(router, s);
  add_attach_routes(router, s);
  add_exec_routes(router, s);
  add_stats_routes(router, s);
  add_file_routes(router, s);
  add_image_routes(router, s);
  add_build_routes(router, s);
  add_buildkit_routes(router, s);
  add_stack_build_routes(router, s);
  add_network_routes(router, s);
  add_volume_routes(router, s);
  add_volume_copy_routes(router, s);
  add_disk_usage_routes(router, s);
  add_registry_routes(router, s);
  add_search_routes(router, s);
  add_project_routes(router, s);
  add_unsupported_routes(router);
}

}  // namespace stack::engine
