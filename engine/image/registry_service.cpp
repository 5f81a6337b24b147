#include "engine/image/registry_service.h"

#include <cstdlib>

#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"

namespace stack::engine {

namespace registry = images::registry;

namespace {

// Each pull blocks a thread while its layers arrive; additional pulls wait for their turn.
constexpr size_t kThreads = 16;

}  // namespace

struct RegistryService::State {
  State(Context& engine_context, images::ImageStore& image_store)
      : context(engine_context), store(image_store) {}

  Context& context;
  images::ImageStore& store;
  std::unique_ptr<registry::Client> client;
  asio::thread_pool threads{kThreads};
  mutable std::mutex mutex;  // builds call from their own threads
  std::map<std::string, Caller> callers;
};

registry::ProxySettings own_proxy_settings() {
  registry::ProxySettings out;
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
    for (const std::string& spelling : {std::string(name), lower(name)})
      if (const char* value = std::getenv(spelling.c_str()); value != nullptr && *value != '\0')
        out[spelling] = value;
  return out;
}

RegistryService::RegistryService(Context& context, images::ImageStore& store)
    : state_(std::make_unique<State>(context, store)) {}

RegistryService::~RegistryService() { state_->threads.join(); }

asio::thread_pool& RegistryService::threads() { return state_->threads; }

void RegistryService::open() {
  registry::HostSettings added;
  added.docker_mirrors = state_->context.settings.registry_mirrors;
  added.insecure = state_->context.settings.insecure_registries;
  state_->client = registry::Client::open(state_->store, {}, std::move(added));
  for (const std::string& warning : state_->client->warnings()) log_warning(warning);
}

RegistryService::Lease::~Lease() {
  std::lock_guard guard(service_.state_->mutex);
  service_.state_->callers.erase(id_);
}

std::unique_ptr<RegistryService::Lease> RegistryService::lend(Caller caller) {
  std::string id = random_hex(8);
  std::lock_guard guard(state_->mutex);
  state_->callers[id] = std::move(caller);
  return std::unique_ptr<Lease>(new Lease(*this, id));
}

Caller RegistryService::caller_of(const std::string& lease_id) const {
  std::lock_guard guard(state_->mutex);
  auto found = state_->callers.find(lease_id);
  if (found != state_->callers.end()) return found->second;
  Caller anonymous;
  anonymous.proxy = own_proxy_settings();
  return anonymous;
}

namespace {

Result<registry::PullRequest> request_of(const RegistryService::Wanted& wanted, std::stop_token stop) {
  registry::PullRequest request;
  TRY_ASSIGN(request.reference, parse_reference(wanted.reference).in(wanted.reference));
  if (!wanted.platform.empty()) {
    TRY_ASSIGN(request.platform, images::parse_platform(wanted.platform));
  }
  request.caller = wanted.caller;
  request.stop = std::move(stop);
  return request;
}

}  // namespace

Pulled RegistryService::pull_blocking(const Wanted& wanted, const registry::TransferProgress& progress,
                                      std::stop_token stop) {
  Result<registry::PullRequest> request = request_of(wanted, std::move(stop));
  if (!request)
    return tl::unexpected(registry::RegistryError{registry::Failure::Local, std::move(request).error()});
  return state_->client->pull(*request, progress);
}

Result<std::unique_ptr<registry::RemoteImage>> RegistryService::open_image(const Wanted& wanted,
                                                                           std::stop_token stop) {
  TRY_ASSIGN(registry::PullRequest request, request_of(wanted, stop));
  return state_->client->open_image(request);
}

Result<images::Image> RegistryService::pull_untagged(const Wanted& wanted, std::stop_token stop) {
  TRY_ASSIGN(registry::PullRequest request, request_of(wanted, stop));
  TRY_ASSIGN(registry::Found found, state_->client->look_up(request));
  request.reference.tag.clear();
  request.reference.digest = found.digest;
  Pulled pulled = state_->client->pull(request, [](const TransferEvent&) {});
  if (!pulled) return std::move(pulled.error().error);
  return std::move(pulled->image);
}

Result<> RegistryService::push_blocking(const Wanted& wanted, const std::string& image_id,
                                        std::stop_token stop) {
  TRY_ASSIGN(registry::PullRequest request, request_of(wanted, stop));
  auto pushed =
      state_->client->push({request.reference, image_id, request.caller, stop}, [](const TransferEvent&) {});
  if (!pushed) return std::move(pushed.error().error);
  return {};
}

Result<registry::Download> RegistryService::download(const std::string& url, const std::string& path,
                                                     const Caller& caller, std::stop_token stop) {
  registry::DownloadRequest request;
  request.url = url;
  request.path = path;
  request.proxy = caller.proxy;
  request.ca_files = caller.ca_files;
  request.stop = std::move(stop);
  return registry::download(state_->client->transport(), request);
}

Task<Pulled> RegistryService::pull(Wanted wanted, TransferSink sink, std::stop_token stop) {
  // Objects that the threads use must outlive a canceled caller, so Asio must not cancel this coroutine.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto shared = std::make_shared<TransferSink>(std::move(sink));
  auto work = [this, wanted = std::move(wanted), shared, stop] {
    registry::TransferProgress progress = [&](const TransferEvent& event) {
      asio::post(state_->context.io, [shared, event] { (*shared)(event); });
    };
    return pull_blocking(wanted, progress, stop);
  };
  co_return co_await offload(state_->threads, std::move(work));
}

Task<Result<registry::PushResult>> RegistryService::push(Wanted wanted, TransferSink sink,
                                                         std::stop_token stop) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto shared = std::make_shared<TransferSink>(std::move(sink));
  auto work = [this, wanted = std::move(wanted), shared, stop]() -> Result<registry::PushResult> {
    TRY_ASSIGN(registry::PullRequest request, request_of(wanted, stop));
    registry::TransferProgress progress = [&](const TransferEvent& event) {
      asio::post(state_->context.io, [shared, event] { (*shared)(event); });
    };
    auto pushed = state_->client->push({request.reference, "", request.caller, stop}, progress);
    if (!pushed) return std::move(pushed.error().error);
    return *pushed;
  };
  co_return co_await offload(state_->threads, std::move(work));
}

Task<Result<registry::Found>> RegistryService::look_up(Wanted wanted, std::stop_token stop,
                                                       bool with_config) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto work = [this, wanted = std::move(wanted), stop, with_config]() -> Result<registry::Found> {
    TRY_ASSIGN(registry::PullRequest request, request_of(wanted, stop));
    return state_->client->look_up(request, with_config);
  };
  co_return co_await offload(state_->threads, std::move(work));
}

Task<Result<>> RegistryService::check_login(std::string name, Caller caller, std::stop_token stop) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto work = [this, name = std::move(name), caller = std::move(caller), stop] {
    return state_->client->check_login(name, caller, stop);
  };
  co_return co_await offload(state_->threads, std::move(work));
}

}  // namespace stack::engine
