// Pulls an image into the store: reference -> endpoint -> manifest (of the right platform) -> configuration and layers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "images/source/registry/blob_turns.h"
#include "images/source/registry/endpoint.h"
#include "images/source/registry/manifest.h"
#include "images/source/registry/repository.h"
#include "images/store/store.h"

namespace stack::images::registry {

// The phases of one layer, in this order; some are skipped. In a push: Waiting, then Present, Mounted, or Uploading
// and Pushed.
enum class LayerPhase {
  Present,
  Waiting,
  Downloading,
  Verifying,
  Downloaded,
  Extracting,
  Complete,
  Uploading,
  Mounted,
  Pushed,
};

// "present", "waiting", "downloading", "verifying", "downloaded", "extracting", "complete", "uploading", "mounted", "pushed".
std::string_view phase_name(LayerPhase phase);

struct TransferEvent {
  std::string layer;  // the first 12 digits of the blob's digest; "" = the whole transfer
  LayerPhase phase = LayerPhase::Waiting;
  int64_t current = 0;  // bytes; with Downloading
  int64_t total = 0;    // bytes of the blob
  std::string text;     // about the whole transfer: a line for the user ("trying again in 5s")
};
// Called from several threads, never concurrently.
using TransferProgress = std::function<void(const TransferEvent& event)>;

struct PullRequest {
  Reference reference;
  std::optional<Platform> platform;  // nullopt: the host's
  Caller caller;
  std::stop_token stop;
};

struct PullResult {
  Image image;
  std::string digest;    // of the index or manifest that the reference names
  bool changed = false;  // the reference previously named another image, or none
};

// The registry's content for a reference, without a pull.
struct Found {
  std::string digest;
  std::string media_type;
  std::string bytes;
  int64_t size = 0;    // of all layers of the image for the platform, compressed; -1 = unknown
  std::string from;    // the endpoint's name
  std::string config;  // the image's configuration, if requested
};

// An image in a registry, without its layers, which are fetched one by one.
class RemoteImage {
 public:
  virtual ~RemoteImage() = default;
  virtual const std::string& config() const = 0;  // the exact bytes
  // Fetches the layer with this diff id into the store, unless it is there. Thread-safe.
  virtual Result<IngestedLayer> layer(const std::string& diff_id) = 0;
};

struct PushRequest;
struct PushResult;

// Thread-safe; one per engine. Blocks: for pool threads.
class Client {
 public:
  // `root` is the prefix of /etc/docker and /etc/containers; "" = the host's own. The mirrors and insecure registries of
  // `added` precede those of the host's files.
  static std::unique_ptr<Client> open(ImageStore& store, const std::string& host_root = {},
                                      HostSettings added = {});

  // Configuration files that could not be read, one line each; for the log.
  const std::vector<std::string>& warnings() const { return settings_.warnings; }

  // Errors: NotFound (no such image), Invalid (credentials, reference), Unsupported (no image for the platform, schema 1), else
  // Internal; the text names the image, the registry, and a remedy. Canceled and failed pulls keep the received data.
  Answer<PullResult> pull(const PullRequest& request, const TransferProgress& progress);

  // Errors as for pull(); the registry then has the store's image byte for byte.
  Answer<PushResult> push(const PushRequest& request, const TransferProgress& progress);

  // The connections, for other downloads (web_file.h).
  Transport& transport() { return transport_; }

  // The manifest alone (HEAD and GET), for `distribution` inspection and for plans.
  Result<Found> look_up(const PullRequest& request, bool with_config = false);

  // Finds an image and reads its configuration. The result must not outlive the client. Errors as for pull().
  Result<std::unique_ptr<RemoteImage>> open_image(const PullRequest& request);

  // Checks credentials as `login` does: GET /v2/ with them. The registry's name is a registry_key().
  Result<> check_login(const std::string& registry, const Caller& caller, std::stop_token stop);

 private:
  friend class Pull;
  friend class Push;
  Client(ImageStore& store, HostSettings settings);

  ImageStore& store_;
  BlobTurns turns_;
  HostSettings settings_;
  Transport transport_;
  Authenticator authenticator_;
  std::counting_semaphore<64> downloads_;
};

// The error for the user: names the registry and a remedy. The caller adds the image as context.
Error explain(const RegistryError& error, const std::string& registry);

}  // namespace stack::images::registry
