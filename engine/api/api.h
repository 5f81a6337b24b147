// The HTTP API (docs/API.md). Handlers only translate; the services do the work.
#pragma once

#include "engine/buildkit/buildkit_service.h"
#include "engine/container/exec_service.h"
#include "engine/image/build_service.h"
#include "engine/logs/folder_watch.h"
#include "engine/project/project_service.h"
#include "engine/volume/volume_service.h"
#include "http/server/router.h"

namespace stack::engine {

struct Services {
  Context& context;
  ContainerService& containers;
  NetworkService& networks;
  ExecService& execs;
  HealthService& health;
  RegistryService& registries;
  BuildService& builds;
  BuildkitService& buildkit;
  ProjectService& projects;
  VolumeService& volumes;
  FolderWatch& log_folders;
  std::function<void()> shut_down;
};

void add_system_routes(http::Router& router, Services& services);
void add_container_routes(http::Router& router, Services& services);
void add_log_routes(http::Router& router, Services& services);
void add_event_routes(http::Router& router, Services& services);
void add_attach_routes(http::Router& router, Services& services);
void add_exec_routes(http::Router& router, Services& services);
void add_stats_routes(http::Router& router, Services& services);  // stats, top
void add_file_routes(http::Router& router, Services& services);   // archive, changes, export, commit
void add_image_routes(http::Router& router, Services& services);
void add_build_routes(http::Router& router, Services& services);        // Docker's
void add_buildkit_routes(http::Router& router, Services& services);     // session, grpc
void add_stack_build_routes(http::Router& router, Services& services);  // our own, and bootstrap
void add_network_routes(http::Router& router, Services& services);
void add_volume_routes(http::Router& router, Services& services);
void add_volume_copy_routes(http::Router& router, Services& services);
void add_disk_usage_routes(http::Router& router, Services& services);
void add_registry_routes(http::Router& router, Services& services);  // push, auth, distribution
void add_search_routes(http::Router& router, Services& services);
void add_project_routes(http::Router& router, Services& services);
void add_unsupported_routes(http::Router& router);  // swarm, plugins
// Adds all routes.
void add_routes(http::Router& router, Services& services);

}  // namespace stack::engine
