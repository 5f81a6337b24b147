#include "images/source/registry/pull.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/identity.h"
#include "images/source/registry/blob_fetch.h"

namespace stack::images::registry {

namespace {

constexpr int kParallelDownloads = 3;
constexpr size_t kMostThreads = 4;

std::string short_digest(const std::string& digest) { return digest.substr(7, 12); }

// The chosen manifest and the documents that led to it.
struct Chosen {
  FetchedManifest top;  // the document that the reference names
  FetchedManifest own;  // the image's own
  Manifest manifest;
  std::unique_ptr<Repository> repository;
  std::optional<Image> present;  // the registry still has the local image; only top.digest is set
};

// Releases on destruction.
class Slot {
 public:
  // Waits for a slot; nullopt if stopped first.
  static std::optional<Slot> take(std::counting_semaphore<64>& semaphore, const std::stop_token& stop) {
    while (!semaphore.try_acquire_for(std::chrono::milliseconds(100)))
      if (stop.stop_requested()) return std::nullopt;
    return Slot(&semaphore);
  }
  Slot(Slot&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
  Slot(const Slot&) = delete;
  ~Slot() {
    if (semaphore_ != nullptr) semaphore_->release();
  }

 private:
  explicit Slot(std::counting_semaphore<64>* semaphore) : semaphore_(semaphore) {}
  std::counting_semaphore<64>* semaphore_;
};

// Writes a layer into the store.
class IngestTarget : public BlobTarget {
 public:
  explicit IngestTarget(LayerIngest& ingest) : ingest_(ingest) {}
  int64_t offset() const override { return ingest_.offset(); }
  Result<> restart() override { return ingest_.restart(); }
  Result<> write(std::string_view bytes) override { return ingest_.write(bytes); }

 private:
  LayerIngest& ingest_;
};

Error platform_error(const Reference& reference, const Platform& wanted, const Index& index) {
  return unsupported("image " + reference.familiar() + " is not available for " + platform_text(wanted) +
                     "; available platforms: " + platforms_text(index));
}

}  // namespace

std::string_view phase_name(LayerPhase phase) {
  constexpr std::string_view kNames[] = {"present",    "waiting",  "downloading", "verifying", "downloaded",
                                         "extracting", "complete", "uploading",   "mounted",   "pushed"};
  return kNames[static_cast<size_t>(phase)];
}

// A pull in progress.
class Pull {
 public:
  Pull(Client& client, const PullRequest& request, const TransferProgress& progress)
      : client_(client), request_(request), progress_(progress) {
    if (!request_.platform) request_.platform = host_platform();
  }

  Result<PullResult> run() {
    find_present();
    TRY_ASSIGN(Chosen chosen, choose());
    if (chosen.present) return PullResult{std::move(*chosen.present), chosen.top.digest, false};
    TRY_ASSIGN(std::string config, fetch_config(chosen));
    TRY_ASSIGN(std::vector<std::string> diff_ids, layers_of(chosen, config));
    TRY(fetch_layers(chosen, diff_ids));
    return publish(chosen, std::move(config));
  }

  // The diff ids of the manifest's layers.
  Result<std::vector<std::string>> layers_of(const Chosen& chosen, const std::string& config) const {
    TRY_ASSIGN(ImageDocument document, parse_image_document(config).in(about()));
    if (document.diff_ids.size() != chosen.manifest.layers.size())
      return invalid(about() + ": its configuration names " + std::to_string(document.diff_ids.size()) +
                     " layers, its manifest " + std::to_string(chosen.manifest.layers.size()));
    return std::move(document.diff_ids);
  }

  // Tries the endpoints in turn; the registry's own error is reported.
  Result<Chosen> choose() {
    TRY_ASSIGN(std::vector<Endpoint> endpoints,
               endpoints_of(request_.reference, client_.settings_, Purpose::Pull));
    std::optional<RegistryError> last;
    std::string registry = request_.reference.domain;
    for (Endpoint& endpoint : endpoints) {
      auto repository = std::make_unique<Repository>(client_.transport_, client_.authenticator_, endpoint,
                                                     request_.caller, request_.stop);
      repository->set_retry(retry_policy(endpoint, &endpoint == &endpoints.back()),
                            [this](const std::string& text) { tell(text); });
      Result<Chosen> chosen = choose_at(std::move(repository), last);
      if (chosen) return chosen;
      if (!last) return chosen;  // not a registry failure: no image for the platform
      if (last->failure == Failure::Canceled) return std::move(last->error);
      registry = endpoint.name;
    }
    failure_ = last->failure;
    return explain(*last, registry).in(about());
  }

