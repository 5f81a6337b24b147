#include "engine/image/build_service.h"

#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/image/run_step.h"
#include "images/builder/worker/host_environment.h"
#include "images/source/bootstrap.h"

namespace stack::engine {

BuildSettings build_settings_from(const Json& options) {
  BuildSettings settings;
  settings.no_cache = bool_or(options, "no_cache");
  settings.pull = bool_or(options, "pull");
  settings.ca_bundle = string_or(options, "ca_bundle");
  settings.ssh_socket = string_or(options, "ssh_auth_sock");
  settings.caller = string_or(options, "caller");
  auto read = [&](const char* key, std::map<std::string, std::string>& out) {
    if (!options.is_object() || !options.contains(key) || !options[key].is_object()) return;
    for (const auto& [name, value] : options[key].items())
      if (value.is_string()) out[name] = value.get<std::string>();
  };
  read("args", settings.args);
  read("proxy", settings.proxy);
  read("proxy_args", settings.proxy_args);
  return settings;
}

namespace {

// A build cache in a registry.
class RegistryCache : public builder::CacheSource {
 public:
  explicit RegistryCache(std::unique_ptr<images::registry::RemoteImage> image) : image_(std::move(image)) {}
  const std::string& config() const override { return image_->config(); }
  Result<images::LayerPin> layer(const std::string& diff_id) override {
    TRY_ASSIGN(images::IngestedLayer fetched, image_->layer(diff_id));
    return fetched.layer;
  }

 private:
  std::unique_ptr<images::registry::RemoteImage> image_;
};

}  // namespace

struct BuildService::State {
  State(Context& engine, ContainerService& container_service, NetworkService& network_service,
        RegistryService& registry_service)
      : context(engine),
        containers(container_service),
        networks(network_service),
        registries(registry_service),
        driver(engine, container_service, network_service) {}

  Context& context;
  ContainerService& containers;
  NetworkService& networks;
  RegistryService& registries;
  EngineRunDriver driver;
  BuildRecords records{context.store};
  std::unique_ptr<builder::Builder> builder;
  // Builds block for a long time, so they have their own threads and leave the engine's small pool free.
  asio::thread_pool threads{4};
  int running = 0;

  // Obtains the image of a FROM that is not in the store.
  Result<images::Image> base_image(const Reference& reference, const std::string& platform,
                                   const builder::BuildRequest& request,
                                   const builder::BuildProgress& progress, std::stop_token stop) {
    auto line = [&progress](std::string_view text) {
      builder::BuildEvent event;
      event.text = std::string(text);
      progress(event);
    };
    RegistryService::Wanted wanted{reference.full(), "", registries.caller_of(request.caller)};
    line("pulling " + reference.familiar() + (platform.empty() ? "" : " for " + platform));
    if (!platform.empty()) {
      wanted.platform = platform;
      return registries.pull_untagged(wanted, stop);
    }
    auto transfers = [&line](const TransferEvent& event) {
      if (event.layer.empty() && !event.text.empty()) line(event.text);
    };
    std::optional<images::Image> former = containers.parts().images.find(reference.familiar());
    TRY_ASSIGN(images::Image image,
               obtain_image(registries, containers.parts().images, wanted, transfers, line, stop));
    bool same = former && former->id == image.id;
    line((same ? "Status: Image is up to date for " : "Status: Downloaded newer image for ") +
         reference.familiar());
    return image;
  }

