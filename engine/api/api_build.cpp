// POST /build: the classic builder's protocol over our builder (Engine API v1.50, ImageBuild).
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "base/text.h"
#include "docker/build_message.h"
#include "docker/build_query.h"
#include "docker/filters.h"
#include "docker/registry_auth.h"
#include "engine/api/api.h"
#include "engine/api/body_file.h"
#include "engine/api/buildkit_build.h"
#include "engine/api/stream_queue.h"
#include "images/builder/worker/host_environment.h"
#include "images/layer/layer_unpack.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// ---- context ----

// The context's files, in a staging folder that the store removes if the engine dies.
struct BuildContext {
  images::StagedLayer staged;
  std::string directory;
};

// A body that is not an archive is a single Dockerfile. Blocks.
Result<std::shared_ptr<BuildContext>> unpack_context(images::ImageStore& store, int body) {
  TRY_ASSIGN(images::StagedLayer staged, store.stage_layer());
  std::string directory = staged.scratch_directory() + "/context";
  TRY(ensure_directory(directory));
  auto context = std::make_shared<BuildContext>(BuildContext{std::move(staged), directory});
  TRY_ASSIGN(bool archive, images::looks_like_tar(body));
  if (!archive) {
    TRY_ASSIGN(std::string text, read_all(body));
    TRY(write_file(directory + "/Dockerfile", text));
    return context;
  }
  TRY_ASSIGN(Fd root, open_file(directory, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(images::ByteSource source, images::open_decompressed(body));
  images::TarReader reader(std::move(source));
  images::UnpackOptions options;
  options.whiteouts = false;
  options.keep_root = true;
  TRY(images::unpack_tar(reader, root.get(), options).in("build context"));
  return context;
}

Result<builder::BuildRequest> build_request(const docker::BuildQuery& query, const std::string& directory) {
  builder::BuildRequest request;
  request.context_directory = directory;
  // Always inside the context, because the client may be on another machine.
  request.dockerfile = clean_path("/" + query.dockerfile).substr(1);
  request.args = query.args;
  request.target = query.target;
  request.labels = query.labels;
  request.no_cache = query.no_cache;
  request.pull = query.pull;
  request.platform = query.platform;
  request.extra_hosts = query.extra_hosts;
  request.apt_configuration = builder::find_apt_configuration();
  if (query.shm_size > 0) request.shm_size = ByteSize{query.shm_size};
  request.only_cache_from = !query.cache_from.empty();
  for (const std::string& name : query.cache_from) {
    TRY_ASSIGN(builder::CacheLocation location, builder::parse_cache_location(name, false));
    request.cache_from.push_back(std::move(location));
  }
  set_network(request, query.network_mode);
  for (const std::string& tag : query.tags) {
    TRY_ASSIGN(Reference reference, parse_reference(tag));
    request.tags.push_back(std::move(reference));
  }
  return request;
}

// ---- progress ----

void send_stream(const Sink& sink, const std::string& text) { sink({{"stream", text + "\n"}}); }

// The classic builder's lines for one event. It says whether a step is cached right below the step's name, so a step of ours is
// told once that is known; one without a layer (FROM) at its end.
void send_classic(const Sink& sink, const BuildLine& line, std::set<int>& told) {
  using Kind = builder::BuildEventKind;
  const builder::BuildEvent& event = line.event;
  switch (event.kind) {
    case Kind::StepOutput:
      sink({{"stream", event.is_stderr ? docker::classic_stderr(event.text) : event.text + "\n"}});
      return;
    case Kind::Message:
    case Kind::Warning:
      return send_stream(sink, line.text);
    case Kind::Configured:
      send_stream(sink, docker::classic_step(event.place, event.places, event.text));
      if (event.cached) send_stream(sink, docker::kClassicCached);
      return;
    case Kind::StepStarted:
    case Kind::StepCanceled:
      return;
    case Kind::StepCached:
    case Kind::StepRunning:
    case Kind::StepDone:
    case Kind::StepFailed:
      break;
  }
  bool ended = event.kind == Kind::StepDone || event.kind == Kind::StepFailed;
  if (event.place > 0 && told.insert(event.step).second && event.kind != Kind::StepFailed)
    send_stream(sink, docker::classic_step(event.place, event.places, event.text));
  if (event.kind == Kind::StepCached) send_stream(sink, docker::kClassicCached);
  if (ended) told.erase(event.step);
}

BuildSink classic_sink(Sink sink, bool quiet) {
  return [sink = std::move(sink), quiet, told = std::make_shared<std::set<int>>()](const BuildLine& line) {
    if (!quiet) send_classic(sink, line, *told);
  };
}

void send_result(const Sink& sink, const std::string& image_id, const builder::BuildRequest& request,
                 bool quiet) {
  if (quiet) return send_stream(sink, image_id);
  sink({{"aux", {{"ID", image_id}}}});
  std::string digits = image_id.substr(image_id.find(':') + 1);
  send_stream(sink, "Successfully built " + digits.substr(0, 12));
  for (const Reference& tag : request.tags) send_stream(sink, "Successfully tagged " + tag.familiar());
}

Task<> run_build(Services& s, builder::BuildRequest request, bool quiet, Sink sink, std::stop_token stop) {
  auto made = co_await s.builds.build(request, classic_sink(sink, quiet), stop);
  if (made) {
    send_result(sink, made->image_id, request, quiet);
    co_return;
  }
  sink(docker::build_error_message(made.error().error.text()));
}

// The credentials of X-Registry-Config for the base images.
std::unique_ptr<RegistryService::Lease> lend_credentials(Services& s, const Request& request) {
  Caller caller;
  Result<RegistryKeyring> keyring = docker::read_config_header(request.headers.get("X-Registry-Config"));
  if (keyring) caller.keyring = std::move(*keyring);
  caller.proxy = own_proxy_settings();
  return s.registries.lend(std::move(caller));
}

// Builds, and sends the output until the client leaves.
Task<> serve_build(Services& s, Request& request, Response& response, builder::BuildRequest wanted,
                   bool quiet) {
  std::unique_ptr<RegistryService::Lease> lease = lend_credentials(s, request);
  wanted.caller = lease->id();
  std::stop_source stop;
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([stop, queue]() mutable {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, run_build(s, std::move(wanted), quiet, queue->sink(), stop.get_token()),
                        "application/json");
}

// `remote`: the context is a git repository or an archive at a URL; the body is ignored.
Task<> build_remote(Services& s, Request& request, Response& response, docker::BuildQuery query) {
  Result<builder::BuildRequest> wanted = build_request(query, query.remote);
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  co_await serve_build(s, request, response, std::move(*wanted), query.quiet);
}

Task<> build(Services& s, Request& request, Response& response) {
  Result<docker::BuildQuery> query = docker::read_build_query(request.query.items());
  if (query && query->version == 2) {
    co_await build_of_session(s, request, response, *query);
    co_return;
  }
  if (query && !query->remote.empty()) {
    co_await build_remote(s, request, response, *query);
    co_return;
  }
  Result<builder::BuildRequest> wanted =
      query ? build_request(*query, "") : Result<builder::BuildRequest>(query.error());
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  Result<Fd> body = co_await spool_body(request, s.context.paths.cache());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  auto held = std::make_shared<Fd>(std::move(*body));
  auto unpack = [&store = s.containers.parts().images, held] { return unpack_context(store, held->get()); };
  Result<std::shared_ptr<BuildContext>> context = co_await offload(s.context.pool, unpack);
  held.reset();
  if (!context) {
    response.error(context.error());
    co_return;
  }
  wanted->context_directory = (*context)->directory;
  co_await serve_build(s, request, response, std::move(*wanted), query->quiet);
  // The files are removed on the pool.
  auto drop = [held_context = std::move(*context)]() mutable {
    held_context.reset();
    return true;
  };
  (void)co_await offload(s.context.pool, std::move(drop));
}

Result<builder::CachePruneRequest> cache_prune_request(const Request& request) {
  builder::CachePruneRequest out;
  out.all = request.query.flag("all");
  out.only_report = request.query.flag("dry-run");
  for (const char* name : {"keep-storage", "reserved-space"}) {
    TRY_ASSIGN(int64_t bytes, request.query.integer(name, 0));
    out.keep.bytes = std::max(out.keep.bytes, bytes);
  }
  TRY_ASSIGN(docker::Filters filters,
             docker::read_filters(docker::FilterList::BuildPrune, request.query.get("filters")));
  for (const char* name : {"description", "parent", "private"})
    if (filters.contains(name)) return invalid(std::string("filter '") + name + "' is not supported");
  for (const char* name : {"until", "unused-for"}) {
    TRY_ASSIGN(std::optional<WallTime> time, docker::filter_time(filters, name));
    if (time) out.unused_since = time;
  }
  for (const char* name : {"shared", "inuse"}) TRY(docker::filter_flag(filters, name, false));
  out.wanted = [filters](const builder::CacheEntry& entry) {
    auto is = [](bool value) {
      return [value](const std::string& text) { return (text == "true" || text == "1") == value; };
    };
    auto equals = [](const std::string& value) {
      return [value](const std::string& text) { return value.starts_with(text); };
    };
    return docker::any_value(filters, "shared", is(entry.shared)) &&
           docker::any_value(filters, "inuse", is(entry.in_use)) &&
           docker::any_value(filters, "id", equals(entry.id)) &&
           docker::any_value(filters, "type", equals(entry.is_mount ? "exec.cachemount" : "regular"));
  };
  return out;
}

Task<> prune_build_cache(Services& s, Request& request, Response& response) {
  Result<builder::CachePruneRequest> wanted = cache_prune_request(request);
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  Result<builder::CachePruned> pruned = co_await s.builds.prune_cache(*wanted);
  if (!pruned) {
    response.error(pruned.error());
    co_return;
  }
  if (!wanted->only_report) s.context.events.publish("builder", "prune", "", {{"reclaimed", std::to_string(pruned->freed)}});
  response.json(200, {{"CachesDeleted", pruned->ids}, {"SpaceReclaimed", pruned->freed}});
}

}  // namespace

void add_build_routes(http::Router& router, Services& s) {
  router.post("/build", [&s](Request& q, Response& r) -> Task<> { co_await build(s, q, r); });
  router.post("/build/prune",
              [&s](Request& q, Response& r) -> Task<> { co_await prune_build_cache(s, q, r); });
}

}  // namespace stack::engine