  // Why choose() failed; Unexpected for later errors.
  Failure failure() const { return failure_; }

  Result<std::string> fetch_config(const Chosen& chosen);
  void cancel() { failed_.request_stop(); }
  Result<IngestedLayer> obtain_layer(Repository& repository, const Descriptor& layer,
                                     const std::string& diff_id);

 private:
  // The local image of the tag, if it is for the wanted platform, and its digest in the registry.
  void find_present() {
    if (!request_.reference.digest.empty()) return;
    std::string name = request_.reference.full();
    std::optional<Image> image = client_.store_.find(name);
    Result<StoredManifest> stored = client_.store_.manifest_of(name);
    if (!image || !stored) return;
    const ImageDocument& document = image->document;
    if (normalized({document.os, document.architecture, document.variant}) != *request_.platform) return;
    present_digest_ = stored->index.empty() ? stored->descriptor.digest : stored->index;
    present_ = std::move(image);
  }

  // Requests only the digest, which Docker Hub does not count as a pull. If the registry does not support that,
  // requests the manifest.
  bool is_unchanged(Repository& repository) {
    if (!present_) return false;
    Answer<std::string> digest = repository.manifest_digest(request_.reference.tag);
    return digest && *digest == present_digest_;
  }

  Result<Chosen> choose_at(std::unique_ptr<Repository> repository, std::optional<RegistryError>& last) {
    const Reference& reference = request_.reference;
    std::string name = reference.digest.empty() ? reference.tag : reference.digest;
    Chosen out;
    if (is_unchanged(*repository)) {
      out.present = present_;
      out.top.digest = present_digest_;
      return out;
    }
    Answer<FetchedManifest> top = repository->manifest(name);
    if (!top) {
      keep_error(last, std::move(top).error());
      return last->error;
    }
    out.own = *top;
    out.top = std::move(*top);
    for (int depth = 0; depth < 4; ++depth) {
      last.reset();
      TRY_ASSIGN(ManifestDocument document,
                 parse_manifest(out.own.bytes, out.own.media_type).in("image " + reference.familiar()));
      if (auto* manifest = std::get_if<Manifest>(&document)) {
        out.manifest = std::move(*manifest);
        out.repository = std::move(repository);
        return out;
      }
      const Index& index = std::get<Index>(document);
      const Descriptor* best = choose_image(index, *request_.platform);
      if (best == nullptr) return platform_error(reference, *request_.platform, index);
      Answer<FetchedManifest> next = repository->manifest(best->digest);
      if (!next) {
        last = std::move(next).error();
        return last->error;
      }
      out.own = std::move(*next);
      if (out.own.media_type.empty()) out.own.media_type = best->media_type;
    }
    return invalid("image " + reference.familiar() + ": its indexes are nested too deeply");
  }

  // Plain HTTP comes after TLS at the same place: a refused connection is less informative than the first error.
  static void keep_error(std::optional<RegistryError>& last, RegistryError next) {
    bool less = last && next.failure == Failure::Unreachable && last->failure != Failure::Unreachable;
    if (!less) last = std::move(next);
  }

