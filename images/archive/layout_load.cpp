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

std::string layout_blob(const std::string& directory, const std::string& digest) {
  return directory + "/blobs/sha256/" + digest.substr(7);
}

Json manifests_of(const Json& index) {
  auto found = index.find("manifests");
  Json out = Json::array();
  if (found == index.end() || !found->is_array()) return out;
  for (const Json& item : *found)
    if (item.is_object()) out.push_back(item);
  return out;
}

// An image and the documents that lead to it.
struct FoundImage {
  LayoutImage image;
  ImageManifest manifest;
  std::string index;                                           // digest of the outermost index, or ""
  std::vector<std::pair<std::string, std::string>> documents;  // digest and text, manifest last
};

class LayoutReader {
 public:
  explicit LayoutReader(std::string directory) : directory_(std::move(directory)) {}

  Result<FoundImage> run(const std::string& tag, const std::string& digest) const {
    TRY_ASSIGN(std::string text, read_file(directory_ + "/index.json", kLargestDocument));
    TRY_ASSIGN(Json index, parse_json(text).in("index.json"));
    for (const Json& item : manifests_of(index)) {
      Json annotations = item.value("annotations", Json::object());
      std::string name = string_or(annotations, "org.opencontainers.image.ref.name");
      bool tagged = tag.empty() || name == tag || name.ends_with(":" + tag);
      bool wanted = digest.empty() ? tagged : string_or(item, "digest") == digest;
      if (!wanted) continue;
      TRY_ASSIGN(std::optional<FoundImage> found, find(item, "", 0));
      if (found) return std::move(*found);
    }
    return not_found("the layout has no image " + (digest.empty() ? tag : digest) + " for this platform");
  }

 private:
  Result<std::string> document(const BlobDescriptor& descriptor) const {
    TRY_ASSIGN(std::string text, read_file(layout_blob(directory_, descriptor.digest), kLargestDocument));
    if ("sha256:" + sha256_hex(text) != descriptor.digest)
      return invalid("blob " + descriptor.digest + " does not match its digest");
    return text;
  }

  // nullopt: not for this machine, or not an image.
  Result<std::optional<FoundImage>> find(const Json& item, const std::string& index, int depth) const {
    std::string architecture = string_or(item.value("platform", Json::object()), "architecture");
    if (depth > kDeepestLayoutIndex || (!architecture.empty() && architecture != host_architecture()))
      return std::optional<FoundImage>();
    TRY_ASSIGN(BlobDescriptor descriptor, parse_descriptor(item));
    TRY_ASSIGN(std::string text, document(descriptor));
    TRY_ASSIGN(Json json, parse_json(text));
    if (!is_image_index(json)) return image(descriptor.digest, std::move(text), index);
    for (const Json& inner : manifests_of(json)) {
      TRY_ASSIGN(std::optional<FoundImage> found,
                 find(inner, index.empty() ? descriptor.digest : index, depth + 1));
      if (!found) continue;
      found->documents.insert(found->documents.begin(), {descriptor.digest, std::move(text)});
      return found;
    }
    return std::optional<FoundImage>();
  }

  Result<std::optional<FoundImage>> image(const std::string& digest, std::string text,
                                          const std::string& index) const {
    Result<ImageManifest> manifest = parse_image_manifest(text);
    if (!manifest && !index.empty()) return std::optional<FoundImage>();  // an attestation
    if (!manifest) return std::move(manifest).error();
    TRY_ASSIGN(std::string config, document(manifest->config));
    TRY_ASSIGN(ImageDocument parsed, parse_image_document(config));
    if (parsed.diff_ids.size() != manifest->layers.size())
      return invalid("image " + digest + " lists other layers than its configuration");
    FoundImage out{{directory_, digest, std::move(config), {}}, std::move(*manifest), index, {}};
    for (size_t i = 0; i < parsed.diff_ids.size(); ++i)
      out.image.layers[parsed.diff_ids[i]] = out.manifest.layers[i];
    out.documents.emplace_back(digest, std::move(text));
    return std::optional<FoundImage>(std::move(out));
  }

  std::string directory_;
};

Result<IngestedLayer> read_layout_layer(ImageStore& store, const std::string& path,
                                        const BlobDescriptor& blob, const std::string& diff_id) {
  if (std::optional<IngestedLayer> known = store.find_layer(blob, diff_id)) return std::move(*known);
  TRY_ASSIGN(Fd file, open_file(path, O_RDONLY));
  TRY_ASSIGN(std::unique_ptr<LayerIngest> ingest, store.begin_layer(blob, diff_id));
  TRY(ingest->restart());
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("read " + path);
    if (n == 0) break;
    TRY(ingest->write({buffer.data(), static_cast<size_t>(n)}));
  }
  return ingest->commit();
}

Result<Image> store_layout_image(ImageStore& store, const FoundImage& found) {
  std::vector<BlobPin> pins;
  for (const auto& [digest, text] : found.documents) {
    TRY_ASSIGN(BlobPin pin, store.put_blob(digest, text));
    pins.push_back(std::move(pin));
  }
  TRY_ASSIGN(BlobPin config, store.put_blob(found.manifest.config.digest, found.image.config));
  TRY_ASSIGN(ImageDocument document, parse_image_document(found.image.config));
  std::vector<IngestedLayer> layers;
  for (size_t i = 0; i < found.manifest.layers.size(); ++i) {
    const BlobDescriptor& blob = found.manifest.layers[i];
    TRY_ASSIGN(IngestedLayer layer, read_layout_layer(store, layout_blob(found.image.directory, blob.digest),
                                                      blob, document.diff_ids[i]));
    layers.push_back(std::move(layer));
  }
  return store.add_image({found.image.digest, found.index}, {});
}

}  // namespace

Result<Image> load_layout(ImageStore& store, const std::string& directory, const std::string& tag,
                          const std::string& digest) {
  Result<FoundImage> found = LayoutReader(directory).run(tag, digest);
  Result<Image> image = found ? store_layout_image(store, *found) : Result<Image>(found.error());
  return std::move(image).in(directory);
}

Result<LayoutImage> find_in_layout(const std::string& directory, const std::string& tag,
                                   const std::string& digest) {
  TRY_ASSIGN(FoundImage found, LayoutReader(directory).run(tag, digest).in(directory));
  return std::move(found.image);
}

Result<LayerPin> load_layout_layer(ImageStore& store, const LayoutImage& image, const std::string& diff_id) {
  auto blob = image.layers.find(diff_id);
  if (blob == image.layers.end()) return not_found("the layout's image has no layer " + diff_id);
  TRY_ASSIGN(IngestedLayer layer, read_layout_layer(store, layout_blob(image.directory, blob->second.digest),
                                                    blob->second, diff_id)
                                      .in(image.directory));
  return layer.layer;
}

}  // namespace stack::images
