#include <algorithm>
#include <set>

#include "images/archive/image_archive.h"

namespace stack::images {

namespace {

constexpr const char* kContainerdName = "io.containerd.image.name";
constexpr const char* kReferenceName = "org.opencontainers.image.ref.name";

TarEntry plain_file(std::string name, int64_t size) {
  TarEntry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.size = size;
  return entry;
}

std::string blob_name(const std::string& digest) { return "blobs/sha256/" + digest.substr(7); }

// Writes a tar archive; each file is added only once.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(const ByteSink& sink) : writer_(sink) {}

  Result<> text(const std::string& name, std::string_view bytes) {
    if (!written_.insert(name).second) return {};
    TRY(writer_.entry(plain_file(name, static_cast<int64_t>(bytes.size()))));
    return bytes.empty() ? Result<>{} : writer_.content(bytes);
  }
  Result<> layer(const ImageStore& store, const BlobDescriptor& blob, const LayerPin& pin) {
    std::string name = blob_name(blob.digest);
    if (!written_.insert(name).second) return {};
    TRY(writer_.entry(plain_file(name, blob.size)));
    return store.write_layer_blob(blob, *pin,
                                  [this](std::string_view bytes) { return writer_.content(bytes); });
  }
  Result<> finish() { return writer_.finish(); }

 private:
  TarWriter writer_;
  std::set<std::string> written_;
};

// Accepts references and ids; an image given by id is saved without a name.
std::optional<Reference> name_of(const Image& image, const std::string& name) {
  Result<Reference> reference = parse_reference(name);
  if (!reference) return std::nullopt;
  bool tagged = std::find(image.repo_tags.begin(), image.repo_tags.end(), reference->familiar()) !=
                image.repo_tags.end();
  return tagged ? std::optional(*reference) : std::nullopt;
}

class Saver {
 public:
  Saver(ImageStore& store, const ByteSink& sink) : store_(store), out_(sink) {}

  Result<> image(const std::string& name) {
    TRY_ASSIGN(Image image, store_.resolve(name));
    TRY_ASSIGN(StoredManifest stored, store_.manifest_of(name));
    TRY_ASSIGN(std::vector<LayerPin> pins, store_.pin_layers(image));
    Json paths = Json::array();
    for (size_t i = 0; i < pins.size(); ++i) {
      const BlobDescriptor& blob = stored.manifest.layers.at(i);
      TRY(out_.layer(store_, blob, pins[i]));
      paths.push_back(blob_name(blob.digest));
    }
    TRY(out_.text(blob_name(image.id), image.config_json));
    TRY(out_.text(blob_name(stored.descriptor.digest), stored.text));
    std::optional<Reference> reference = name_of(image, name);
    add_docker(image, reference, std::move(paths));
    std::optional<AttestedIndex> index = store_.attested_index(stored);
    if (index) TRY(attestations(*index));
    add_oci(index ? index->descriptor : stored.descriptor, reference);
    return {};
  }

  Result<> finish() {
    TRY(out_.text("index.json",
                  to_text(Json{{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", oci_}})));
    TRY(out_.text("manifest.json", to_text(docker_)));
    TRY(out_.text("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"));
    return out_.finish();
  }

 private:
  Result<> attestations(const AttestedIndex& index) {
    for (const AttestedIndex::Part& part : index.attestations) {
      std::vector<BlobDescriptor> blobs = part.manifest.layers;
      blobs.push_back(part.manifest.config);
      for (const BlobDescriptor& blob : blobs) {
        TRY_ASSIGN(std::string bytes, store_.read_blob(blob.digest));
        TRY(out_.text(blob_name(blob.digest), bytes));
      }
      TRY(out_.text(blob_name(part.descriptor.digest), part.text));
    }
    return out_.text(blob_name(index.descriptor.digest), index.text);
  }

  // Writes one entry per image, no matter how many names it has.
  void add_docker(const Image& image, const std::optional<Reference>& reference, Json layers) {
    std::string config = blob_name(image.id);
    auto found = std::find_if(docker_.begin(), docker_.end(),
                              [&](const Json& item) { return item["Config"] == config; });
    if (found == docker_.end()) {
      docker_.push_back({{"Config", config}, {"RepoTags", Json::array()}, {"Layers", std::move(layers)}});
      found = std::prev(docker_.end());
    }
    if (reference) (*found)["RepoTags"].push_back(reference->familiar());
  }

  void add_oci(const BlobDescriptor& descriptor, const std::optional<Reference>& reference) {
    Json entry = to_json(descriptor);
    if (reference)
      entry["annotations"] = {{kContainerdName, reference->full()}, {kReferenceName, reference->tag}};
    oci_.push_back(std::move(entry));
  }

  ImageStore& store_;
  ArchiveWriter out_;
  Json docker_ = Json::array();
  Json oci_ = Json::array();
};

}  // namespace

Result<> save_images(ImageStore& store, const std::vector<std::string>& names, const ByteSink& sink) {
  Saver saver(store, sink);
  for (const std::string& name : names) TRY(saver.image(name).in("save " + name));
  return saver.finish();
}

}  // namespace stack::images
