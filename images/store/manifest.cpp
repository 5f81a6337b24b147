#include "images/store/manifest.h"

#include "model/image_reference.h"

namespace stack::images {

namespace {

Result<std::vector<BlobDescriptor>> parse_layers(const Json& manifest) {
  std::vector<BlobDescriptor> out;
  auto found = manifest.find("layers");
  if (found == manifest.end() || found->is_null()) return out;
  if (!found->is_array()) return invalid("layers is not a list");
  for (const Json& item : *found) {
    TRY_ASSIGN(BlobDescriptor layer, parse_descriptor(item).in("layer"));
    out.push_back(std::move(layer));
  }
  return out;
}

}  // namespace

Json to_json(const BlobDescriptor& descriptor) {
  return {{"mediaType", descriptor.media_type}, {"digest", descriptor.digest}, {"size", descriptor.size}};
}

Result<BlobDescriptor> parse_descriptor(const Json& json) {
  if (!json.is_object()) return invalid("descriptor is not an object");
  BlobDescriptor out{string_or(json, "mediaType"), string_or(json, "digest"), int_or(json, "size", -1)};
  if (!is_sha256_digest(out.digest))
    return invalid("unsupported digest \"" + out.digest.substr(0, 80) + "\"");
  if (out.size < 0) return invalid("bad size of blob " + out.digest);
  return out;
}

Result<ImageManifest> parse_image_manifest(std::string_view text) {
  if (text.size() > kLargestDocument) return invalid("manifest is larger than 4 MiB");
  TRY_ASSIGN(Json json, parse_json(text).in("manifest"));
  if (!json.is_object()) return invalid("manifest is not an object");
  if (int_or(json, "schemaVersion") == 1)
    return unsupported("image manifest schema 1 is obsolete: push the image again with a current tool");
  if (is_image_index(json)) return invalid("manifest is an index of several images");
  ImageManifest out;
  out.media_type = string_or(json, "mediaType", kOciManifestType);
  auto config = json.find("config");
  if (config == json.end()) return invalid("manifest has no configuration: not an image");
  TRY_ASSIGN(out.config, parse_descriptor(*config).in("image configuration"));
  TRY_ASSIGN(out.layers, parse_layers(json));
  return out;
}

bool is_image_index(const Json& document) { return document.is_object() && document.contains("manifests"); }

}  // namespace stack::images