  Result<> fetch_layers(const Chosen& chosen, const std::vector<std::string>& diff_ids) {
    const std::vector<Descriptor>& layers = chosen.manifest.layers;
    layers_.resize(layers.size());
    std::stop_callback outer(request_.stop, [this] { failed_.request_stop(); });
    for (const Descriptor& layer : layers) report(layer, LayerPhase::Waiting, 0);
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t i = next++; i < layers.size() && !failed_.stop_requested(); i = next++) {
        Result<IngestedLayer> layer = obtain_layer(*chosen.repository, layers[i], diff_ids[i]);
        if (layer) {
          layers_[i] = std::move(*layer);
        } else {
          fail(std::move(layer).error());
        }
      }
    };
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < std::min(layers.size(), kMostThreads); ++i) threads.emplace_back(work);
    work();
    threads.clear();
    if (request_.stop.stop_requested()) return Error(ErrorKind::Canceled, "canceled");
    if (error_) return std::move(*error_);
    return {};
  }

  // `damaged`: in: start at zero because an earlier attempt had wrong content; out: this attempt had wrong content.
  Result<IngestedLayer> receive_layer(Repository& repository, const Descriptor& layer,
                                      const std::string& diff_id, bool& damaged) {
    BlobDescriptor blob{layer.media_type, layer.digest, layer.size};
    TRY_ASSIGN(std::unique_ptr<LayerIngest> ingest, client_.store_.begin_layer(blob, diff_id));
    if (damaged && ingest->offset() > 0) TRY(ingest->restart());
    IngestTarget target(*ingest);
    BlobFetch fetch{repository, layer, failed_.get_token(), {}, {}};
    fetch.on_bytes = [&](int64_t bytes) { report(layer, LayerPhase::Downloading, bytes); };
    fetch.on_retry = [&](const std::string& text) { tell(text); };
    Answer<> fetched = fetch_blob(fetch, target);
    bool is_local = !fetched && fetched.error().failure == Failure::Local;
    damaged = is_local && fetched.error().error.kind() == ErrorKind::Invalid;
    if (is_local) return std::move(fetched.error().error);
    if (!fetched) return explain(fetched.error(), repository.endpoint().name);
    report(layer, LayerPhase::Downloaded, layer.size);
    report(layer, LayerPhase::Extracting, layer.size);
    Result<IngestedLayer> committed = ingest->commit();
    damaged = !committed && committed.error().kind() == ErrorKind::Invalid;
    return committed;
  }

  Result<PullResult> publish(const Chosen& chosen, const std::string& config) {
    ImageStore& store = client_.store_;
    std::optional<Image> before = store.find(request_.reference.full());
    TRY_ASSIGN(BlobPin config_pin, store.put_blob(chosen.manifest.config.digest, config));
    TRY_ASSIGN(BlobPin manifest_pin, store.put_blob(chosen.own.digest, chosen.own.bytes));
    ReceivedImage received{chosen.own.digest, ""};
    BlobPin index_pin;
    if (chosen.top.digest != chosen.own.digest) {
      TRY_ASSIGN(index_pin, store.put_blob(chosen.top.digest, chosen.top.bytes));
      received.index = chosen.top.digest;
    }
    TRY_ASSIGN(Image image, store.add_image(received, {request_.reference}));
    bool changed = !before || before->id != image.id;
    return PullResult{std::move(image), chosen.top.digest, changed};
  }

  std::string about() const { return "image " + request_.reference.familiar(); }

  void report(const Descriptor& layer, LayerPhase phase, int64_t current) {
    std::lock_guard guard(mutex_);
    progress_({short_digest(layer.digest), phase, current, layer.size, ""});
  }

  void tell(const std::string& text) {
    std::lock_guard guard(mutex_);
    progress_({"", LayerPhase::Waiting, 0, 0, text});
  }

  void fail(Error error) {
    std::lock_guard guard(mutex_);
    if (!error_) error_ = std::move(error);
    failed_.request_stop();
  }

  Client& client_;
  PullRequest request_;
  Failure failure_ = Failure::Unexpected;
  std::optional<Image> present_;
  std::string present_digest_;
  const TransferProgress& progress_;
  std::mutex mutex_;  // guards progress_ and error_
  std::optional<Error> error_;
  std::stop_source failed_;
  std::vector<IngestedLayer> layers_;  // kept until the image names them
};

Result<std::string> Pull::fetch_config(const Chosen& chosen) {
  const Descriptor& config = chosen.manifest.config;
  if (config.size > static_cast<int64_t>(kLargestDocument))
    return invalid("image " + request_.reference.familiar() + ": its configuration is larger than 4 MiB");
  std::optional<Image> known = client_.store_.find(config.digest);
  if (known) return known->config_json;
  std::string out;
  auto sink = [&](bool restarted, std::string_view bytes) -> Result<> {
    if (restarted && out.size() + bytes.size() > static_cast<size_t>(config.size))
      return invalid("its configuration is larger than declared in the manifest");
    out.append(bytes);
    return {};
  };
  for (int attempt = 1;; ++attempt) {
    out.clear();
    Answer<> fetched = chosen.repository->blob(config.digest, 0, sink);
    if (fetched && "sha256:" + sha256_hex(out) == config.digest) return out;
    RegistryError error =
        fetched ? RegistryError{Failure::Unexpected,
                                invalid("it sent a configuration whose digest is not " + config.digest)}
                : std::move(fetched).error();
    if (attempt == 4 || error.failure == Failure::Canceled || error.failure == Failure::Denied)
      return explain(error, chosen.repository->endpoint().name).in(about());
  }
}

