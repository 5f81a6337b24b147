// Attestations in the form of BuildKit: a name refers to an index that has the image's manifest and, for "unknown/unknown",
// an attestation manifest whose layers are in-toto statements. In the index its entry has the annotations
// "vnd.docker.reference.type" and "vnd.docker.reference.digest".
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "images/store/ingest.h"
#include "images/store/manifest.h"

namespace stack::images {

inline constexpr const char* kInTotoType = "application/vnd.in-toto+json";

// A statement about an image.
struct AttestationStatement {
  std::string predicate_type;  // URI
  std::string text;            // JSON, with the digest of the image's manifest as its subject
};

// An in-toto statement (https://in-toto.io/Statement/v0.1) about the manifest, under all of these names.
AttestationStatement make_statement(const std::string& predicate_type, const Json& predicate,
                                    const std::string& manifest_digest, const std::vector<std::string>& names);

// An index and everything in it beside the image itself.
struct AttestedIndex {
  BlobDescriptor descriptor;
  std::string text;
  struct Part {
    BlobDescriptor descriptor;
    std::string text;
    ImageManifest manifest;  // its configuration and statements are blobs
  };
  std::vector<Part> attestations;
};

// Digests of the attestation manifests in an index.
std::vector<BlobDescriptor> attestations_in(const Json& index);

}  // namespace stack::images
