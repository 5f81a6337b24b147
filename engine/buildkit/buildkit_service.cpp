#include "engine/buildkit/buildkit_service.h"

#include <algorithm>

#include "base/log.h"
#include "engine/buildkit/buildkit.pb.h"
#include "engine/buildkit/solve_build.h"

namespace stack::engine {

namespace {

constexpr std::string_view kControl = "/moby.buildkit.v1.Control/";
constexpr std::string_view kGateway = "/moby.buildkit.v1.frontend.LLBBridge/";
constexpr const char* kBuildHeader = "buildkit-controlapi-buildid";
constexpr auto kJobWait = std::chrono::seconds(10);
constexpr auto kJobMemory = std::chrono::seconds(60);
// What our gateway can do, by BuildKit's names.
constexpr const char* kCapabilities[] = {"solve.base",       "return",
                                         "returnmap",        "importcaches",
                                         "proto.refarray",   "gateway.solve.metadata",
                                         "gateway.evaluate", "gateway.solve.evaluate",
                                         "reference.output", "frontend.inputs"};

using grpc::Code;
using grpc::Status;

Status unsupported_call(const std::string& what) { return {Code::Unimplemented, what + " is not supported"}; }

template <typename Message>
Result<Message> parse(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) return invalid("unreadable request");
  return message;
}

Task<Status> reply(grpc::CallPtr call, std::string message) {
  Result<> sent = co_await call->send(message);
  co_return sent ? Status() : grpc::status_of(sent.error());
}

void describe_worker(buildkit::Worker& worker) {
  worker.set_id("stack");
  buildkit::Platform& platform = *worker.add_platforms();
  platform.set_os("linux");
  platform.set_architecture(images::host_architecture());
  worker.mutable_version()->set_package("stack");
}

template <typename Map>
std::map<std::string, std::string> to_map(const Map& values) {
  return {values.begin(), values.end()};
}

template <typename List>
std::vector<SolveCache> caches_of(const List& list) {
  std::vector<SolveCache> out;
  for (const buildkit::CacheEntry& entry : list) out.push_back({entry.type(), to_map(entry.attributes())});
  return out;
}

// The images that the definitions stand for. Others are left out: the build says so if it needs them.
template <typename Map>
std::map<std::string, std::string> inputs_of(const Map& definitions) {
  std::map<std::string, std::string> out;
  for (const auto& [name, definition] : definitions)
    if (std::optional<std::string> image = image_of_definition(definition)) out[name] = *image;
  return out;
}

Result<SolveRequest> read_solve(const std::string& bytes) {
  TRY_ASSIGN(buildkit::SolveRequest message, parse<buildkit::SolveRequest>(bytes));
  if (!message.definition().empty()) return unsupported("a build of LLB (only Dockerfiles are supported)");
  SolveRequest out;
  out.ref = message.ref();
  out.session = message.session();
  out.frontend = message.frontend();
  out.options = to_map(message.options());
  out.inputs = inputs_of(message.inputs());
  for (const buildkit::Exporter& exporter : message.exporters())
    out.exporters.push_back({exporter.type(), to_map(exporter.attributes())});
  if (out.exporters.empty() && !message.exporter().empty())
    out.exporters.push_back({message.exporter(), to_map(message.exporter_attributes())});
  out.cache_imports = caches_of(message.cache().imports());
  out.cache_exports = caches_of(message.cache().exports());
  out.entitlements = {message.entitlements().begin(), message.entitlements().end()};
  return out;
}

// "gateway.v0" names the frontend as an image: the Dockerfile frontend's images are what our builder implements.
Result<> check_frontend(const std::string& frontend, const std::map<std::string, std::string>& options) {
  if (frontend == "dockerfile.v0") return {};
  auto source = options.find("source");
  std::string image = source == options.end() ? "" : source->second;
  if (frontend == "gateway.v0" && image.find("docker/dockerfile") != std::string::npos) return {};
  return unsupported("frontend " + (image.empty() ? frontend : image) + " (only Dockerfiles are supported)");
}

int64_t nanoseconds_of(const std::string& time) {
  Result<WallTime> parsed = parse_rfc3339(time);
  return parsed ? std::chrono::duration_cast<std::chrono::nanoseconds>(parsed->time_since_epoch()).count()
                : 0;
}

void set_time(buildkit::Timestamp& out, const std::string& time) {
  out.set_seconds(nanoseconds_of(time) / 1'000'000'000);
  out.set_nanos(static_cast<int32_t>(nanoseconds_of(time) % 1'000'000'000));
}

void fill(buildkit::UsageRecord& record, const builder::CacheEntry& entry) {
  record.set_id(entry.id);
  record.set_is_mutable(entry.is_mount);
  record.set_in_use(entry.in_use);
  record.set_shared(entry.shared);
  record.set_size(entry.size);
  record.set_usage_count(entry.uses);
  record.set_record_type(entry.is_mount ? "exec.cachemount" : "regular");
  set_time(*record.mutable_created(), entry.created);
  set_time(*record.mutable_last_used(), entry.last_used);
}

}  // namespace

BuildkitService::BuildkitService(BuildkitParts parts)
    : parts_(parts), sessions_(parts.context.io), changed_(parts.context.io) {}

Task<> BuildkitService::serve_session(http::Headers headers, http::RawStream stream) {
  co_await sessions_.serve(headers, std::move(stream));
}

Task<> BuildkitService::serve_api(http::RawStream stream) {
  auto handler = [this](grpc::CallPtr call) -> Task<Status> { co_return co_await answer(std::move(call)); };
  co_await grpc::Connection::create(parts_.context.io, std::move(stream), handler)->run();
}

// ---- builds ----

JobPtr BuildkitService::begin(SolveRequest request) {
  auto job = std::make_shared<SolveJob>(parts_.context.io, std::move(request));
  jobs_[job->request.ref] = job;
  changed_.notify_all();
  return job;
}

Task<JobPtr> BuildkitService::find_job(std::string ref) {
  auto deadline = std::chrono::steady_clock::now() + kJobWait;
  for (;;) {
    if (auto found = jobs_.find(ref); found != jobs_.end()) co_return found->second;
    bool notified = co_await changed_.wait_until(deadline);
    if (!notified) co_return nullptr;
  }
}

// An image that nobody keeps may be the base of another build of the same client.
Task<> BuildkitService::drop_image(JobPtr job) {
  auto runs = [](const auto& entry) { return !entry.second->ended; };
  while (std::any_of(jobs_.begin(), jobs_.end(), runs)) co_await sleep_for(parts_.context.io, kJobMemory);
  auto drop = [&store = parts_.images, id = *job->image_id] { return store.discard(id); };
  Result<> dropped = co_await offload(parts_.context.pool, drop);
  if (!dropped) log_warning("discard the image of a build: " + dropped.error().text());
}

Task<> BuildkitService::forget_later(JobPtr job) {
  if (job->drops_image) co_await drop_image(job);
  co_await sleep_for(parts_.context.io, kJobMemory);
  if (auto found = jobs_.find(job->request.ref); found != jobs_.end() && found->second == job)
    jobs_.erase(found);
}

Task<Result<>> BuildkitService::wait_for_gateway(JobPtr job) {
  while (!job->returned) {
    if (job->stop.stop_requested()) co_return Error(ErrorKind::Canceled, "build was canceled");
    co_await job->changed.wait();
  }
  co_return *job->returned;
}

Task<Result<std::map<std::string, std::string>>> BuildkitService::solve(JobPtr job) {
  Result<SessionPtr> session = co_await sessions_.wait_for(job->request.session, job->stop.get_token());
  Result<> built = session ? Result<>() : Result<>(session.error());
  if (built) {
    auto building = job->request.frontend.empty() ? wait_for_gateway(job) : build_job(parts_, *session, job);
    built = co_await std::move(building);
  }
  Result<std::map<std::string, std::string>> answer =
      built ? std::map<std::string, std::string>()
            : Result<std::map<std::string, std::string>>(built.error());
  if (built) {
    auto exporting = export_job(parts_, *session, job);
    answer = co_await std::move(exporting);
  }
  job->ended = true;
  job->changed.notify_all();
  start(parts_.context.io, forget_later(job));
  co_return answer;
}

Task<Status> BuildkitService::answer_solve(grpc::CallPtr call, std::string message) {
  Result<SolveRequest> request = read_solve(message);
  if (request && !request->frontend.empty())
    if (Result<> known = check_frontend(request->frontend, request->options); !known) request = known.error();
  if (!request) co_return grpc::status_of(request.error());
  JobPtr job = begin(std::move(*request));
  call->on_end([job] {
    job->stop.request_stop();
    job->changed.notify_all();
  });
  Result<std::map<std::string, std::string>> answer = co_await solve(job);
  if (!answer) co_return grpc::status_of(answer.error());
  buildkit::SolveResponse response;
  for (const auto& [name, value] : *answer) (*response.mutable_exporter_response())[name] = value;
  co_return co_await reply(call, response.SerializeAsString());
}

Task<Status> BuildkitService::answer_status(grpc::CallPtr call, std::string message) {
  Result<buildkit::StatusRequest> request = parse<buildkit::StatusRequest>(message);
  if (!request) co_return grpc::status_of(request.error());
  JobPtr job = co_await find_job(request->ref());
  if (!job) co_return Status{Code::NotFound, "no such job " + request->ref()};
  for (size_t sent = 0; !call->over();) {
    while (sent < job->feed.size()) {
      std::string piece = job->feed[sent++];
      Result<> written = co_await call->send(piece);
      if (!written) co_return grpc::status_of(written.error());
    }
    if (job->ended) break;
    co_await job->changed.wait();
  }
  co_return Status();
}

// ---- the gateway: the client itself runs the frontend's part of a build, by calls ----

Task<Status> BuildkitService::answer_gateway_solve(grpc::CallPtr call, JobPtr job, std::string message) {
  Result<buildkit::GatewaySolveRequest> request = parse<buildkit::GatewaySolveRequest>(message);
  if (!request) co_return grpc::status_of(request.error());
  if (!request->definition().empty())
    co_return unsupported_call("a build of LLB (only Dockerfiles are supported)");
  std::map<std::string, std::string> options = to_map(request->options());
  Result<> known = check_frontend(request->frontend(), options);
  if (!known) co_return grpc::status_of(known.error());
  for (SolveCache& cache : caches_of(request->cache_imports()))
    job->request.cache_imports.push_back(std::move(cache));
  Result<SessionPtr> session = co_await sessions_.wait_for(job->request.session, job->stop.get_token());
  if (!session) co_return grpc::status_of(session.error());
  job->request.options = std::move(options);
  job->request.inputs = inputs_of(request->inputs());
  Result<> built = co_await build_job(parts_, *session, job);
  if (!built) co_return grpc::status_of(built.error());
  buildkit::GatewaySolveResponse response;
  if (job->image_id) {
    buildkit::Reference& reference = *response.mutable_result()->mutable_reference();
    reference.set_id(*job->image_id);
    *reference.mutable_definition() = definition_of_image(*job->image_id);
  } else {
    auto file = job->request.options.find("filename");
    std::string name = file == job->request.options.end() ? "Dockerfile" : file->second;
    *response.mutable_result() = lint_result(job->warnings, name, job->dockerfile);
  }
  co_return co_await reply(call, response.SerializeAsString());
}

Task<Status> BuildkitService::answer_gateway(grpc::CallPtr call, std::string method, std::string message) {
  JobPtr job = co_await find_job(call->header(kBuildHeader));
  if (!job) co_return Status{Code::NotFound, "no such job " + call->header(kBuildHeader)};
  if (method == "Ping") {
    buildkit::Pong pong;
    for (const char* name : kCapabilities) {
      buildkit::Capability& capability = *pong.add_frontend_capabilities();
      capability.set_id(name);
      capability.set_enabled(true);
    }
    describe_worker(*pong.add_workers());
    co_return co_await reply(call, pong.SerializeAsString());
  }
  if (method == "Solve") co_return co_await answer_gateway_solve(call, job, std::move(message));
  // What is solved here is built already.
  if (method == "Evaluate" || method == "Warn") co_return co_await reply(call, "");
  if (method != "Return") co_return unsupported_call("LLBBridge." + method);
  Result<buildkit::ReturnRequest> request = parse<buildkit::ReturnRequest>(message);
  if (!request) co_return grpc::status_of(request.error());
  job->returned = request->error().code() == 0 ? Result<>() : Result<>(Error(request->error().message()));
  job->changed.notify_all();
  co_return co_await reply(call, "");
}

// ---- the cache ----

Task<Status> BuildkitService::answer_disk_usage(grpc::CallPtr call) {
  std::vector<builder::CacheEntry> entries = co_await parts_.builds.cache_entries();
  buildkit::DiskUsage usage;
  for (const builder::CacheEntry& entry : entries) fill(*usage.add_records(), entry);
  co_return co_await reply(call, usage.SerializeAsString());
}

Task<Status> BuildkitService::answer_prune(grpc::CallPtr call, std::string message) {
  Result<buildkit::PruneRequest> request = parse<buildkit::PruneRequest>(message);
  if (!request) co_return grpc::status_of(request.error());
  std::vector<std::string> filters(request->filter().begin(), request->filter().end());
  for (const std::string& filter : filters)
    if (Result<bool> known = matches_prune_filter({}, filter); !known)
      co_return grpc::status_of(known.error());
  builder::CachePruneRequest wanted;
  if (!filters.empty())
    wanted.wanted = [filters](const builder::CacheEntry& entry) {
      return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
        return matches_prune_filter(entry, filter).value_or(false);
      });
    };
  wanted.all = request->all();
  wanted.keep.bytes = std::max(request->reserved_space(), request->max_used_space());
  if (request->keep_duration() > 0)
    wanted.unused_since =
        std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                               std::chrono::nanoseconds(request->keep_duration()));
  std::vector<builder::CacheEntry> before = co_await parts_.builds.cache_entries();
  Result<builder::CachePruned> pruned = co_await parts_.builds.prune_cache(std::move(wanted));
  if (!pruned) co_return grpc::status_of(pruned.error());
  for (const builder::CacheEntry& entry : before) {
    if (std::find(pruned->ids.begin(), pruned->ids.end(), entry.id) == pruned->ids.end()) continue;
    buildkit::UsageRecord record;
    fill(record, entry);
    Result<> sent = co_await call->send(record.SerializeAsString());
    if (!sent) co_return grpc::status_of(sent.error());
  }
  co_return Status();
}

