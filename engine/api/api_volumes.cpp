// Volumes.
#include "base/disk_usage.h"
#include "base/members.h"
#include "docker/object_filter.h"
#include "docker/prune_filter.h"
#include "engine/api/dry_run.h"
#include "engine/api/api.h"
#include "engine/api/docker_view.h"
#include "volumes/volume.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

volumes::VolumeStore& volume_store(Services& s) { return s.containers.parts().volumes; }

Task<> list_volumes(Services& s, Request& request, Response& response) {
  Result<docker::VolumeFilter> filter = docker::VolumeFilter::read(request.query.get("filters"));
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  Json rows = Json::array();
  for (const volumes::Volume& volume : volume_store(s).list())
    if (filter->matches(
            {volume.name, volume.driver, volume.labels, !volume_users(s.context, volume.name).empty()}))
      rows.push_back(volumes::volume_to_json(volume));
  response.json(200, {{"Volumes", rows}, {"Warnings", Json::array()}});
}

Result<volumes::VolumeSpec> read_spec(const Json& json) {
  std::optional<Error> error;
  Members body(json, "", error);
  volumes::VolumeSpec spec;
  body.read("Name", spec.name);
  body.read("Driver", spec.driver);
  body.read("DriverOpts", spec.options);
  body.read("Labels", spec.labels);
  if (error) return *std::move(error);
  if (spec.driver.empty()) spec.driver = "local";
  return spec;
}

Task<> create_volume(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  Result<volumes::VolumeSpec> spec = body ? read_spec(*body) : Result<volumes::VolumeSpec>(body.error());
  if (!spec) {
    response.error(spec.error());
    co_return;
  }
  Result<volumes::Volume> made = volume_store(s).create(*spec);
  if (!made) {
    response.error(made.error());
    co_return;
  }
  response.json(201, volumes::volume_to_json(*made));
}

Task<> inspect_volume(Services& s, Request& request, Response& response) {
  if (auto volume = volume_store(s).find(request.param("name"))) {
    response.json(200, volumes::volume_to_json(*volume));
  } else {
    response.error(404, "get " + request.param("name") + ": no such volume");
  }
  co_return;
}

Task<> remove_volume(Services& s, Request& request, Response& response) {
  std::string name = request.param("name");
  std::vector<std::string> users = volume_users(s.context, name);
  auto work = [&volumes = volume_store(s), name, users] { return volumes.remove(name, users); };
  Result<> removed = co_await offload(s.context.pool, work);
  if (!removed && !(removed.error().kind() == ErrorKind::NotFound && request.query.flag("force"))) {
    response.error(removed.error());
    co_return;
  }
  response.no_content();
}

Task<> prune_volumes(Services& s, Request& request, Response& response) {
  Result<docker::PruneFilter> filter =
      docker::PruneFilter::read(docker::FilterList::VolumesPrune, request.query.get("filters"));
  // Includes named volumes with `all`, and always before 1.42.
  Result<bool> all = filter ? filter->flag("all", request.version < 42) : Result<bool>(filter.error());
  if (!all) {
    response.error(all.error());
    co_return;
  }
  const DryRun dry_run = DryRun::of(request);
  Json deleted = Json::array();
  int64_t reclaimed = 0;
  for (const volumes::Volume& volume : volume_store(s).list()) {
    bool anonymous = volume.anonymous || volume.labels.contains("com.docker.volume.anonymous");
    if ((!anonymous && !*all) || !filter->fits(volume.labels, "")) continue;
    if (dry_run.is_volume_used(s.context, volume.name)) continue;
    auto work = [&volumes = volume_store(s), volume, only_report = static_cast<bool>(dry_run)]() -> Result<int64_t> {
      int64_t size = directory_size(volume.mountpoint);
      if (only_report) return size;
      TRY(volumes.remove(volume.name, {}));
      return size;
    };
    Result<int64_t> removed = co_await offload(s.context.pool, work);
    if (!removed) continue;
    deleted.push_back(volume.name);
    reclaimed += *removed;
  }
  if (!dry_run) s.context.events.publish("volume", "prune", "", {{"reclaimed", std::to_string(reclaimed)}});
  response.json(200, {{"VolumesDeleted", deleted}, {"SpaceReclaimed", reclaimed}});
}

}  // namespace

void add_volume_routes(http::Router& router, Services& s) {
  router.get("/volumes", [&s](Request& q, Response& r) -> Task<> { co_await list_volumes(s, q, r); });
  router.post("/volumes/create",
              [&s](Request& q, Response& r) -> Task<> { co_await create_volume(s, q, r); });
  router.post("/volumes/prune", [&s](Request& q, Response& r) -> Task<> { co_await prune_volumes(s, q, r); });
  router.get("/volumes/{name}",
             [&s](Request& q, Response& r) -> Task<> { co_await inspect_volume(s, q, r); });
  router.put("/volumes/{name}", [](Request&, Response& response) -> Task<> {
    response.error(503, "This node is not a swarm manager: only cluster volumes can be updated");
    co_return;
  });
  router.del("/volumes/{name}", [&s](Request& q, Response& r) -> Task<> { co_await remove_volume(s, q, r); });
}

}  // namespace stack::engine
