// Backups, restores, and clones of volumes: /stack/v1/volumes.
#include "base/json.h"
#include "engine/api/api.h"
#include "engine/api/body_file.h"
#include "engine/api/thread_stream.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Task<> back_up(Services& s, Request& request, Response& response) {
  std::string name = request.param("name");
  Result<CopyMode> mode = parse_copy_mode(request.query.get("mode"));
  if (!mode) {
    response.error(mode.error());
    co_return;
  }
  Result<std::shared_ptr<VolumeAccess>> access = co_await s.volumes.open(name);
  if (!access) {
    response.error(access.error());
    co_return;
  }
  Result<std::shared_ptr<void>> held = co_await s.volumes.quiet(name, *mode);
  if (!held) {
    response.error(held.error());
    co_return;
  }
  auto produce = [open = std::move(*access)](const ByteSink& sink) { return write_backup(*open, sink); };
  co_await stream_from_thread(s.context.io, response, "application/zstd", std::move(produce));
}

Task<> restore(Services& s, Request& request, Response& response) {
  RestoreOptions options;
  options.name = request.query.get("name");
  options.replace = request.query.flag("force");
  Result<CopyMode> mode = parse_copy_mode(request.query.get("mode"));
  if (!mode) {
    response.error(mode.error());
    co_return;
  }
  Result<Fd> body = co_await spool_body(request, s.context.paths.cache());
  Result<volumes::Volume> restored = Error("no backup");
  if (body) {
    restored = co_await s.volumes.restore(body->get(), options, *mode);
  } else {
    restored = body.error();
  }
  if (!restored) {
    response.error(restored.error());
    co_return;
  }
  response.json(200, volumes::volume_to_json(*restored));
}

Task<> clone(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  Result<CopyMode> mode = body ? parse_copy_mode(string_or(*body, "Mode")) : Result<CopyMode>(body.error());
  if (!mode) {
    response.error(mode.error());
    co_return;
  }
  Result<volumes::Volume> cloned =
      co_await s.volumes.clone(request.param("name"), string_or(*body, "Name"), *mode);
  if (!cloned) {
    response.error(cloned.error());
    co_return;
  }
  response.json(201, volumes::volume_to_json(*cloned));
}

}  // namespace

void add_volume_copy_routes(http::Router& router, Services& s) {
  router.get("/stack/v1/volumes/{name}/backup",
             [&s](Request& q, Response& r) -> Task<> { co_await back_up(s, q, r); });
  router.post("/stack/v1/volumes/restore",
              [&s](Request& q, Response& r) -> Task<> { co_await restore(s, q, r); });
  router.post("/stack/v1/volumes/{name}/clone",
              [&s](Request& q, Response& r) -> Task<> { co_await clone(s, q, r); });
}

}  // namespace stack::engine
