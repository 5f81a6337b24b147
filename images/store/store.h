// The local image store.
//
//   <root>/oci-layout, index.json, blobs/sha256/   an OCI image layout (image-spec, image-layout.md)
//   <root>/index.backup.json                       the copy of the index, in case the first one is damaged
//   <root>/layers/<hex of diff id>/                unpacked layer, overlay's on-disk form: whiteout = character device
//                                                  0/0, opaque = trusted.overlay.opaque; mode 0700 above it
//   <root>/layers/<hex of diff id>.json            its sizes and its source blob
//   <root>/partial/<hex of blob digest>            part of a blob whose transfer was interrupted
//   <root>/cache/                                  build cache records and cache mounts (stack::builder)
//   <root>/staging/                                work in progress; emptied at open
//   <root>/quarantine/                             unreadable files, kept for repair; prune() empties it
//
// Blobs of received layers are kept unchanged, so that push and save give the same digests. Blobs of layers created on
// this machine are not written: the tar stream of a layer directory is deterministic, so its digest and size are known
// (they are in the manifest), and ensure_blobs() can write it when a reader of the layout (skopeo, umoci) needs it. push
// sends these layers compressed (pack()); the result stays in blobs/ as long as the image exists. index.json is always
// valid; only these layer blobs may be absent.
//
// index.json has an entry for each name: the manifest for this machine, and in the annotation "io.stack.index.digest"
// the multi-platform index to which the name refers, if any; that index has its own entry.
//
// Crash safety: everything is created in staging/ or partial/ and renamed; index.json is the last step. kill -9 at any
// moment leaves either the old or the new state; the next open() removes leftovers. Power loss: every image is synced in
// the background right after its publication; data written since the last sync() is verified at open() after a reboot,
// and recreated from its blob if there is one.
//
// Damage: unreadable objects are never dropped and never prevent open(). A damaged image stays in the index, is listed by
// damaged(), keeps its layers and blobs, and is repaired by the next pull, load, or build that produces it; remove()
// deletes it.
//
// One process at a time (flock on <root>/lock); in that process all members are thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "images/archive/inflate.h"
#include "images/archive/tar_writer.h"
#include "images/store/attestation.h"
#include "images/store/image.h"
#include "images/store/ingest.h"
#include "images/store/manifest.h"
#include "model/image_reference.h"