Result<IngestedLayer> Pull::obtain_layer(Repository& repository, const Descriptor& layer,
                                         const std::string& diff_id) {
  BlobDescriptor blob{layer.media_type, layer.digest, layer.size};
  TRY_ASSIGN(BlobTurns::Turn turn, client_.turns_.take(layer.digest, failed_.get_token(), [] {}));
  // Checked only now: another pull may have fetched it while this one waited for its turn.
  if (std::optional<IngestedLayer> known = client_.store_.find_layer(blob, diff_id)) {
    report(layer, LayerPhase::Present, layer.size);
    return std::move(*known);
  }
  std::optional<Slot> slot = Slot::take(client_.downloads_, failed_.get_token());
  if (!slot) return Error(ErrorKind::Canceled, "canceled");
  bool damaged = false;
  Result<IngestedLayer> received = receive_layer(repository, layer, diff_id, damaged);
  // The rest of an earlier attempt may be damaged, or a proxy may have sent garbage once.
  if (!received && damaged && !failed_.stop_requested()) {
    tell("layer " + short_digest(layer.digest) + ": " + received.error().text() + "; fetching it again");
    received = receive_layer(repository, layer, diff_id, damaged);
  }
  if (!received) return std::move(received).in(about()).error();
  report(layer, LayerPhase::Complete, layer.size);
  return received;
}

namespace {

// Keeps the pull that found it.
class OpenedImage : public RemoteImage {
 public:
  OpenedImage(Client& client, const PullRequest& request)
      : pull_(client, request, silent_), canceled_(request.stop, [this] { pull_.cancel(); }) {}

  Result<> open() {
    TRY_ASSIGN(Chosen chosen, pull_.choose());
    chosen_.emplace(std::move(chosen));
    TRY_ASSIGN(config_, pull_.fetch_config(*chosen_));
    TRY_ASSIGN(diff_ids_, pull_.layers_of(*chosen_, config_));
    return {};
  }
  const std::string& config() const override { return config_; }
  Result<IngestedLayer> layer(const std::string& diff_id) override {
    auto found = std::find(diff_ids_.begin(), diff_ids_.end(), diff_id);
    if (found == diff_ids_.end()) return not_found("the image has no layer " + diff_id);
    size_t index = static_cast<size_t>(found - diff_ids_.begin());
    return pull_.obtain_layer(*chosen_->repository, chosen_->manifest.layers[index], diff_id);
  }

 private:
  TransferProgress silent_ = [](const TransferEvent&) {};
  Pull pull_;
  std::optional<Chosen> chosen_;
  std::string config_;
  std::vector<std::string> diff_ids_;
  std::stop_callback<std::function<void()>> canceled_;  // the last member: it uses the others
};

}  // namespace

Result<std::unique_ptr<RemoteImage>> Client::open_image(const PullRequest& request) {
  auto image = std::make_unique<OpenedImage>(*this, request);
  TRY(image->open());
  return image;
}

Client::Client(ImageStore& store, HostSettings settings)
    : store_(store),
      settings_(std::move(settings)),
      authenticator_(transport_),
      downloads_(kParallelDownloads) {}

std::unique_ptr<Client> Client::open(ImageStore& store, const std::string& host_root, HostSettings added) {
  HostSettings settings = read_host_settings(host_root);
  auto add_first = [](std::vector<std::string>& list, std::vector<std::string>& first) {
    list.insert(list.begin(), first.begin(), first.end());
  };
  add_first(settings.docker_mirrors, added.docker_mirrors);
  add_first(settings.insecure, added.insecure);
  return std::unique_ptr<Client>(new Client(store, std::move(settings)));
}

Answer<PullResult> Client::pull(const PullRequest& request, const TransferProgress& progress) {
  Pull pull(*this, request, progress);
  Result<PullResult> pulled = pull.run();
  if (pulled) return std::move(*pulled);
  return tl::unexpected(RegistryError{pull.failure(), std::move(pulled).error()});
}

