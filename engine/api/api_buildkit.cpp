// BuildKit's paths: the connections are handed to the service. POST /build?version=2 is what Docker's client without buildx asks
// for with DOCKER_BUILDKIT=1: one build of a session, told as lines of JSON.
#include "base/base64.h"
#include "base/identity.h"
#include "docker/build_query.h"
#include "engine/api/api.h"
#include "engine/api/buildkit_build.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Task<> serve(Services& s, Request& request, Response& response, bool session) {
  if (!request.wants_upgrade()) {
    response.error(400, "this path needs a connection that is upgraded to h2c");
    co_return;
  }
  http::Headers headers = request.headers;
  Result<http::RawStream> stream = co_await response.hijack("application/vnd.docker.raw-stream");
  if (!stream) co_return;
  auto serving = session ? s.buildkit.serve_session(std::move(headers), std::move(*stream))
                         : s.buildkit.serve_api(std::move(*stream));
  co_await std::move(serving);
}

// The query of POST /build as the options of the Dockerfile frontend.
Result<SolveRequest> solve_request(const docker::BuildQuery& query) {
  SolveRequest out;
  out.ref = query.build_id.empty() ? random_id() : query.build_id;
  out.session = query.session;
  out.frontend = "dockerfile.v0";
  auto set = [&out](const std::string& name, const std::string& value) {
    if (!value.empty()) out.options[name] = value;
  };
  set("filename", query.dockerfile);
  set("target", query.target);
  set("platform", query.platform);
  set("force-network-mode", query.network_mode == "default" ? "" : query.network_mode);
  if (query.remote != "client-session") set("context", query.remote);
  if (query.no_cache) out.options["no-cache"] = "";
  if (query.pull) out.options["image-resolve-mode"] = "pull";
  if (query.shm_size > 0) set("shm-size", std::to_string(query.shm_size));
  for (const auto& [name, value] : query.args)
    if (value) out.options["build-arg:" + name] = *value;
  for (const auto& [name, value] : query.labels) out.options["label:" + name] = value;
  std::string hosts;
  for (std::string host : query.extra_hosts) {
    if (size_t colon = host.find(':'); colon != std::string::npos) host[colon] = '=';
    hosts += (hosts.empty() ? "" : ",") + host;
  }
  set("add-hosts", hosts);
  for (const std::string& name : query.cache_from) out.cache_imports.push_back({"registry", {{"ref", name}}});
  std::string tags;
  for (const std::string& tag : query.tags) tags += (tags.empty() ? "" : ",") + tag;
  for (const docker::BuildOutput& output : query.outputs)
    out.exporters.push_back({output.type, output.attributes});
  if (out.exporters.empty()) out.exporters.push_back({"moby", {}});
  for (SolveExporter& exporter : out.exporters)
    if (!tags.empty()) exporter.attributes["name"] = tags;
  return out;
}

// The job's progress as the client decodes it.
Task<> tell(JobPtr job, Sink sink) {
  for (size_t sent = 0;;) {
    while (sent < job->feed.size())
      sink({{"id", "moby.buildkit.trace"}, {"aux", encode_base64(job->feed[sent++])}});
    if (job->ended) co_return;
    co_await job->changed.wait();
  }
}

Task<> run_session_build(Services& s, JobPtr job, bool quiet, Sink sink) {
  auto telling = std::make_shared<bool>(true);
  auto done = std::make_shared<Signal>(s.context.io);
  auto tell_all = [](JobPtr one, Sink out, std::shared_ptr<bool> open,
                     std::shared_ptr<Signal> end) -> Task<> {
    co_await tell(std::move(one), std::move(out));
    *open = false;
    end->notify_all();
  };
  Sink progress = quiet ? Sink([](const OrderedJson&) {}) : sink;
  start(s.context.io, tell_all(job, progress, telling, done));
  Result<std::map<std::string, std::string>> answer = co_await s.buildkit.solve(job);
  while (*telling) co_await done->wait();
  if (!answer) {
    sink({{"errorDetail", {{"message", answer.error().text()}}}, {"error", answer.error().text()}});
  } else if (auto image = answer->find("containerimage.config.digest"); image != answer->end()) {
    // With -q, the client prints what the stream says.
    if (quiet) sink({{"stream", image->second + "\n"}});
    if (!quiet) sink({{"id", "moby.image.id"}, {"aux", {{"ID", image->second}}}});
  }
}

}  // namespace

Task<> build_of_session(Services& s, Request& request, Response& response, docker::BuildQuery query) {
  Result<SolveRequest> wanted = solve_request(query);
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  JobPtr job = s.buildkit.begin(std::move(*wanted));
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([job, queue] {
    job->stop.request_stop();
    job->changed.notify_all();
    queue->leave();
  });
  co_await queue->serve(response, run_session_build(s, job, query.quiet, queue->sink()), "application/json");
}

void add_buildkit_routes(http::Router& router, Services& s) {
  router.post("/session", [&s](Request& q, Response& r) -> Task<> { co_await serve(s, q, r, true); });
  router.post("/grpc", [&s](Request& q, Response& r) -> Task<> { co_await serve(s, q, r, false); });
}

}  // namespace stack::engine
