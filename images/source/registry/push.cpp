#include "images/source/registry/push.h"

#include <sys/stat.h>

#include <atomic>
#include <mutex>
#include <thread>

namespace stack::images::registry {

namespace {

constexpr size_t kParallelUploads = 5;

}  // namespace

// A push in progress.
class Push {
 public:
  Push(Client& client, const PushRequest& request, const TransferProgress& progress)
      : client_(client), request_(request), progress_(progress) {}

  Answer<PushResult> run() {
    std::string source = request_.source.empty() ? request_.reference.full() : request_.source;
    Result<StoredManifest> stored = client_.store_.pack(source, request_.compression);
    if (!stored) return local(std::move(stored).error());
    Result<std::vector<Endpoint>> endpoints =
        endpoints_of(request_.reference, client_.settings_, Purpose::Push);
    if (!endpoints) return local(std::move(endpoints).error());
    std::optional<RegistryError> last;
    for (Endpoint& endpoint : *endpoints) {
      failed_ = std::stop_source();
      error_.reset();
      Repository repository(client_.transport_, client_.authenticator_, endpoint, request_.caller,
                            failed_.get_token());
      repository.set_retry(retry_policy(endpoint, &endpoint == &endpoints->back()),
                           [this](const std::string& text) { tell(text); });
      Answer<PushResult> pushed = push_to(repository, *stored);
      if (pushed) return pushed;
      bool next = pushed.error().failure == Failure::Unreachable;
      if (!last || !next) last = std::move(pushed).error();
      if (!next) break;
    }
    return tl::unexpected(RegistryError{
        last->failure,
        explain(*last, request_.reference.domain).in("image " + request_.reference.familiar())});
  }

 private:
  static tl::unexpected<RegistryError> local(Error error) {
    return tl::unexpected(RegistryError{Failure::Local, std::move(error)});
  }

  Answer<PushResult> push_to(Repository& repository, const StoredManifest& stored) {
    repository.set_actions("pull,push");
    std::optional<AttestedIndex> index = client_.store_.attested_index(stored);
    std::vector<BlobDescriptor> blobs = blobs_of(stored.manifest);
    if (index)
      for (const AttestedIndex::Part& part : index->attestations)
        for (BlobDescriptor& blob : blobs_of(part.manifest)) blobs.push_back(std::move(blob));
    // One token for everything, including the repositories from which blobs may be mounted.
    for (const BlobDescriptor& blob : blobs) {
      sources_[blob.digest] = sources_of(blob);
      for (const std::string& source : sources_[blob.digest])
        repository.add_scope("repository:" + source + ":pull");
    }
    std::stop_callback outer(request_.stop, [this] { failed_.request_stop(); });
    Answer<> uploaded = upload_all(repository, blobs);
    if (!uploaded) return tl::unexpected(std::move(uploaded).error());
    const std::string& tag = request_.reference.tag;
    if (!index) return put_manifest(repository, tag, stored.descriptor, stored.text);
    return put_index(repository, stored, *index);
  }

  static std::vector<BlobDescriptor> blobs_of(const ImageManifest& manifest) {
    std::vector<BlobDescriptor> out = manifest.layers;
    out.push_back(manifest.config);
    return out;
  }

  // The parts first: a registry rejects an index with unknown ones.
  Answer<PushResult> put_index(Repository& repository, const StoredManifest& stored,
                               const AttestedIndex& index) {
    Answer<PushResult> put = put_manifest(repository, "", stored.descriptor, stored.text);
    for (const AttestedIndex::Part& part : index.attestations)
      if (put) put = put_manifest(repository, "", part.descriptor, part.text);
    if (!put) return put;
    return put_manifest(repository, request_.reference.tag, index.descriptor, index.text);
  }

  Answer<> upload_all(Repository& repository, const std::vector<BlobDescriptor>& blobs) {
    for (const BlobDescriptor& blob : blobs) report(blob, LayerPhase::Waiting, 0);
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t i = next++; i < blobs.size() && !failed_.stop_requested(); i = next++) {
        Answer<> done = upload(repository, blobs[i]);
        if (!done) fail(std::move(done).error());
      }
    };
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < std::min(blobs.size(), kParallelUploads); ++i) threads.emplace_back(work);
    work();
    threads.clear();
    if (error_) return tl::unexpected(std::move(*error_));
    if (request_.stop.stop_requested())
      return tl::unexpected(RegistryError{Failure::Canceled, Error(ErrorKind::Canceled, "canceled")});
    return {};
  }

  Answer<> upload(Repository& repository, const BlobDescriptor& blob) {
    Result<Fd> file = client_.store_.open_blob(blob.digest);
    if (!file) return local(std::move(file).error());
    BlobUpload one{
        repository, blob.digest, FilePart{file->get(), 0, blob.size}, sources_.at(blob.digest), {}};
    one.on_sent = [&](int64_t sent) { report(blob, LayerPhase::Uploading, sent); };
    Answer<UploadEnd> end = upload_blob(one);
    if (!end) return tl::unexpected(std::move(end).error());
    report(blob,
           *end == UploadEnd::Uploaded  ? LayerPhase::Pushed
           : *end == UploadEnd::Mounted ? LayerPhase::Mounted
                                        : LayerPhase::Present,
           blob.size);
    return {};
  }

  // Repositories of the same registry under which the store knows an image with this blob.
  std::vector<std::string> sources_of(const BlobDescriptor& blob) const {
    std::vector<std::string> out;
    for (const Image& image : client_.store_.list()) {
      for (const std::string& name : image.repo_tags) {
        Result<Reference> reference = parse_reference(name);
        bool elsewhere = reference && reference->domain == request_.reference.domain &&
                         reference->path != request_.reference.path;
        if (!elsewhere) continue;
        Result<StoredManifest> stored = client_.store_.manifest_of(name);
        if (!stored) continue;
        for (const BlobDescriptor& layer : stored->manifest.layers)
          if (layer.digest == blob.digest) return {reference->path};
      }
    }
    return out;
  }

  // Without a tag, under its digest.
  static Answer<PushResult> put_manifest(Repository& repository, const std::string& tag,
                                         const BlobDescriptor& descriptor, const std::string& text) {
    Repository::Call put;
    put.method = "PUT";
    put.url = repository.url("manifests/" + (tag.empty() ? descriptor.digest : tag));
    put.headers = {{"Content-Type", descriptor.media_type}};
    put.body = text;
    Answer<HttpResponse> answer = repository.send(put);
    if (!answer) return tl::unexpected(std::move(answer).error());
    return PushResult{descriptor.digest, static_cast<int64_t>(text.size())};
  }

  void report(const BlobDescriptor& blob, LayerPhase phase, int64_t current) {
    std::lock_guard guard(mutex_);
    progress_({blob.digest.substr(7, 12), phase, current, blob.size, ""});
  }

  void tell(const std::string& text) {
    std::lock_guard guard(mutex_);
    progress_({"", LayerPhase::Waiting, 0, 0, text});
  }

  void fail(RegistryError error) {
    std::lock_guard guard(mutex_);
    if (!error_) error_ = std::move(error);
    failed_.request_stop();
  }

  Client& client_;
  const PushRequest& request_;
  const TransferProgress& progress_;
  std::map<std::string, std::vector<std::string>> sources_;  // by digest
  std::mutex mutex_;                                         // guards progress_ and error_
  std::optional<RegistryError> error_;
  std::stop_source failed_;
};

Answer<PushResult> Client::push(const PushRequest& request, const TransferProgress& progress) {
  return Push(*this, request, progress).run();
}

}  // namespace stack::images::registry
