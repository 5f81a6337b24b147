// Pulls and pushes for the engine: runs the blocking functions of images/source/registry on its own threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/json.h"
#include "engine/state/context.h"
#include "images/source/registry/web_file.h"
#include "images/source/registry/pull.h"
#include "images/source/registry/push.h"

namespace stack::engine {

using images::registry::Caller;
using images::registry::TransferEvent;

using Pulled = images::registry::Answer<images::registry::PullResult>;
// Called on the engine's thread.
using TransferSink = std::function<void(const TransferEvent& event)>;

class RegistryService {
 public:
  RegistryService(Context& context, images::ImageStore& store);
  ~RegistryService();

  // Reads the host's registry settings.
  void open();

  // Credentials belong to one request and never leave memory. The request's body contains only the lease's ID, so
  // that the stored part of a body (a plan's goal) contains no secret; after the lease has ended, the ID means an
  // anonymous caller.
  class Lease {
   public:
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    const std::string& id() const { return id_; }

   private:
    friend class RegistryService;
    Lease(RegistryService& service, std::string id) : service_(service), id_(std::move(id)) {}
    RegistryService& service_;
    std::string id_;
  };
  std::unique_ptr<Lease> lend(Caller caller);
  // For an unknown ID, an anonymous caller with the engine's own proxy settings.
  Caller caller_of(const std::string& lease_id) const;

  // The image for pull(); `platform` "" is the host's.
  struct Wanted {
    std::string reference;
    std::string platform;
    Caller caller;
  };
  Task<Pulled> pull(Wanted wanted, TransferSink sink, std::stop_token stop);
  // Like pull(), but blocks the caller's thread. `progress` is called from several threads, never concurrently.
  Pulled pull_blocking(const Wanted& wanted, const images::registry::TransferProgress& progress,
                       std::stop_token stop);
  // For builds, on their own threads: open an image whose layers are fetched one by one; push an image under
  // another name; download a file.
  Result<std::unique_ptr<images::registry::RemoteImage>> open_image(const Wanted& wanted, std::stop_token stop);
  // Pulls an image without changing tags in the store: it is known by its digest only.
  Result<images::Image> pull_untagged(const Wanted& wanted, std::stop_token stop);
  Result<> push_blocking(const Wanted& wanted, const std::string& image_id, std::stop_token stop);
  Result<images::registry::Download> download(const std::string& url, const std::string& path,
                                              const Caller& caller, std::stop_token stop);
  // wanted.reference names an image in the store.
  Task<Result<images::registry::PushResult>> push(Wanted wanted, TransferSink sink, std::stop_token stop);
  // Threads for other work that waits for registries.
  asio::thread_pool& threads();
  Task<Result<images::registry::Found>> look_up(Wanted wanted, std::stop_token stop,
                                                bool with_config = false);
  Task<Result<>> check_login(std::string registry, Caller caller, std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HTTP_PROXY and similar variables of this process.
images::registry::ProxySettings own_proxy_settings();

}  // namespace stack::engine
