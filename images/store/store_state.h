// Inside of ImageStore, shared by its source files only.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "images/store/store.h"

namespace stack::images {

struct ImageRecord {
  Image image;                // repo_tags are filled in when it is handed out
  std::string last_tag_time;  // RFC 3339
};

struct ImageStore::State {
  explicit State(std::string root_path, FileLock held) : root(std::move(root_path)), lock(std::move(held)) {}

  std::string root;
  FileLock lock;
  std::vector<std::string> notes;
  CacheHooks hooks;

  mutable std::mutex mutex;  // guards all below, and the moment of publication on disk
  std::map<std::string, ImageRecord> images;
  std::map<std::string, std::string> tags;  // Reference::full() -> image id
  std::map<std::string, LayerPin> layers;   // by diff id; use_count() > 1 means pinned

  std::string blob_path(std::string_view digest) const {
    return root + "/blobs/sha256/" + std::string(digest.substr(7));
  }
  std::string layer_path(std::string_view diff_id) const {
    return root + "/layers/" + std::string(diff_id.substr(7));
  }
  std::string staging_path() const { return root + "/staging"; }

  // --- with the mutex held ---
  Result<> load();
  Result<> write_index();
  Image handed_out(const ImageRecord& record) const;
  const ImageRecord* find(std::string_view name, bool& ambiguous) const;
  std::vector<std::string> tags_of(const std::string& image_id) const;
  // Takes the layer into the store: `directory` is renamed.
  Result<LayerPin> adopt_layer(const std::string& directory, Layer layer, bool synced);
  Result<Image> publish(const std::string& config_json, const std::vector<Reference>& new_tags);
  // Moves what nothing needs to staging/; the caller deletes these paths without the mutex.
  std::vector<std::string> take_garbage(std::vector<std::string>* deleted_layers);

  // Tells the build cache of a removed image's layers, but for those that other images have too.
  void forget_layers(const Image& removed) const;

  // --- without it ---
  Result<> store_blob(std::string_view digest, std::string_view bytes) const;
  Result<> ensure_layer_blob(const Layer& layer);
  Result<> verify_after_reboot();

 private:
  Result<> load_layers();
  Result<> load_images();
  Result<ImageRecord> load_image(const std::string& manifest_digest);
  std::set<std::string> needed_layers() const;
  std::set<std::string> needed_blobs() const;
};

}  // namespace stack::images