Task<Status> BuildkitService::answer(grpc::CallPtr call) {
  Result<std::optional<std::string>> message = co_await call->receive();
  if (!message) co_return grpc::status_of(message.error());
  std::string body = message->value_or("");
  const std::string& path = call->path();
  log_debug("gRPC " + path);
  if (path.starts_with(kGateway)) {
    std::string method = path.substr(kGateway.size());
    co_return co_await answer_gateway(call, std::move(method), std::move(body));
  }
  std::string method = path.starts_with(kControl) ? path.substr(kControl.size()) : "";
  if (method == "Solve") co_return co_await answer_solve(call, std::move(body));
  if (method == "Status") co_return co_await answer_status(call, std::move(body));
  if (method == "DiskUsage") co_return co_await answer_disk_usage(call);
  if (method == "Prune") co_return co_await answer_prune(call, std::move(body));
  if (method == "ListWorkers") {
    buildkit::Workers workers;
    describe_worker(*workers.add_workers());
    co_return co_await reply(call, workers.SerializeAsString());
  }
  if (method == "Info") {
    buildkit::Info info;
    info.mutable_version()->set_package("stack");
    co_return co_await reply(call, info.SerializeAsString());
  }
  if (path == "/grpc.health.v1.Health/Check") co_return co_await reply(call, std::string("\x08\x01", 2));
  co_return unsupported_call(path);
}

}  // namespace stack::engine