  Task<> ended() {
    if (--running == 0) co_await driver.release_network();
  }
};

BuildService::BuildService(Context& context, ContainerService& containers, NetworkService& networks,
                           RegistryService& registries)
    : state_(std::make_unique<State>(context, containers, networks, registries)) {}

BuildService::~BuildService() { state_->threads.join(); }

BuildRecords& BuildService::records() { return state_->records; }

Result<> BuildService::open() {
  TRY(state_->records.load());
  builder::BuilderOptions options;
  options.secret_directory = state_->context.paths.run_root + "/build-secrets";
  auto& store = state_->containers.parts().images;
  options.missing_image = [this](const Reference& reference, const std::string& platform,
                                 const builder::BuildRequest& request, const builder::BuildProgress& progress,
                                 std::stop_token stop) {
    return state_->base_image(reference, platform, request, progress, stop);
  };
  options.download = [&registries = state_->registries](const std::string& url, const std::string& path,
                                                        const builder::BuildRequest& request,
                                                        std::stop_token stop) -> Result<builder::RemoteFile> {
    TRY_ASSIGN(images::registry::Download done,
               registries.download(url, path, registries.caller_of(request.caller), stop));
    return builder::RemoteFile{done.digest, done.name, done.modified};
  };
  options.open_cache = [&registries = state_->registries](
                           const Reference& reference, const builder::BuildRequest& request,
                           std::stop_token stop) -> Result<std::unique_ptr<builder::CacheSource>> {
    TRY_ASSIGN(std::unique_ptr<images::registry::RemoteImage> image,
               registries.open_image({reference.full(), "", registries.caller_of(request.caller)}, stop));
    return std::make_unique<RegistryCache>(std::move(image));
  };
  options.push = [&registries = state_->registries](const Reference& reference, const std::string& image_id,
                                                    const builder::BuildRequest& request,
                                                    const builder::BuildProgress&, std::stop_token stop) {
    return registries.push_blocking({reference.full(), "", registries.caller_of(request.caller)}, image_id,
                                    stop);
  };
  Result<std::unique_ptr<builder::Builder>> builder =
      builder::Builder::create(store, state_->driver, std::move(options));
  if (!builder) return std::move(builder).error();
  state_->builder = std::move(*builder);
  return {};
}

Task<> BuildService::clear_leftovers() { co_await state_->driver.release_network(); }

namespace {

std::string prefix_of(const builder::BuildEvent& event) {
  if (event.step == 0) return "";
  std::string place = event.stage.empty() ? "" : event.stage + " ";
  return "[" + place + std::to_string(event.number) + "/" + std::to_string(event.total) + "] ";
}

// A build event as a line for the user, and the kind of the line.
std::pair<std::string, std::string> line_of(const builder::BuildEvent& event) {
  using Kind = builder::BuildEventKind;
  switch (event.kind) {
    case Kind::StepStarted:
      return {prefix_of(event) + event.text, "step"};
    case Kind::StepCached:
      return {prefix_of(event) + event.text, "cached"};
    case Kind::StepFailed:
      return {prefix_of(event) + "failed: " + event.text, "step"};
    case Kind::Warning:
      return {"warning: " + event.text, "step"};
    case Kind::Message:
      return {event.text, "output"};
    case Kind::StepOutput:
      return {event.text, "output"};
    case Kind::StepDone: {
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "done %.1fs", event.seconds);
      return {prefix_of(event) + seconds, "done"};
    }
    case Kind::StepRunning:
    case Kind::Configured:
    case Kind::StepCanceled:
      break;
  }
  return {};
}

// Splits the output of steps, which arrives in pieces of any size, into lines. Used by one thread at a time.
class Lines {
 public:
  Lines(asio::io_context& io, BuildSink sink) : io_(io), sink_(std::move(sink)) {}

  void take(const builder::BuildEvent& event) {
    if (event.kind != builder::BuildEventKind::StepOutput) {
      flush(event.step);
      auto [text, stream] = line_of(event);
      send({std::move(text), std::move(stream), event});
      return;
    }
    builder::BuildEvent& part = parts_[{event.step, event.is_stderr}];
    std::string text = std::move(part.text) + event.text;
    part = event;
    size_t begin = 0;
    for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      send_output(part, text.substr(begin, end - begin));
    part.text = text.substr(begin);
    if (part.text.size() > 8192) flush(event.step);
  }

  void flush_all() {
    while (!parts_.empty()) flush(parts_.begin()->first.first);
  }

  std::vector<std::string> last() const { return {last_.begin(), last_.end()}; }

 private:
  void flush(int step) {
    for (bool is_stderr : {false, true}) {
      auto part = parts_.find({step, is_stderr});
      if (part == parts_.end()) continue;
      if (std::string text = part->second.text; !text.empty()) send_output(part->second, text);
      parts_.erase(part);
    }
  }

  void send_output(builder::BuildEvent event, std::string line) {
    // A progress bar redraws its line; what counts is how it ends.
    while (line.ends_with('\r')) line.pop_back();
    if (size_t redraw = line.rfind('\r'); redraw != std::string::npos) line.erase(0, redraw + 1);
    last_.push_back(line);
    if (last_.size() > 20) last_.pop_front();
    event.text = line;
    send({std::move(line), "output", std::move(event)});
  }

  void send(BuildLine line) {
    asio::post(io_, [sink = sink_, line = std::move(line)] { sink(line); });
  }

  asio::io_context& io_;
  BuildSink sink_;
  std::map<std::pair<int, bool>, builder::BuildEvent> parts_;  // step, is_stderr
  std::deque<std::string> last_;
};

}  // namespace