namespace {

Result<std::string> config_bytes(Repository& repository, const Descriptor& config) {
  std::string bytes;
  auto sink = [&](bool restarted, std::string_view piece) -> Result<> {
    if (restarted) bytes.clear();
    bytes.append(piece);
    if (bytes.size() > static_cast<size_t>(std::max<int64_t>(config.size, 0)))
      return Error("the image's configuration is larger than declared in the manifest");
    return {};
  };
  Answer<> answer = repository.blob(config.digest, 0, sink);
  if (!answer) return std::move(answer.error().error);
  return bytes;
}

}  // namespace

Result<Found> Client::look_up(const PullRequest& request, bool with_config) {
  TransferProgress silent = [](const TransferEvent&) {};
  TRY_ASSIGN(Chosen chosen, Pull(*this, request, silent).choose());
  Found out{chosen.top.digest,
            chosen.top.media_type,
            chosen.top.bytes,
            chosen.manifest.config.size,
            chosen.repository->endpoint().name,
            ""};
  for (const Descriptor& layer : chosen.manifest.layers) out.size += layer.size;
  if (with_config) {
    TRY_ASSIGN(out.config, config_bytes(*chosen.repository, chosen.manifest.config));
  }
  return out;
}

Result<> Client::check_login(const std::string& registry, const Caller& caller, std::stop_token stop) {
  Reference place{registry, "", "", ""};
  TRY_ASSIGN(std::vector<Endpoint> endpoints, endpoints_of(place, settings_, Purpose::Push));
  std::optional<RegistryError> last;
  for (Endpoint& endpoint : endpoints) {
    Repository base(transport_, authenticator_, endpoint, caller, stop);
    base.set_scopes({});
    Repository::Call call;
    call.url = endpoint.origin + "/v2/";
    Answer<HttpResponse> answer = base.send(call);
    if (answer) return {};
    bool less = last && answer.error().failure == Failure::Unreachable;
    if (!less) last = std::move(answer).error();
  }
  return Error(last->failure == Failure::Denied ? ErrorKind::Invalid : last->error.kind(),
               "registry " + registry + ": " + last->error.text());
}

namespace {

std::string advice(Failure failure, const std::string& registry) {
  switch (failure) {
    case Failure::NotFound:
      return "check its name and tag, or log in with `stack login" +
             (registry == "docker.io" ? "" : " " + registry) + "` if it is private";
    case Failure::Denied:
      return "check the name, or log in with `stack login" + (registry == "docker.io" ? "" : " " + registry) +
             "`";
    case Failure::RateLimited:
      return "wait, log in with `stack login" + (registry == "docker.io" ? "" : " " + registry) +
             "`, or set up a mirror";
    case Failure::Unreachable:
      return "check the network, the proxy variables (HTTPS_PROXY), and the registry's name; images can also "
             "be built, "
             "loaded or created with `stack image bootstrap`";
    case Failure::Interrupted:
      return "the next pull resumes the download";
    case Failure::Unexpected:
    case Failure::Canceled:
    case Failure::Local:
      break;
  }
  return {};
}

std::string headline(Failure failure, const std::string& registry) {
  switch (failure) {
    case Failure::NotFound:
      return "registry " + registry + " has no such image";
    case Failure::Denied:
      return "registry " + registry + " denies access";
    case Failure::RateLimited:
      return "registry " + registry + " limits the rate of requests";
    case Failure::Unreachable:
      return "cannot reach registry " + registry;
    case Failure::Interrupted:
      return "the connection to registry " + registry + " broke";
    case Failure::Unexpected:
      return "registry " + registry + " gave an unexpected answer";
    case Failure::Canceled:
    case Failure::Local:
      break;
  }
  return {};
}

ErrorKind kind_of(Failure failure, const Error& error) {
  if (failure == Failure::NotFound) return ErrorKind::NotFound;
  if (failure == Failure::Denied) return ErrorKind::Invalid;
  return error.kind() == ErrorKind::NotFound ? ErrorKind::Internal : error.kind();
}

}  // namespace

Error explain(const RegistryError& error, const std::string& registry) {
  if (error.failure == Failure::Canceled) return error.error;
  std::string text = headline(error.failure, registry);
  if (!text.empty()) text += ": ";
  text += error.error.text();
  std::string what_to_do = advice(error.failure, registry);
  if (!what_to_do.empty()) text += "; " + what_to_do;
  return {kind_of(error.failure, error.error), std::move(text)};
}

}  // namespace stack::images::registry
