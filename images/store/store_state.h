// Internals of ImageStore, used only by its source files.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "images/archive/inflate.h"
#include "images/archive/tar_writer.h"
#include "images/store/store.h"
#include "model/image_reference.h"

namespace stack::images {

struct ImageRecord {
  Image image;  // tags, digests, and layer directories are filled in when it is returned
  // By digest: the same configuration can come with differently compressed layers.
  std::map<std::string, ImageManifest> manifests;
};

// The meaning of a name.
struct NameRecord {
  std::string image_id;
  std::string manifest;
  std::string index;  // "" = none
  std::string time;   // RFC 3339
};

// An entry of the index whose image cannot be loaded; kept verbatim.
struct DamagedRecord {
  Json entry;
  std::string digest;  // of the manifest; "" if the entry has none
  std::optional<Reference> name;
  std::string reason;
  std::set<std::string> layers;  // diff ids and blobs that it needs, as far as known
  std::set<std::string> blobs;
  bool reach_known = false;
};

struct ImageStore::State {
  explicit State(std::string root_path, FileLock held) : root(std::move(root_path)), lock(std::move(held)) {}

  std::string root;
  FileLock lock;
  std::vector<std::string> notes;
  CacheHooks hooks;

  mutable std::mutex mutex;  // guards the members below and the publication on disk
  std::map<std::string, ImageRecord> images;
  std::map<Reference, NameRecord> names;   // digest references included
  std::map<std::string, LayerPin> layers;  // by diff id; use_count() > 1 means pinned
  std::vector<DamagedRecord> damaged;
  std::map<std::string, std::weak_ptr<const std::string>> blob_pins;
  std::set<std::string> receiving;  // digests of blobs that a LayerIngest is receiving

  std::string blob_path(std::string_view digest) const {
    return root + "/blobs/sha256/" + std::string(digest.substr(7));
  }
  std::string partial_path(std::string_view digest) const {
    return root + "/partial/" + std::string(digest.substr(7));
  }
  std::string layer_path(std::string_view diff_id) const {
    return root + "/layers/" + std::string(diff_id.substr(7));
  }
  std::string staging_path() const { return root + "/staging"; }

  // --- with the mutex held ---

  // Never fails: unreadable objects are noted and quarantined (store_load.cpp).
  void load();
  Result<> write_index();
  Image handed_out(const ImageRecord& record) const;
  const ImageRecord* find(std::string_view name, bool& ambiguous) const;
  // With resolve()'s errors.
  Result<const ImageRecord*> record_of(std::string_view name) const;
  const DamagedRecord* find_damaged(std::string_view name) const;
  std::vector<Reference> references_of(const std::string& image_id) const;  // without digest references
  std::vector<std::string> tags_of(const std::string& image_id) const;      // the same: familiar, sorted
  // The layer's directory above these layers (top first): its own or a variant (layer_variant.cpp).
  Result<std::string> place_layer(const Layer& layer, const std::vector<std::string>& below);
  std::vector<std::string> variants_of(const Layer& layer) const;
  // Moves the layer into the store by renaming `directory`. An existing layer takes precedence.
  Result<LayerPin> adopt_layer(const std::string& directory, Layer layer);
  Result<> note_unsynced(const std::string& line);
  BlobPin pin_blob(const std::string& digest);
  // Loads the image of a stored manifest into `images`, repairs its damaged entries, and gives it the names.
  Result<Image> publish(const ReceivedImage& received, const std::vector<Reference>& new_names);

  // Returns the paths to delete after the mutex is released.
  Result<std::vector<std::string>> remove(std::string_view name, bool force,
                                          const std::vector<ImageUser>& users, RemovedImages& out);
  Result<std::vector<std::string>> prune(const PruneRequest& request, const std::vector<ImageUser>& users,
                                         RemovedImages& out);

  // Limits garbage collection: to `only` if it is set.
  struct GarbageScope {
    const std::set<std::string>* only = nullptr;  // diff ids and blob digests
    bool recent = false;                          // also objects received within a day
  };
  // Moves unneeded layers to staging/; the caller deletes these paths without the mutex.
  std::vector<std::string> take_garbage(const GarbageScope& scope, RemovedImages* out);
  // Everything an image has on disk, shared or not, except the indexes of its names.
  std::set<std::string> belongings(const ImageRecord& record) const;
  // The indexes of an image's names, with their attestations (attestation.cpp).
  std::set<std::string> indexes_of(const std::string& image_id) const;
  // The index and the attestations in it, as far as they are stored.
  void add_index_parts(const std::string& index, std::set<std::string>& out) const;

  // Notifies the build cache of a removed image's layers except those of other images.
  void forget_layers(const Image& removed) const;

  // --- without it ---

  Result<> sync();
  // The same in the background; called with or without the mutex.
  void sync_soon();

  // The layer's descriptor in a new manifest: its source blob if that exists.
  Result<BlobDescriptor> descriptor_of(const Layer& layer) const;
  // Replaces an existing blob with different content.
  Result<> store_blob(std::string_view digest, std::string_view bytes) const;
  Result<std::string> read_blob(const std::string& digest) const;
  Result<> ensure_layer_blob(const Layer& layer) const;
  // The uncompressed tar stream of a layer, verified against its diff id at the end.
  Result<> write_layer_tar_stream(const Layer& layer, const ByteSink& sink) const;
  // The layer compressed, as a blob (store_pack.cpp).
  Result<BlobDescriptor> pack_layer(const Layer& layer, Compression compression) const;
  Result<> write_packed_stream(const Layer& layer, Compression compression, const ByteSink& sink) const;
  // The compression that produced this blob from the layer, if any.
  static std::optional<Compression> packed_as(const Layer& layer, const std::string& digest);

 private:
  void serve_syncs(std::stop_token stop);

  std::mutex sync_mutex_;
  std::condition_variable_any sync_asked_;
  bool sync_wanted_ = false;
  bool opening_ = false;
  void load_layers();
  void load_layer(const std::string& hex, bool described);
  // What may have been lost with the power; unlisted if the last boot synced everything.
  struct Unsynced {
    bool listed = false;
    std::set<std::string> blobs;   // digests
    std::set<std::string> layers;  // diff ids
  };
  Unsynced unsynced_before_boot() const;
  void verify_after_reboot();
  Result<> restore_layer(const Layer& layer);
  void load_images();
  Json read_index();
  Json index_from_blobs();
  void load_entry(const Json& entry);
  Result<ImageRecord> load_image(const std::string& manifest_digest);
  void find_reach(DamagedRecord& record) const;
  void put_aside(const std::string& path, const std::string& why);
  Result<std::vector<std::string>> remove_damaged(std::string_view name, RemovedImages& out);
  std::vector<std::string> take_leftovers(RemovedImages& out) const;
  std::set<std::string> needed_layers() const;
  std::set<std::string> needed_blobs() const;
  bool is_recent(const std::string& path) const;

  std::jthread syncer_;  // the last member, so that it ends before the others
};

// Docker's text.
Error no_such_image(std::string_view name);

}  // namespace stack::images
