// Requests for attestations: statements about an image that are stored beside it (images/store/attestation.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::builder {

struct AttestationRequest {
  enum class Kind {
    Provenance,  // how the image was built: SLSA provenance
    Sbom,        // which packages or files it contains: SPDX
  } kind = Kind::Provenance;
  // Provenance only.
  bool maximal = false;       // mode=max: also build arguments, labels, names of secrets, steps, and the Dockerfile
  bool old_version = false;   // SLSA 0.2 instead of 1
  bool reproducible = false;  // the caller's claim
  std::string builder_id;     // URL of the build, "" = unknown
  bool only_inline = false;   // a client's default: no error if the result cannot carry it

  bool operator==(const AttestationRequest&) const = default;
};

// The value of --provenance or --sbom, or of Compose's key: "true", "false", "mode=max,version=v0.2", "disabled=true".
// nullopt: no attestation is wanted. Unsupported for an SBOM generator image.
Result<std::optional<AttestationRequest>> parse_attestation(AttestationRequest::Kind kind,
                                                            std::string_view value);
// The value of --attest: "type=provenance,mode=max", "type=sbom".
Result<std::optional<AttestationRequest>> parse_attestation(std::string_view text);

// Adds the request; a later one of the same kind replaces an earlier one, and nullopt removes it.
void set_attestation(std::vector<AttestationRequest>& list, AttestationRequest::Kind kind,
                     std::optional<AttestationRequest> request);
// A list of --attest texts: "type=sbom", "type=provenance,disabled=true".
Result<> add_attestations(std::vector<AttestationRequest>& list, const std::vector<std::string>& texts);

}  // namespace stack::builder