namespace stack::images {

// A directory under staging/ that is removed with this object unless the store commits it.
class StagedLayer {
 public:
  StagedLayer(StagedLayer&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  StagedLayer& operator=(StagedLayer&& other) noexcept;
  ~StagedLayer();
  // The layer's content, in overlay form: usable as an overlay upperdir. Mode 0755, root.
  std::string directory() const { return path_ + "/fs"; }
  // Overlay's workdir, same file system.
  std::string work_directory() const { return path_ + "/work"; }
  // For other files that must be removed with it.
  std::string scratch_directory() const { return path_ + "/scratch"; }

 private:
  friend class ImageStore;
  explicit StagedLayer(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A container that uses an image, as the caller knows it.
struct ImageUser {
  std::string image_id;  // "sha256:..."
  std::string container_id;
  bool running = false;
};

struct RemovedImages {
  std::vector<std::string> untagged;  // familiar references
  std::vector<std::string> deleted;   // "sha256:..." of images, then of layers
  int64_t freed = 0;                  // bytes of files and blobs deleted
};

struct PruneRequest {
  bool all = false;  // every image without users, not only untagged ones
  // false keeps the image; absent: accepts all images selected by `all`.
  std::function<bool(const Image&)> wanted;
};

// An unreadable object in the store.
struct DamagedItem {
  std::string name;    // "image redis:7", "layer sha256:...", "image index"
  std::string reason;  // lower case, one line
  std::string remedy;  // one line
};

// Bytes on disk, each layer and blob counted once.
struct StoreUsage {
  int64_t layers = 0;        // of layers that images use
  int64_t blobs = 0;         // compressed layers, manifests, configurations
  int64_t unreferenced = 0;  // layers no image uses (build cache, interrupted pulls), and partial blobs
};

class ImageStore {
 public:
  // Creates the layout if absent, removes leftovers, and loads the index. `root` is <state root>/images. Conflict
  // if another process has it open.
  static Result<std::unique_ptr<ImageStore>> open(const std::string& root);
  ~ImageStore();
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  const std::string& root() const;
  // Repairs and quarantined objects of open(), one line each; for the log.
  const std::vector<std::string>& notes() const;
  // Objects that are damaged now.
  std::vector<DamagedItem> damaged() const;

  // By reference (normalized), full id with or without "sha256:", unique id prefix, or name@digest.
  // NotFound with Docker's text "No such image: x" or with the damage; Conflict for an ambiguous prefix.
  Result<Image> resolve(std::string_view name) const;
  std::optional<Image> find(std::string_view name) const;
  // Newest first.
  std::vector<Image> list() const;

  // Moves the tag if it exists: the previous image stays, and is dangling if that was its last tag.
  Result<> tag(const std::string& image_id, const Reference& reference);
  // `docker rmi`: a reference is untagged, and its image is deleted with the last one; an id deletes the image with
  // all its tags, which requires `force` if they are in several repositories. Refusals are Conflict with Docker's
  // texts. Layers that no other image, build cache record, or pin needs are deleted at once.
  Result<RemovedImages> remove(std::string_view name, bool force, const std::vector<ImageUser>& users);
  // Removes an image without tags, and its digest references, from the index: for temporary images (a build cache,
  // a build result that was written to a file). Build cache records of its layers stay. Does nothing if the image
  // has a tag.
  Result<> discard(const std::string& image_id);
  // Deletes images without users, then every unreferenced layer and blob, partial blobs and the quarantine.
  Result<RemovedImages> prune(const PruneRequest& request, const std::vector<ImageUser>& users);

  // Docker's GET /images/{name}/json, /images/{name}/history and one row of /images/json.
  // "Containers" is -1, as in Docker without shared-size counting.
  Json inspect_json(const Image& image) const;
  Json history_json(const Image& image) const;
  Json summary_json(const Image& image) const;
  StoreUsage usage() const;

  // --- making images ---

  Result<StagedLayer> stage_layer();
  // Computes the diff id and moves the directory into place; a layer with the same diff id is shared. nullptr for
  // an empty directory: nothing to store. The staging directory is always removed.
  Result<LayerPin> commit_layer(StagedLayer staged);
  // The layer, nullptr if it does not exist.
  LayerPin pin_layer(std::string_view diff_id) const;
  // Pins every layer, bottom first. NotFound if the image was removed meanwhile.
  Result<std::vector<LayerPin>> pin_layers(const Image& image) const;
  // Stores configuration and manifest and tags it. document.diff_ids must name layers that are pinned by the
  // caller. Equal documents give the same image. `tags` may be empty.
  Result<Image> create_image(const ImageDocument& document, const std::vector<Reference>& tags);
  // The same for the exact bytes of a configuration.
  Result<Image> create_image_from(const std::string& config_json, const std::vector<Reference>& tags);

  // --- receiving images (pull, load); ingest.h has the order of calls ---

  Result<BlobPin> put_blob(const std::string& digest, std::string_view bytes);
  std::optional<IngestedLayer> find_layer(const BlobDescriptor& blob, const std::string& diff_id);
  Result<std::unique_ptr<LayerIngest>> begin_layer(const BlobDescriptor& blob, const std::string& diff_id);
  // For archives, which identify members late: a layer whose digests are not known in advance, and one found only
  // by the digest of the blob or tar stream.
  Result<std::unique_ptr<LayerIngest>> receive_layer();
  std::optional<IngestedLayer> find_layer_of_blob(const std::string& digest);
  Result<Image> add_image(const ReceivedImage& received, const std::vector<Reference>& names);

  // Stores statements about a stored manifest beside it, and gives the names to the index of both.
  Result<Image> attest(const StoredManifest& subject, const std::vector<AttestationStatement>& statements,
                       const std::vector<Reference>& names);

  // --- sending images (push, save) ---

  // The index of the manifest, if all its parts are in the store; a pulled index usually has other platforms, too.
  std::optional<AttestedIndex> attested_index(const StoredManifest& stored) const;

  // The manifest of a name or an id: its exact bytes and its content.
  Result<StoredManifest> manifest_of(std::string_view name) const;
  // A document of at most 4 MiB, checked against its digest.
  Result<std::string> read_blob(const std::string& digest) const;
  // NotFound for the blob of a layer created on this machine before ensure_blobs(). The content is not verified:
  // hash what you read.
  Result<Fd> open_blob(const std::string& digest) const;
  // Writes a layer's blob: the stored one, verified while it is read, or its regenerated tar stream.
  Result<> write_layer_blob(const BlobDescriptor& blob, const Layer& layer, const ByteSink& sink) const;
  // Compresses the layers created on this machine, always to the same bytes, and points the name to the manifest
  // with these blobs, all of which then exist. Received layers stay as they were received.
  Result<StoredManifest> pack(std::string_view name, Compression compression);
  // Writes the missing layer blobs of the manifest.
  Result<> ensure_blobs(const Image& image);

  // syncfs(2): committed data survives power loss from here on. Takes seconds after a pull. Every new image (pull,
  // load, build, commit) starts one in the background; the destructor runs the last one.
  Result<> sync();

  // Callbacks to the build cache. Set once, before use by several threads; they must not call the store.
  struct CacheHooks {
    std::function<std::vector<std::string>()> needed;                      // diff ids it can still use
    std::function<void(const std::vector<std::string>& diff_ids)> forget;  // an image of these was removed
  };
  void set_cache_hooks(CacheHooks hooks);
  // Deletes unneeded layers and blobs except those received within a day, which an interrupted pull can use again.
  // remove() does this for the objects of its image, prune() for all.
  Result<> collect_garbage();

 private:
  friend class LayerIngest;
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::images
