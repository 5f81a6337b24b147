// Manifests and indexes: OCI image-spec 1.1 (manifest.md, image-index.md, descriptor.md) and their predecessor,
// Docker's "image manifest version 2, schema 2".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::images {

inline constexpr const char* kOciManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* kOciIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* kOciConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* kOciLayerType = "application/vnd.oci.image.layer.v1.tar";
inline constexpr const char* kDockerManifestType = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* kDockerIndexType = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* kDockerConfigType = "application/vnd.docker.container.image.v1+json";

// Registries and tools agree on this limit for manifests, indexes and configurations.
inline constexpr size_t kLargestDocument = size_t{4} << 20;

struct BlobDescriptor {
  std::string media_type;
  std::string digest;  // "sha256:<64 hex>": checked when read from a document
  int64_t size = 0;
  bool operator==(const BlobDescriptor&) const = default;
};

Json to_json(const BlobDescriptor& descriptor);
// Invalid for a digest of another algorithm or form, and for a negative size.
Result<BlobDescriptor> parse_descriptor(const Json& json);

struct ImageManifest {
  std::string media_type;
  BlobDescriptor config;
  std::vector<BlobDescriptor> layers;  // bottom first
};

// Invalid for anything but an image: schema 1, indexes, artifacts without an image configuration.
Result<ImageManifest> parse_image_manifest(std::string_view text);

// Decides by the document's members, not its media type (CVE-2021-41190: both forms in one are refused elsewhere).
bool is_image_index(const Json& document);

}  // namespace stack::images
