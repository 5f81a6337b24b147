// Pulling and pushing for the engine's callers: blocking work of images/source/registry on threads of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/json.h"
#include "engine/state/context.h"
#include "images/source/registry/download.h"
#include "images/source/registry/pull.h"
#include "images/source/registry/push.h"

namespace stack::engine {

using images::registry::Caller;
using images::registry::TransferEvent;

using Pulled = images::registry::Answer<images::registry::PullResult>;
// On the engine's thread.
using TransferSink = std::function<void(const TransferEvent& event)>;

class RegistryService {
 public:
  RegistryService(Context& context, images::ImageStore& store);
  ~RegistryService();

  // Reads the host's registry settings.
  void open();

  // Credentials belong to one request and never leave memory. The request's body carries only the lease's id, so that what
  // is stored of a body (a plan's goal) holds no secret; once the lease has ended, the id means an anonymous caller.
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
  // An anonymous one with the engine's own proxy settings for an unknown id.
  Caller caller_of(const std::string& lease_id) const;

  // What pull() is to fetch; `platform` "" is the host's.
  struct Wanted {
    std::string reference;
    std::string platform;
    Caller caller;
  };
  Task<Pulled> pull(Wanted wanted, TransferSink sink, std::stop_token stop);
  // The same on the caller's thread, which may block. `progress` is called from several threads, one at a time.
  Pulled pull_blocking(const Wanted& wanted, const images::registry::TransferProgress& progress,
                       std::stop_token stop);
  // Of builds, on their own threads: an image without giving a name of the store another meaning; an image under another name;
  // a file.
  Result<images::Image> pull_nameless(const Wanted& wanted, std::stop_token stop);
  Result<> push_blocking(const Wanted& wanted, const std::string& image_id, std::stop_token stop);
  Result<images::registry::Download> download(const std::string& url, const std::string& path,
                                              const Caller& caller, std::stop_token stop);
  // wanted.reference names an image of the store.
  Task<Result<images::registry::PushResult>> push(Wanted wanted, TransferSink sink, std::stop_token stop);
  // For other work that waits for registries.
  asio::thread_pool& threads();
  Task<Result<images::registry::Found>> look_up(Wanted wanted, std::stop_token stop,
                                                bool with_config = false);
  Task<Result<>> check_login(std::string registry, Caller caller, std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HTTP_PROXY and its like of this process.
images::registry::ProxySettings own_proxy_settings();

}  // namespace stack::engine
