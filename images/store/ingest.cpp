#include "images/store/ingest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "images/layer/layer_stream.h"
#include "images/layer/layer_tar.h"
#include "images/store/store_state.h"

namespace stack::images {

struct LayerIngest::State {
  State(ImageStore& into, BlobDescriptor descriptor, std::string expected)
      : store(into), blob(std::move(descriptor)), diff_id(std::move(expected)) {}
  ~State() {
    stream.reset();  // before the directory it writes to
    if (anonymous) return;
    std::lock_guard guard(store.state_->mutex);
    store.state_->receiving.erase(blob.digest);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ImageStore& store;
  BlobDescriptor blob;
  std::string diff_id;
  BlobPin pin;
  LayerPin known;  // the layer, if only its blob is missing
  std::optional<StagedLayer> staged;
  std::unique_ptr<LayerStream> stream;
  Fd partial;
  Sha256 digest;
  int64_t received = 0;

  bool anonymous = false;  // the digests are unknown until the end; nothing is kept for another attempt

  std::string path() const {
    return anonymous ? staged->scratch_directory() + "/blob" : store.state_->partial_path(blob.digest);
  }

  // Starts without existing data.
  Result<> begin() {
    stream.reset();
    staged.reset();
    digest = Sha256();
    received = 0;
    if (!known) {
      TRY_ASSIGN(StagedLayer fresh, store.stage_layer());
      staged.emplace(std::move(fresh));
    }
    TRY_ASSIGN(stream, LayerStream::start(staged ? staged->directory() : std::string()));
    return {};
  }

  Result<> open_partial(int more_flags) {
    TRY_ASSIGN(partial, open_file(path(), O_RDWR | O_CREAT | more_flags, 0600));
    return {};
  }

  Result<> take(std::string_view bytes) {
    digest.update(bytes);
    received += static_cast<int64_t>(bytes.size());
    return stream->write(bytes);
  }

  // Sends the data of an earlier attempt through the pipeline again.
  Result<> replay() {
    std::string buffer(size_t{1} << 20, '\0');
    for (;;) {
      ssize_t n = ::read(partial.get(), buffer.data(), buffer.size());
      if (n < 0) return Error::last_errno("read " + path());
      if (n == 0) return {};
      if (received + n > blob.size) return invalid("more bytes than the blob has");
      TRY(take({buffer.data(), static_cast<size_t>(n)}));
    }
  }

  void discard() {
    ::unlink(path().c_str());
    partial.reset();
  }

  Result<> verify() {
    std::string found = "sha256:" + digest.finish_hex();
    if (anonymous) {
      blob.digest = found;
      blob.size = received;
    }
    return found == blob.digest ? Result<>()
                                : Result<>(invalid("blob " + blob.digest + " does not match its digest"));
  }

  // A plain tar stream is not kept if the layer's directory reproduces it byte for byte.
  Result<bool> is_needless() const {
    if (!anonymous || diff_id != blob.digest || known) return anonymous && diff_id == blob.digest;
    TRY_ASSIGN(LayerDigest own, digest_layer(staged->directory()));
    return own.diff_id == diff_id;
  }

  Result<LayerPin> publish(ReceivedLayer layer);
};

Result<LayerPin> LayerIngest::State::publish(ReceivedLayer layer) {
  ImageStore::State& state = *store.state_;
  if (anonymous) {
    diff_id = layer.diff_id;
    known = store.pin_layer(diff_id);
  }
  if (layer.diff_id != diff_id)
    return invalid("layer " + blob.digest + " inflates to " + layer.diff_id + ", not to " + diff_id);
  TRY_ASSIGN(bool needless, is_needless());
  std::lock_guard guard(state.mutex);
  pin = state.pin_blob(blob.digest);
  if (!needless) {
    TRY(state.note_unsynced("blob " + blob.digest));
    if (::fchmod(partial.get(), 0444) != 0 ||
        ::rename(path().c_str(), state.blob_path(blob.digest).c_str()) != 0)
      return Error::last_errno("publish blob");
  }
  if (known) return known;
  Layer out;
  out.diff_id = diff_id;
  out.size = layer.size;
  out.tar_size = layer.tar_size;
  if (!needless) out.blob = blob.digest;
  out.implied_directories = std::move(layer.implied_directories);
  return state.adopt_layer(staged->directory(), std::move(out));
}

LayerIngest::LayerIngest(std::unique_ptr<State> state) : state_(std::move(state)) {}
LayerIngest::~LayerIngest() = default;

int64_t LayerIngest::offset() const { return state_->received; }

Result<> LayerIngest::restart() {
  TRY(state_->open_partial(O_TRUNC));
  return state_->begin();
}

Result<> LayerIngest::write(std::string_view bytes) {
  State& state = *state_;
  if (!state.anonymous && state.received + static_cast<int64_t>(bytes.size()) > state.blob.size)
    return invalid("blob " + state.blob.digest + " is longer than the " + std::to_string(state.blob.size) +
                   " bytes in its descriptor");
  Result<> written = write_all(state.partial.get(), bytes);
  if (written) written = state.take(bytes);
  // A full disk needs space, and a stream that is not a layer will not become one.
  if (!written && (written.error().code() == ENOSPC || written.error().kind() == ErrorKind::Invalid))
    state.discard();
  return std::move(written).in("layer " + state.blob.digest);
}

Result<IngestedLayer> LayerIngest::commit() {
  State& state = *state_;
  if (!state.anonymous && state.received != state.blob.size)
    return Error("layer " + state.blob.digest + " ends early: " + std::to_string(state.received) + " of " +
                 std::to_string(state.blob.size) + " bytes");
  Result<> verified = state.verify();
  Result<ReceivedLayer> layer = verified ? state.stream->finish() : Result<ReceivedLayer>(verified.error());
  Result<LayerPin> pin = layer ? state.publish(std::move(*layer)) : Result<LayerPin>(layer.error());
  if (!pin) {
    state.discard();
    return std::move(pin).error();
  }
  return IngestedLayer{std::move(*pin), state.pin};
}

std::optional<IngestedLayer> ImageStore::find_layer(const BlobDescriptor& blob, const std::string& diff_id) {
  if (!is_sha256_digest(blob.digest)) return std::nullopt;
  std::lock_guard guard(state_->mutex);
  auto layer = state_->layers.find(diff_id);
  struct stat info{};
  bool there = layer != state_->layers.end() && ::stat(state_->blob_path(blob.digest).c_str(), &info) == 0 &&
               info.st_size == blob.size;
  // The tar stream of a layer made here can be written at any time.
  if (layer != state_->layers.end() && blob.digest == diff_id && blob.size == layer->second->tar_size)
    there = true;
  if (!there) return std::nullopt;
  return IngestedLayer{layer->second, state_->pin_blob(blob.digest)};
}

Result<std::unique_ptr<LayerIngest>> ImageStore::begin_layer(const BlobDescriptor& blob,
                                                             const std::string& diff_id) {
  for (const std::string& digest : {blob.digest, diff_id})
    if (!is_sha256_digest(digest)) return invalid("unsupported digest \"" + digest.substr(0, 80) + "\"");
  auto state = [&]() -> Result<std::unique_ptr<LayerIngest::State>> {
    std::lock_guard guard(state_->mutex);
    if (!state_->receiving.insert(blob.digest).second)
      return conflict("blob " + blob.digest + " is already being received");
    auto made = std::make_unique<LayerIngest::State>(*this, blob, diff_id);
    made->pin = state_->pin_blob(blob.digest);
    auto known = state_->layers.find(diff_id);
    if (known != state_->layers.end()) made->known = known->second;
    return made;
  }();
  if (!state) return std::move(state).error();
  std::unique_ptr<LayerIngest> ingest(new LayerIngest(std::move(*state)));
  TRY(ingest->state_->begin());
  TRY(ingest->state_->open_partial(0));
  if (!ingest->state_->replay()) TRY(ingest->restart());
  return ingest;
}

std::optional<IngestedLayer> ImageStore::find_layer_of_blob(const std::string& digest) {
  std::lock_guard guard(state_->mutex);
  auto layer = state_->layers.find(digest);
  if (layer == state_->layers.end())
    layer = std::find_if(state_->layers.begin(), state_->layers.end(),
                         [&](const auto& item) { return item.second->blob == digest; });
  if (layer == state_->layers.end()) return std::nullopt;
  return IngestedLayer{layer->second, state_->pin_blob(digest)};
}

Result<std::unique_ptr<LayerIngest>> ImageStore::receive_layer() {
  auto state = std::make_unique<LayerIngest::State>(*this, BlobDescriptor{}, std::string());
  state->anonymous = true;
  TRY(state->begin());
  TRY(state->open_partial(O_EXCL));
  return std::unique_ptr<LayerIngest>(new LayerIngest(std::move(state)));
}

}  // namespace stack::images
