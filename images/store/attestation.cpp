#include "images/store/attestation.h"

#include <algorithm>
#include <set>

#include "base/identity.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

constexpr const char* kStatementType = "https://in-toto.io/Statement/v0.1";
constexpr const char* kPredicateAnnotation = "in-toto.io/predicate-type";
constexpr const char* kReferenceType = "vnd.docker.reference.type";
constexpr const char* kReferenceDigest = "vnd.docker.reference.digest";
constexpr const char* kAttestationManifest = "attestation-manifest";

BlobDescriptor descriptor_of_text(const char* media_type, const std::string& text) {
  return {media_type, "sha256:" + sha256_hex(text), static_cast<int64_t>(text.size())};
}

bool is_attestation_entry(const Json& item) {
  if (!item.is_object()) return false;
  auto annotations = item.find("annotations");
  return annotations != item.end() && string_or(*annotations, kReferenceType) == kAttestationManifest;
}

// The configuration that makes the manifest look like an image's.
std::string attestation_config(const std::vector<AttestationStatement>& statements) {
  Json diff_ids = Json::array();
  for (const AttestationStatement& statement : statements)
    diff_ids.push_back("sha256:" + sha256_hex(statement.text));
  return to_text(Json{{"architecture", "unknown"},
                      {"os", "unknown"},
                      {"config", Json::object()},
                      {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}}});
}

Json statement_layers(const std::vector<AttestationStatement>& statements) {
  Json out = Json::array();
  for (const AttestationStatement& statement : statements) {
    Json layer = to_json(descriptor_of_text(kInTotoType, statement.text));
    layer["annotations"] = {{kPredicateAnnotation, statement.predicate_type}};
    out.push_back(std::move(layer));
  }
  return out;
}

Json platform_json(const ImageDocument& document) {
  Json out{{"architecture", document.architecture}, {"os", document.os}};
  if (!document.variant.empty()) out["variant"] = document.variant;
  return out;
}

std::string index_text(const StoredManifest& subject, const ImageDocument& document,
                       const BlobDescriptor& attestation) {
  Json image = to_json(subject.descriptor);
  image["platform"] = platform_json(document);
  Json other = to_json(attestation);
  other["platform"] = {{"architecture", "unknown"}, {"os", "unknown"}};
  other["annotations"] = {{kReferenceDigest, subject.descriptor.digest},
                          {kReferenceType, kAttestationManifest}};
  return to_text(Json{{"schemaVersion", 2},
                      {"mediaType", kOciIndexType},
                      {"manifests", Json::array({std::move(image), std::move(other)})}});
}

}  // namespace

AttestationStatement make_statement(const std::string& predicate_type, const Json& predicate,
                                    const std::string& manifest_digest,
                                    const std::vector<std::string>& names) {
  Json subjects = Json::array();
  for (const std::string& name : names)
    subjects.push_back({{"name", name}, {"digest", {{"sha256", manifest_digest.substr(7)}}}});
  return {predicate_type, to_text(Json{{"_type", kStatementType},
                                       {"predicateType", predicate_type},
                                       {"subject", std::move(subjects)},
                                       {"predicate", predicate}})};
}

std::vector<BlobDescriptor> attestations_in(const Json& index) {
  std::vector<BlobDescriptor> out;
  auto list = index.is_object() ? index.find("manifests") : index.end();
  if (!index.is_object() || list == index.end() || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (!is_attestation_entry(item)) continue;
    if (Result<BlobDescriptor> descriptor = parse_descriptor(item)) out.push_back(std::move(*descriptor));
  }
  return out;
}

