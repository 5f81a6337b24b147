// Loads an OCI image layout on disk into the store (image-spec, image-layout.md).
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "images/archive/image_archive.h"

namespace stack::images {

namespace {

constexpr int kDeepestLayoutIndex = 4;

class LayoutLoader {
 public:
  LayoutLoader(ImageStore& store, std::string directory) : store_(store), directory_(std::move(directory)) {}

  Result<Image> run(const std::string& tag, const std::string& digest) {
    TRY_ASSIGN(std::string text, read_file(directory_ + "/index.json", kLargestDocument));
    TRY_ASSIGN(Json index, parse_json(text).in("index.json"));
    for (const Json& item : manifests_of(index)) {
      Json annotations = item.value("annotations", Json::object());
      std::string name = string_or(annotations, "org.opencontainers.image.ref.name");
      bool tagged = tag.empty() || name == tag || name.ends_with(":" + tag);
      bool wanted = digest.empty() ? tagged : string_or(item, "digest") == digest;
      if (!wanted) continue;
      TRY_ASSIGN(std::optional<Image> image, load(item, "", 0));
      if (image) return std::move(*image);
    }
    return not_found("the layout has no image " + (digest.empty() ? tag : digest) + " for this platform");
  }

 private:
  static Json manifests_of(const Json& index) {
    auto found = index.find("manifests");
    Json out = Json::array();
    if (found == index.end() || !found->is_array()) return out;
    for (const Json& item : *found)
      if (item.is_object()) out.push_back(item);
    return out;
  }

  std::string path_of(const std::string& digest) const {
    return directory_ + "/blobs/sha256/" + digest.substr(7);
  }

  Result<std::string> document(const BlobDescriptor& descriptor) const {
    TRY_ASSIGN(std::string text, read_file(path_of(descriptor.digest), kLargestDocument));
    if ("sha256:" + sha256_hex(text) != descriptor.digest)
      return invalid("blob " + descriptor.digest + " does not match its digest");
    return text;
  }

  // nullopt: not for this machine, or not an image.
  Result<std::optional<Image>> load(const Json& item, const std::string& index, int depth) {
    std::string architecture = string_or(item.value("platform", Json::object()), "architecture");
    if (depth > kDeepestLayoutIndex || (!architecture.empty() && architecture != host_architecture()))
      return std::optional<Image>();
    TRY_ASSIGN(BlobDescriptor descriptor, parse_descriptor(item));
    TRY_ASSIGN(std::string text, document(descriptor));
    TRY_ASSIGN(BlobPin pin, store_.put_blob(descriptor.digest, text));
    TRY_ASSIGN(Json json, parse_json(text));
    if (!is_image_index(json)) return image(descriptor.digest, text, index);
    for (const Json& inner : manifests_of(json)) {
      TRY_ASSIGN(std::optional<Image> found,
                 load(inner, index.empty() ? descriptor.digest : index, depth + 1));
      if (found) return found;
    }
    return std::optional<Image>();
  }

  Result<std::optional<Image>> image(const std::string& digest, const std::string& text,
                                     const std::string& index) {
    Result<ImageManifest> manifest = parse_image_manifest(text);
    if (!manifest && !index.empty()) return std::optional<Image>();  // an attestation
    if (!manifest) return std::move(manifest).error();
    TRY_ASSIGN(std::string config, document(manifest->config));
    TRY_ASSIGN(ImageDocument parsed, parse_image_document(config));
    if (parsed.diff_ids.size() != manifest->layers.size())
      return invalid("image " + digest + " lists other layers than its configuration");
    TRY_ASSIGN(BlobPin pin, store_.put_blob(manifest->config.digest, config));
    std::vector<IngestedLayer> pins;
    for (size_t i = 0; i < manifest->layers.size(); ++i) {
      TRY_ASSIGN(IngestedLayer taken, layer(manifest->layers[i], parsed.diff_ids[i]));
      pins.push_back(std::move(taken));
    }
    TRY_ASSIGN(Image made, store_.add_image({digest, index}, {}));
    return std::optional<Image>(std::move(made));
  }

  Result<IngestedLayer> layer(const BlobDescriptor& blob, const std::string& diff_id) {
    if (std::optional<IngestedLayer> known = store_.find_layer(blob, diff_id)) return std::move(*known);
    TRY_ASSIGN(Fd file, open_file(path_of(blob.digest), O_RDONLY));
    TRY_ASSIGN(std::unique_ptr<LayerIngest> ingest, store_.begin_layer(blob, diff_id));
    TRY(ingest->restart());
    std::string buffer(size_t{1} << 20, '\0');
    for (;;) {
      ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read " + path_of(blob.digest));
      if (n == 0) break;
      TRY(ingest->write({buffer.data(), static_cast<size_t>(n)}));
    }
    return ingest->commit();
  }

  ImageStore& store_;
  std::string directory_;
};

}  // namespace

Result<Image> load_layout(ImageStore& store, const std::string& directory, const std::string& tag,
                          const std::string& digest) {
  LayoutLoader loader(store, directory);
  return loader.run(tag, digest).in(directory);
}

}  // namespace stack::images