OrderedJson build_event(const std::string& service, const BuildLine& line) {
  OrderedJson out{{"event", "build"}, {"service", service}, {"text", line.text}, {"stream", line.stream}};
  if (line.event.step > 0) out["step"] = line.event.step;
  if (line.event.kind == builder::BuildEventKind::StepFailed) out["failed"] = true;
  if (line.stream == "done") out["seconds"] = line.event.seconds;
  return out;
}

Task<tl::expected<builder::BuildResult, BuildFailure>> BuildService::build(builder::BuildRequest request,
                                                                           BuildSink sink,
                                                                           std::stop_token stop) {
  // Objects that the threads use must outlive a canceled caller, so Asio must not cancel this coroutine.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  State& state = *state_;
  ++state.running;
  auto lines = std::make_shared<Lines>(state.context.io, std::move(sink));
  auto work = [&state, request = std::move(request), lines, stop]() -> Result<builder::BuildResult> {
    Result<builder::BuildResult> built =
        state.builder->build(request, [&](const builder::BuildEvent& event) { lines->take(event); }, stop);
    lines->flush_all();
    return built;
  };
  Result<builder::BuildResult> built = co_await offload(state.threads, std::move(work));
  co_await state.ended();
  if (!built) co_return tl::unexpected(BuildFailure{std::move(built).error(), lines->last()});
  co_return *built;
}

Task<Result<SshAgents>> BuildService::open_ssh(std::vector<std::string> wanted, std::string caller_socket) {
  if (wanted.empty()) co_return SshAgents();
  auto work = [wanted = std::move(wanted), caller_socket = std::move(caller_socket),
               directory = state_->context.paths.run_root + "/build-ssh"] {
    return SshAgents::open(wanted, caller_socket, directory);
  };
  co_return co_await offload(state_->threads, std::move(work));
}

Task<Result<builder::CachePruned>> BuildService::prune_cache(builder::CachePruneRequest request) {
  auto work = [&state = *state_, request] { return state.builder->prune_cache(request); };
  co_return co_await offload(state_->context.pool, std::move(work));
}

Task<std::vector<builder::CacheEntry>> BuildService::cache_entries() {
  auto work = [&state = *state_] { return state.builder->cache_entries(); };
  co_return co_await offload(state_->context.pool, std::move(work));
}

Task<Result<std::string>> BuildService::bootstrap(std::string reference, BuildSink sink,
                                                  std::stop_token stop) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  State& state = *state_;
  auto lines = std::make_shared<Lines>(state.context.io, std::move(sink));
  auto work = [&state, reference, lines, stop]() -> Result<std::string> {
    TRY_ASSIGN(Reference parsed, parse_reference(reference));
    if (!images::bootstrap_suite(parsed))
      return not_found("image " + reference +
                       " is not local, and only Debian images can be created without a registry");
    images::BootstrapOptions options;
    options.stop = stop;
    auto line = [&](std::string_view text) {
      builder::BuildEvent event;
      event.text = std::string(text);
      lines->take(event);
    };
    TRY_ASSIGN(images::Image image,
               images::bootstrap(state.containers.parts().images, parsed, options, line));
    return image.id;
  };
  co_return co_await offload(state.threads, std::move(work));
}

Task<Result<std::string>> BuildService::obtain(RegistryService::Wanted wanted, TransferSink transfers,
                                               BuildSink sink, std::stop_token stop) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  State& state = *state_;
  auto lines = std::make_shared<Lines>(state.context.io, std::move(sink));
  auto shared = std::make_shared<TransferSink>(std::move(transfers));
  auto work = [&state, wanted = std::move(wanted), shared, lines, stop]() -> Result<std::string> {
    auto line = [&](std::string_view text) {
      builder::BuildEvent event;
      event.text = std::string(text);
      lines->take(event);
    };
    auto progress = [&](const TransferEvent& event) {
      asio::post(state.context.io, [shared, event] { (*shared)(event); });
    };
    TRY_ASSIGN(images::Image image,
               obtain_image(state.registries, state.containers.parts().images, wanted, progress, line, stop));
    return image.id;
  };
  co_return co_await offload(state.registries.threads(), std::move(work));
}

namespace {

// If several platforms are listed, only this machine's is built: an image of the store is for one platform.
Result<std::string> only_platform(const std::vector<std::string>& platforms) {
  std::string host = "linux/" + images::host_architecture();
  for (const std::string& platform : platforms)
    if (platform == host || platform.starts_with(host + "/")) return platform;
  if (platforms.empty()) return std::string();
  if (platforms.size() == 1) return platforms.front();
  return unsupported("only one platform per build is supported, not " + join(platforms, ", ") +
                     ", which do not include this machine's (" + host + ")");
}

}  // namespace