Result<Image> ImageStore::attest(const StoredManifest& subject,
                                 const std::vector<AttestationStatement>& statements,
                                 const std::vector<Reference>& names) {
  std::vector<BlobPin> pins;
  auto put = [&](const BlobDescriptor& blob, const std::string& text) -> Result<> {
    TRY_ASSIGN(BlobPin pin, put_blob(blob.digest, text));
    pins.push_back(std::move(pin));
    return {};
  };
  for (const AttestationStatement& statement : statements)
    TRY(put(descriptor_of_text(kInTotoType, statement.text), statement.text));
  std::string config = attestation_config(statements);
  BlobDescriptor config_blob = descriptor_of_text(kOciConfigType, config);
  TRY(put(config_blob, config));
  std::string manifest = to_text(Json{{"schemaVersion", 2},
                                      {"mediaType", kOciManifestType},
                                      {"config", to_json(config_blob)},
                                      {"layers", statement_layers(statements)}});
  BlobDescriptor manifest_blob = descriptor_of_text(kOciManifestType, manifest);
  TRY(put(manifest_blob, manifest));
  TRY_ASSIGN(Image image, resolve(subject.manifest.config.digest));
  std::string index = index_text(subject, image.document, manifest_blob);
  BlobDescriptor index_blob = descriptor_of_text(kOciIndexType, index);
  TRY(put(index_blob, index));
  return add_image({subject.descriptor.digest, index_blob.digest}, names);
}

std::optional<AttestedIndex> ImageStore::attested_index(const StoredManifest& stored) const {
  if (stored.index.empty()) return std::nullopt;
  AttestedIndex out;
  Result<std::string> text = read_blob(stored.index);
  Result<Json> index = text ? parse_json(*text) : Result<Json>(text.error());
  if (!index || !is_image_index(*index) || !(*index)["manifests"].is_array()) return std::nullopt;
  out.text = std::move(*text);
  out.descriptor = descriptor_of_text(kOciIndexType, out.text);
  if (std::string type = string_or(*index, "mediaType"); !type.empty()) out.descriptor.media_type = type;
  for (BlobDescriptor& descriptor : attestations_in(*index)) {
    AttestedIndex::Part part;
    part.descriptor = std::move(descriptor);
    Result<std::string> manifest_text = read_blob(part.descriptor.digest);
    Result<ImageManifest> manifest =
        manifest_text ? parse_image_manifest(*manifest_text) : Result<ImageManifest>(manifest_text.error());
    if (!manifest) return std::nullopt;
    std::vector<BlobDescriptor> blobs = manifest->layers;
    blobs.push_back(manifest->config);
    for (const BlobDescriptor& blob : blobs)
      if (!path_exists(state_->blob_path(blob.digest))) return std::nullopt;
    part.text = std::move(*manifest_text);
    part.manifest = std::move(*manifest);
    out.attestations.push_back(std::move(part));
  }
  // Every other entry must be this image: a registry rejects an index whose parts it does not have.
  for (const Json& item : (*index)["manifests"])
    if (!is_attestation_entry(item) && string_or(item, "digest") != stored.descriptor.digest)
      return std::nullopt;
  return out;
}

void ImageStore::State::add_index_parts(const std::string& index, std::set<std::string>& out) const {
  if (index.empty()) return;
  out.insert(index);
  Result<std::string> text = read_blob(index);
  Result<Json> json = text ? parse_json(*text) : Result<Json>(text.error());
  if (!json) return;
  for (const BlobDescriptor& attestation : attestations_in(*json)) {
    Result<std::string> manifest_text = read_blob(attestation.digest);  // a pull fetches none
    if (!manifest_text) continue;
    out.insert(attestation.digest);
    Result<ImageManifest> manifest = parse_image_manifest(*manifest_text);
    if (!manifest) continue;
    out.insert(manifest->config.digest);
    for (const BlobDescriptor& layer : manifest->layers) out.insert(layer.digest);
  }
}

std::set<std::string> ImageStore::State::indexes_of(const std::string& image_id) const {
  std::set<std::string> out;
  for (const auto& [reference, name] : names)
    if (name.image_id == image_id) add_index_parts(name.index, out);
  return out;
}

}  // namespace stack::images
