// The HTTP API: docs/API.md. Handlers only translate; the services do the work.
#pragma once

#include "engine/container/exec_service.h"
#include "engine/image/build_service.h"
#include "engine/project/project_service.h"
#include "http/server/router.h"

namespace stack::engine {

struct Services {
  Context& context;
  ContainerService& containers;
  NetworkService& networks;
  ExecService& execs;
  HealthService& health;
  BuildService& builds;
  ProjectService& projects;
  std::function<void()> shut_down;
};

void add_system_routes(http::Router& router, Services& services);
void add_container_routes(http::Router& router, Services& services);
void add_stream_routes(http::Router& router, Services& services);    // logs, events
void add_attach_routes(http::Router& router, Services& services);    // attach, exec
void add_stats_routes(http::Router& router, Services& services);     // stats, top
void add_file_routes(http::Router& router, Services& services);      // archive, changes, export, commit
void add_resource_routes(http::Router& router, Services& services);  // images, networks, volumes
void add_project_routes(http::Router& router, Services& services);
void add_unsupported_routes(http::Router& router);  // swarm, plugins
// All of them.
void add_routes(http::Router& router, Services& services);

// "a" or "a=b" against labels.
bool label_matches(const std::map<std::string, std::string>& labels, const std::string& wanted);

}  // namespace stack::engine
