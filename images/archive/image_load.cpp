#include <algorithm>
#include <map>

#include "base/files.h"
#include "base/identity.h"
#include "images/archive/image_archive.h"
#include "images/archive/inflated_source.h"

namespace stack::images {

namespace {

constexpr size_t kMostDocuments = size_t{64} << 20;  // total bytes
constexpr int kDeepestIndex = 4;

Json member_or(const Json& object, const char* key, Json fallback) {
  if (!object.is_object()) return fallback;
  auto found = object.find(key);
  return found == object.end() || found->type() != fallback.type() ? fallback : *found;
}

std::vector<std::string> string_list(const Json& array) {
  std::vector<std::string> out;
  for (const Json& item : array)
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

// "./a//b" and "a/b" are the same name; ".." goes up, but not above the top.
std::string member_name(const std::string& name) {
  std::string cleaned = clean_path("/" + name);
  return cleaned.substr(1);
}

// The content of the archive, by member name.
struct ArchiveContent {
  std::map<std::string, std::string> documents;
  std::map<std::string, IngestedLayer> layers;
  std::map<std::string, std::string> links;
  std::map<std::string, Error> unreadable;  // members that are not layers, and why

  // Docker's older archives store a repeated layer as a link.
  std::string target(std::string name) const {
    for (int hops = 0; hops < 8; ++hops) {
      auto link = links.find(name);
      if (link == links.end()) break;
      name = link->second;
    }
    return name;
  }
  const std::string* document(const std::string& name) const {
    auto found = documents.find(target(name));
    return found == documents.end() ? nullptr : &found->second;
  }
};

class ArchiveReader {
 public:
  ArchiveReader(ImageStore& store, const ByteSource& source) : store_(store), reader_(source) {}

  Result<ArchiveContent> run() {
    for (;;) {
      TRY_ASSIGN(std::optional<TarMember> member, reader_.next());
      if (!member) return std::move(content_);
      std::string name = member_name(member->name);
      if (member->type == '1') content_.links[name] = member_name(member->link_name);
      if (member->type == '2')
        content_.links[name] = member_name(directory_name("/" + name) + "/" + member->link_name);
      if (member->type == '0' && !member->pieces) TRY(file(name, member->size).in(name));
    }
  }

 private:
  Result<> file(const std::string& name, int64_t size) {
    TRY_ASSIGN(std::string head, read_up_to(std::min<size_t>(static_cast<size_t>(size), 512)));
    bool text = !head.empty() && (head[0] == '{' || head[0] == '[');
    bool named_text = name == "oci-layout" || name == "repositories" || name.ends_with("VERSION");
    if (static_cast<size_t>(size) <= kLargestDocument && (text || named_text || size == 0))
      return document(name, std::move(head), static_cast<size_t>(size));
    return layer(name, head);
  }

  Result<std::string> read_up_to(size_t size) {
    std::string out(size, '\0');
    size_t done = 0;
    while (done < size) {
      TRY_ASSIGN(size_t n, reader_.read(out.data() + done, size - done));
      if (n == 0) break;
      done += n;
    }
    out.resize(done);
    return out;
  }

  Result<> document(const std::string& name, std::string head, size_t size) {
    document_bytes_ += size;
    if (document_bytes_ > kMostDocuments) return invalid("the archive's documents are larger than 64 MiB");
    TRY_ASSIGN(std::string rest, read_up_to(size - head.size()));
    content_.documents[name] = std::move(head) + rest;
    return {};
  }

  // A blob that is already in the store is not read: its name is a digest that matches the stored content.
  std::optional<IngestedLayer> known_layer(const std::string& name) {
    size_t slash = name.rfind('/');
    std::string digest = "sha256:" + name.substr(slash == std::string::npos ? 0 : slash + 1);
    if (!name.starts_with("blobs/sha256/") || !is_sha256_digest(digest)) return std::nullopt;
    return store_.find_layer_of_blob(digest);
  }

  Result<> layer(const std::string& name, std::string_view head) {
    if (std::optional<IngestedLayer> known = known_layer(name)) {
      content_.layers[name] = std::move(*known);
      return {};
    }
    TRY_ASSIGN(std::unique_ptr<LayerIngest> ingest, store_.receive_layer());
    Result<> taken = ingest->write(head);
    std::string buffer(size_t{1} << 20, '\0');
    while (taken) {
      TRY_ASSIGN(size_t n, reader_.read(buffer.data(), buffer.size()));
      if (n == 0) break;
      taken = ingest->write({buffer.data(), n});
    }
    Result<IngestedLayer> made = taken ? ingest->commit() : Result<IngestedLayer>(taken.error());
    if (made) {
      content_.layers[name] = std::move(*made);
    } else if (made.error().kind() == ErrorKind::Invalid || made.error().kind() == ErrorKind::Unsupported) {
      content_.unreadable.insert_or_assign(name, made.error());  // matters only if an image names it
    } else {
      return std::move(made).error();
    }
    return {};
  }

  ImageStore& store_;
  TarReader reader_;
  ArchiveContent content_;
  size_t document_bytes_ = 0;
};

// Assembles the images from the members read.
class ImageAssembler {
 public:
  ImageAssembler(ImageStore& store, const ArchiveContent& content) : store_(store), content_(content) {}

  Result<std::vector<Image>> run() {
    Json docker = parsed("manifest.json");
    Json index = parsed("index.json");
    if (docker.is_array()) note_docker_names(docker);
    if (index.is_object()) {
      TRY(oci_index(index, "", {}, 0));
    } else if (docker.is_array()) {
      for (const Json& item : docker) TRY(docker_image(item));
    } else {
      return invalid("not a Docker or OCI archive: manifest.json and index.json are missing");
    }
    if (images_.empty()) return invalid("the archive contains no image for this platform");
    return std::move(images_);
  }

 private:
  Json parsed(const std::string& name) const {
    const std::string* text = content_.document(name);
    if (text == nullptr) return nullptr;
    return parse_json(*text).value_or(Json());
  }

  void note_docker_names(const Json& docker) {
    for (const Json& item : docker) {
      const std::string* config = content_.document(member_name(string_or(item, "Config")));
      if (config != nullptr)
        docker_names_["sha256:" + sha256_hex(*config)] =
            string_list(member_or(item, "RepoTags", Json::array()));
    }
  }

  static std::vector<Reference> references(const std::vector<std::string>& names) {
    std::vector<Reference> out;
    for (const std::string& name : names) {
      Result<Reference> reference = parse_reference(name);
      if (reference && !reference->tag.empty()) out.push_back(std::move(*reference));
    }
    return out;
  }

  // Records only the archive's names, not others that the image has in the store.
  void note(Image image, const std::vector<Reference>& names) {
    image.repo_tags.clear();
    for (const Reference& name : names) image.repo_tags.push_back(name.familiar());
    images_.push_back(std::move(image));
  }

  Result<IngestedLayer> layer(const std::string& path, const std::string& diff_id) const {
    std::string name = content_.target(path);
    if (auto bad = content_.unreadable.find(name); bad != content_.unreadable.end())
      return bad->second.in(path);
    auto found = content_.layers.find(name);
    if (found == content_.layers.end()) {
      // The writer left the layer out because the reader has it.
      if (LayerPin pin = store_.pin_layer(diff_id)) return IngestedLayer{std::move(pin), nullptr};
      return invalid("layer " + path + " is missing from the archive");
    }
    if (found->second.layer->diff_id != diff_id)
      return invalid("layer " + path + " does not match its digest: " + found->second.layer->diff_id +
                     ", not " + diff_id);
    return found->second;
  }

  Result<> docker_image(const Json& item) {
    std::string path = member_name(string_or(item, "Config"));
    const std::string* config = content_.document(path);
    if (config == nullptr) return invalid("image configuration " + path + " is missing from the archive");
    TRY_ASSIGN(ImageDocument document, parse_image_document(*config));
    std::vector<std::string> paths = string_list(member_or(item, "Layers", Json::array()));
    if (document.diff_ids.size() != paths.size())
      return invalid("image " + path + " lists other layers than the archive");
    std::vector<IngestedLayer> layers;
    for (size_t i = 0; i < paths.size(); ++i) {
      TRY_ASSIGN(IngestedLayer found, layer(member_name(paths[i]), document.diff_ids[i]));
      layers.push_back(std::move(found));
    }
    std::vector<Reference> names = references(string_list(member_or(item, "RepoTags", Json::array())));
    TRY_ASSIGN(Image image, store_.create_image_from(*config, names));
    note(std::move(image), names);
    return {};
  }

  Result<const std::string*> blob(const BlobDescriptor& descriptor) const {
    const std::string* text = content_.document("blobs/sha256/" + descriptor.digest.substr(7));
    if (text == nullptr) return invalid("blob " + descriptor.digest + " is missing from the archive");
    return text;
  }

  // `index`: the digest of the index that the names refer to, if it is not the archive's own index.
  Result<> oci_index(const Json& json, const std::string& index, const std::vector<std::string>& names,
                     int depth) {
    if (depth > kDeepestIndex) return invalid("image index is nested too deeply");
    for (const Json& item : member_or(json, "manifests", Json::array())) {
      Json platform = member_or(item, "platform", Json::object());
      std::string architecture = string_or(platform, "architecture");
      if (!architecture.empty() && architecture != host_architecture()) continue;
      TRY_ASSIGN(BlobDescriptor descriptor, parse_descriptor(item));
      // A sparse index also names members that the archive does not contain.
      if (depth > 0 && !blob(descriptor)) continue;
      TRY_ASSIGN(const std::string* text, blob(descriptor));
      TRY_ASSIGN(Json document, parse_json(*text));
      std::vector<std::string> own = depth == 0 ? annotated_names(item) : names;
      if (is_image_index(document)) {
        TRY_ASSIGN(BlobPin pin, store_.put_blob(descriptor.digest, *text));
        TRY(keep_attestations(document));
        TRY(oci_index(document, index.empty() ? descriptor.digest : index, own, depth + 1));
      } else {
        TRY(oci_image(descriptor, *text, index, std::move(own)));
      }
    }
    return {};
  }

  // Stores the index's attestations that are complete in the archive.
  Result<> keep_attestations(const Json& index) {
    for (const BlobDescriptor& attestation : attestations_in(index)) {
      Result<const std::string*> text = blob(attestation);
      Result<ImageManifest> manifest =
          text ? parse_image_manifest(**text) : Result<ImageManifest>(text.error());
      if (!manifest) continue;
      std::vector<BlobDescriptor> parts = manifest->layers;
      parts.push_back(manifest->config);
      parts.push_back(attestation);
      for (const BlobDescriptor& part : parts) {
        Result<const std::string*> content = blob(part);
        if (!content) break;
        TRY_ASSIGN(BlobPin pin, store_.put_blob(part.digest, **content));
        kept_.push_back(std::move(pin));
      }
    }
    return {};
  }

  static std::vector<std::string> annotated_names(const Json& item) {
    Json annotations = member_or(item, "annotations", Json::object());
    std::string name = string_or(annotations, "io.containerd.image.name");
    if (name.empty()) name = string_or(annotations, "org.opencontainers.image.ref.name");
    return name.empty() ? std::vector<std::string>() : std::vector<std::string>{name};
  }

  Result<> oci_image(const BlobDescriptor& descriptor, const std::string& text, const std::string& index,
                     std::vector<std::string> names) {
    Result<ImageManifest> manifest = parse_image_manifest(text);
    // Attestations and other artifacts share the form of a manifest.
    if (!manifest) return index.empty() ? Result<>(manifest.error()) : Result<>();
    TRY_ASSIGN(const std::string* config, blob(manifest->config));
    Result<ImageDocument> document = parse_image_document(*config);
    if (!document) return index.empty() ? Result<>(document.error()) : Result<>();
    if (document->diff_ids.size() != manifest->layers.size())
      return invalid("image " + descriptor.digest + " lists other layers than its configuration");
    std::vector<IngestedLayer> layers;
    for (size_t i = 0; i < manifest->layers.size(); ++i) {
      std::string path = "blobs/sha256/" + manifest->layers[i].digest.substr(7);
      TRY_ASSIGN(IngestedLayer found, layer(path, document->diff_ids[i]));
      layers.push_back(std::move(found));
    }
    if (auto known = docker_names_.find(manifest->config.digest);
        known != docker_names_.end() && !known->second.empty())
      names = known->second;
    TRY_ASSIGN(BlobPin config_pin, store_.put_blob(manifest->config.digest, *config));
    TRY_ASSIGN(BlobPin manifest_pin, store_.put_blob(descriptor.digest, text));
    TRY_ASSIGN(Image image, store_.add_image({descriptor.digest, index}, references(names)));
    note(std::move(image), references(names));
    return {};
  }

  ImageStore& store_;
  const ArchiveContent& content_;
  std::map<std::string, std::vector<std::string>> docker_names_;  // by configuration digest
  std::vector<Image> images_;
  std::vector<BlobPin> kept_;
};

}  // namespace

Result<std::vector<Image>> load_images(ImageStore& store, const ByteSource& source) {
  TRY_ASSIGN(ByteSource plain, inflated_source(source));
  ArchiveReader reader(store, plain);
  TRY_ASSIGN(ArchiveContent content, reader.run().in("load"));
  ImageAssembler assembler(store, content);
  return assembler.run().in("load");
}

}  // namespace stack::images