Result<std::vector<Reference>> parse_tags(const std::vector<std::string>& names) {
  std::vector<Reference> tags;
  for (const std::string& name : names) {
    TRY_ASSIGN(Reference tag, parse_reference(name).in("tag " + name));
    tags.push_back(std::move(tag));
  }
  return tags;
}

void set_network(builder::BuildRequest& request, const std::string& mode) {
  if (mode == "none") {
    request.network = builder::RunNetwork::None;
  } else if (mode == "host") {
    request.network = builder::RunNetwork::Host;
  } else if (!mode.empty() && mode != "default" && mode != "bridge") {
    request.network_name = mode;
  }
}

Result<builder::BuildRequest> BuildService::request_of(const compose::Build& section,
                                                       const std::string& image,
                                                       const BuildSettings& settings) {
  builder::BuildRequest request;
  request.context_directory = section.context;
  constexpr std::string_view kGithub = "github.com/";  // short for a repository there
  if (section.context.starts_with(kGithub)) {
    request.context_directory.insert(0, "https://");
    if (section.context.find(".git") == std::string::npos) {
      size_t fragment = std::min(request.context_directory.find('#'), request.context_directory.size());
      request.context_directory.insert(fragment, ".git");
    }
  }
  for (const std::string& text : section.cache_from) {
    TRY_ASSIGN(builder::CacheLocation location,
               builder::parse_cache_location(text, false).in("cache_from " + text));
    request.cache_from.push_back(std::move(location));
  }
  for (const std::string& text : section.cache_to) {
    TRY_ASSIGN(builder::CacheLocation location,
               builder::parse_cache_location(text, true).in("cache_to " + text));
    request.cache_to.push_back(std::move(location));
  }
  for (const std::string& right : section.entitlements) {
    if (right == "network.host") {
      request.allow_host_network = true;
    } else if (right == "security.insecure") {
      request.allow_insecure = true;
    } else {
      return invalid("unknown entitlement \"" + right + "\": must be network.host or security.insecure");
    }
  }
  TRY_ASSIGN(request.platform, only_platform(section.platforms));
  if (!section.dockerfile.empty()) request.dockerfile = section.dockerfile;
  request.dockerfile_inline = section.dockerfile_inline;
  for (const auto& [name, context] : section.additional_contexts) request.named_contexts[name] = context;
  for (const auto& [key, value] : section.args) request.args[key] = value;
  for (const auto& [key, value] : settings.args) request.args[key] = value;
  for (const auto& [key, value] : settings.proxy_args) request.args.emplace(key, value);
  TRY_ASSIGN(std::optional<builder::AttestationRequest> provenance,
             builder::parse_attestation(builder::AttestationRequest::Kind::Provenance, section.provenance));
  set_attestation(request.attestations, builder::AttestationRequest::Kind::Provenance, std::move(provenance));
  TRY_ASSIGN(std::optional<builder::AttestationRequest> sbom,
             builder::parse_attestation(builder::AttestationRequest::Kind::Sbom, section.sbom));
  set_attestation(request.attestations, builder::AttestationRequest::Kind::Sbom, std::move(sbom));
  request.target = section.target;
  std::vector<std::string> tags = section.tags;
  if (!image.empty()) tags.insert(tags.begin(), image);
  TRY_ASSIGN(request.tags, parse_tags(tags));
  request.labels = section.labels;
  request.no_cache = section.no_cache || settings.no_cache;
  request.no_cache_stages = section.no_cache_filter;
  request.caller = settings.caller;
  request.pull = section.pull || settings.pull;
  set_network(request, section.network);
  for (std::string host : section.extra_hosts) {
    if (size_t equals = host.find('='); equals != std::string::npos) host[equals] = ':';
    request.extra_hosts.push_back(host);
  }
  request.proxy_environment = settings.proxy;
  request.extra_ca_bundle = settings.ca_bundle;
  request.apt_configuration = builder::find_apt_configuration();
  if (section.shm_size.bytes > 0) request.shm_size = section.shm_size;
  for (const auto& [name, limit] : section.ulimits) request.ulimits.push_back({name, limit.soft, limit.hard});
  request.allow_insecure = request.allow_insecure || section.privileged;
  return request;
}

}  // namespace stack::engine
