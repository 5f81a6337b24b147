// The local image store.
//
//   <root>/oci-layout, index.json, blobs/sha256/   an OCI image layout: manifests and configurations always,
//                                                  layer blobs where they came from outside or after
//                                                  ensure_blobs()
//   <root>/layers/<hex of diff id>/                unpacked layer, overlay's on-disk form (whiteout = char
//   device 0/0,
//                                                  opaque = trusted.overlay.opaque); mode 0700 above it
//   <root>/layers/<hex of diff id>.json            sizes of it
//   <root>/cache/                                  build cache records and cache mounts (stack::build)
//   <root>/staging/                                work in progress; swept at open
//
// Layer blobs of images built here are not written: the tar stream of a layer directory is deterministic, so
// its digest and size are known (they stand in the manifest) and ensure_blobs() can write it whenever a
// reader of the layout (skopeo, umoci, push) needs it. index.json is always valid; only these layer blobs may
// be absent.
//
// Crash safety: everything is made in staging/ and renamed; index.json is the last step. kill -9 at any
// moment leaves either the old or the new state; leftovers go at the next open(). Against power loss: layers
// written since the last sync() are re-verified at open() after a reboot.
//
// One process at a time (flock on <root>/lock); inside it all members are thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "images/store/image.h"
#include "model/image_reference.h"

namespace stack::images {

// A layer that stays on disk as long as a copy of the handle lives, whatever is removed meanwhile.
struct Layer {
  std::string diff_id;    // "sha256:..."
  std::string directory;  // absolute
  int64_t size = 0;       // bytes of file content
  int64_t tar_size = 0;   // bytes of the uncompressed tar stream
};
using LayerPin = std::shared_ptr<const Layer>;

// A directory under staging/ that goes away with this object unless the store commits it.
class StagedLayer {
 public:
  StagedLayer(StagedLayer&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  StagedLayer& operator=(StagedLayer&& other) noexcept;
  ~StagedLayer();
  // The layer's content, in overlay form: usable as an overlay upperdir. Mode 0755, root.
  std::string directory() const { return path_ + "/fs"; }
  // Overlay's workdir, same file system.
  std::string work_directory() const { return path_ + "/work"; }
  // For anything else that must vanish with it.
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
};

class ImageStore {
 public:
  // Makes the layout where absent, sweeps leftovers, loads the index. `root` is <state root>/images.
  // Conflict where another process has it open.
  static Result<std::unique_ptr<ImageStore>> open(const std::string& root);
  ~ImageStore();
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  const std::string& root() const;
  // What open() found damaged and dropped, one line each; for the log.
  const std::vector<std::string>& notes() const;

  // By reference (normalised), full id with or without "sha256:", unique id prefix, or name@digest.
  // NotFound with Docker's text "No such image: x"; Conflict for an ambiguous prefix.
  Result<Image> resolve(std::string_view name) const;
  std::optional<Image> find(std::string_view name) const;
  // Newest first.
  std::vector<Image> list() const;

  // Moves the tag if it exists: the former image stays, dangling where that was its last tag.
  Result<> tag(const std::string& image_id, const Reference& reference);
  // `docker rmi`: a reference is untagged, and the image deleted with its last one; an id deletes the image,
  // all tags included if they are of one repository or `force`. Refusals are Conflict with Docker's texts.
  // Layers no other image, build cache record or pin needs are deleted at once.
  Result<RemovedImages> remove(std::string_view name, bool force, const std::vector<ImageUser>& users);
  // Deletes dangling images (all without users if `all`), then every unreferenced layer and blob.
  Result<RemovedImages> prune(bool all, const std::vector<ImageUser>& users);

  // Docker's GET /images/{name}/json, /images/{name}/history and one row of /images/json.
  // "Containers" is -1 as Docker has it without shared-size counting.
  Json inspect_json(const Image& image) const;
  Json history_json(const Image& image) const;
  Json summary_json(const Image& image) const;

  // --- making images ---

  Result<StagedLayer> stage_layer();
  // Computes the diff id and moves the directory into place; a layer with the same diff id is shared.
  // nullptr for an empty directory: nothing to store. The staging goes away in any case.
  Result<LayerPin> commit_layer(StagedLayer staged);
  // The layer if it is there.
  LayerPin pin_layer(std::string_view diff_id) const;
  // Pins every layer, bottom first. NotFound if the image is gone meanwhile.
  Result<std::vector<LayerPin>> pin_layers(const Image& image) const;
  // Stores configuration and manifest and tags it. document.diff_ids must name layers that are pinned by the
  // caller. Equal documents give the same image. `tags` may be empty.
  Result<Image> create_image(const ImageDocument& document, const std::vector<Reference>& tags);

  // --- archives ---

  // A root filesystem as a one-layer image: a directory (copied), or a tar file (plain, gzip, bzip2, xz,
  // zstd).
  Result<Image> import_rootfs(const std::string& path, const ImageConfig& config, const std::string& comment,
                              const std::vector<Reference>& tags);
  // `docker save`: a tar stream on `out_fd` holding an OCI layout and Docker's manifest.json for these names.
  Result<> save(const std::vector<std::string>& names, int out_fd) const;
  // `docker load`: reads a tar of either form. Returns the images, tagged as the archive says.
  Result<std::vector<Image>> load(int in_fd);
  // Writes the layer blobs that the manifest names and that are not there yet, so that others can read the
  // layout.
  Result<> ensure_blobs(const Image& image);

  // syncfs(2): what is committed survives power loss from here on. Called by the destructor.
  Result<> sync();

  // What the build cache tells the store. Set once, before use by many threads; they must not call the store.
  struct CacheHooks {
    std::function<std::vector<std::string>()> needed;                      // diff ids it can still use
    std::function<void(const std::vector<std::string>& diff_ids)> forget;  // an image of these was removed
  };
  void set_cache_hooks(CacheHooks hooks);
  // Deletes layers and blobs that nothing needs. remove() and prune() do it by themselves.
  Result<> collect_garbage();

 private:
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::images
