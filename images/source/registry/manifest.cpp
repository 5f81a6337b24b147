#include "images/source/registry/manifest.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "model/image_reference.h"

namespace stack::images::registry {

namespace {

constexpr std::string_view kSchema1 = "application/vnd.docker.distribution.manifest.v1";
constexpr size_t kMostEntries = 4096;

// Without parameters: "application/json; charset=utf-8" is "application/json".
std::string bare_type(std::string_view type) { return lower(trim(type.substr(0, type.find(';')))); }

bool is_image_config(std::string_view type) {
  return type == "application/vnd.oci.image.config.v1+json" ||
         type == "application/vnd.docker.container.image.v1+json";
}

Error schema1_error() {
  return unsupported(
      "the image has an obsolete manifest (Docker schema 1); push it again with a current tool, then pull");
}

Platform platform_of(const Json& object) {
  return normalized(
      {string_or(object, "os"), string_or(object, "architecture"), string_or(object, "variant")});
}

bool is_attestation(const Json& item) {
  if (!string_or(item, "artifactType").empty()) return true;
  Json annotations = item.value("annotations", Json::object());
  return string_or(annotations, "vnd.docker.reference.type") == "attestation-manifest";
}

Result<Descriptor> descriptor_from(const Json& item) {
  if (!item.is_object()) return invalid("a descriptor is not an object");
  Descriptor out;
  out.media_type = bare_type(string_or(item, "mediaType"));
  out.digest = string_or(item, "digest");
  out.size = int_or(item, "size", -1);
  if (!is_sha256_digest(out.digest))
    return unsupported("invalid digest \"" + out.digest.substr(0, 80) + "\"");
  if (out.size < 0) return invalid("blob " + out.digest + " has no valid size");
  if (auto urls = item.find("urls"); urls != item.end() && urls->is_array())
    for (const Json& url : *urls)
      if (url.is_string()) out.urls.push_back(url.get<std::string>());
  if (auto platform = item.find("platform"); platform != item.end() && platform->is_object())
    out.platform = platform_of(*platform);
  out.attestation = is_attestation(item) || (out.platform && out.platform->os == "unknown");
  return out;
}

Result<std::vector<Descriptor>> descriptors_from(const Json& document, const char* key) {
  std::vector<Descriptor> out;
  auto list = document.find(key);
  if (list == document.end() || list->is_null()) return out;
  if (!list->is_array() || list->size() > kMostEntries)
    return invalid(std::string(key) + " is not a valid list");
  for (const Json& item : *list) {
    TRY_ASSIGN(Descriptor one, descriptor_from(item));
    out.push_back(std::move(one));
  }
  return out;
}

// Unreadable entries (another digest algorithm) are left out: the others may be usable.
Index index_from(const Json& document, std::string type) {
  Index out;
  out.media_type = std::move(type);
  auto list = document.find("manifests");
  if (list == document.end() || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (out.manifests.size() == kMostEntries) break;
    if (Result<Descriptor> one = descriptor_from(item)) out.manifests.push_back(std::move(*one));
  }
  return out;
}

Result<Manifest> manifest_from(const Json& document, std::string type) {
  Manifest out;
  out.media_type = std::move(type);
  TRY_ASSIGN(out.config, descriptor_from(document.value("config", Json())));
  if (!is_image_config(out.config.media_type))
    return unsupported("not a container image: its configuration is of type " + out.config.media_type);
  TRY_ASSIGN(out.layers, descriptors_from(document, "layers"));
  return out;
}

// The document's own media type, which must not contradict the registry's.
Result<std::string> type_of(const Json& document, std::string_view content_type) {
  std::string said = bare_type(content_type);
  std::string own = bare_type(string_or(document, "mediaType"));
  if (said.starts_with(kSchema1) || int_or(document, "schemaVersion") == 1) return schema1_error();
  bool generic = said.empty() || said == "application/json" || said == "text/plain" ||
                 said == "application/octet-stream";
  if (!own.empty() && !generic && own != said)
    return invalid("the manifest is of type " + own + " but was served as " + said);
  if (!own.empty()) return own;
  if (!generic) return said;
  return std::string(document.contains("manifests") ? kOciIndexType : kOciManifestType);
}

}  // namespace

Result<ManifestDocument> parse_manifest(std::string_view bytes, std::string_view content_type) {
  if (bytes.size() > kLargestDocument) return invalid("the manifest is larger than 4 MiB");
  TRY_ASSIGN(Json document, parse_json(bytes).in("manifest"));
  if (!document.is_object()) return invalid("the manifest is not an object");
  if (document.contains("manifests") && (document.contains("layers") || document.contains("config")))
    return invalid("the manifest is both an index and an image");
  TRY_ASSIGN(std::string type, type_of(document, content_type));
  if (type == kOciIndexType || type == kDockerIndexType) return ManifestDocument(index_from(document, type));
  if (type != kOciManifestType && type != kDockerManifestType)
    return unsupported("unknown manifest type " + type);
  TRY_ASSIGN(Manifest manifest, manifest_from(document, type));
  return ManifestDocument(std::move(manifest));
}

const Descriptor* choose_image(const Index& index, const Platform& wanted) {
  const Descriptor* best = nullptr;
  int best_distance = 0;
  for (const Descriptor& one : index.manifests) {
    if (one.attestation) continue;
    // An entry without a platform may be anything; it is used only if there is nothing better.
    std::optional<int> distance = one.platform ? platform_distance(wanted, *one.platform) : 1000;
    if (!distance || (best != nullptr && *distance >= best_distance)) continue;
    best = &one;
    best_distance = *distance;
  }
  return best;
}

std::string platforms_text(const Index& index) {
  std::vector<std::string> names;
  for (const Descriptor& one : index.manifests) {
    if (one.attestation || !one.platform) continue;
    std::string name = platform_text(*one.platform);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names.empty() ? "none" : join(names, ", ");
}

bool is_foreign_layer(std::string_view media_type) {
  return media_type.find(".foreign.") != std::string_view::npos ||
         media_type.find(".nondistributable.") != std::string_view::npos;
}

}  // namespace stack::images::registry
