// Provenance of a build: SLSA 1.0 (https://slsa.dev/spec/v1.0/provenance) and 0.2, with the members that BuildKit adds.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "images/builder/attest/attestation.h"

namespace stack::builder {

// Something from outside the context that the build used.
struct Material {
  std::string uri;        // "pkg:docker/debian@bookworm?platform=linux%2Famd64", "https://..."
  std::string algorithm;  // "sha256", or "sha1" for a commit
  std::string digest;     // hexadecimal
  auto operator<=>(const Material&) const = default;
};

// What happened in a build. Values of secrets are not part of it.
struct BuildFacts {
  std::string started;  // RFC 3339
  std::string finished;
  std::string invocation;
  std::string platform;                        // of the machine: "linux/amd64"
  std::string file_name;                       // the Dockerfile, relative to the context
  std::string context;                         // address of a remote context; "" = a directory of the caller
  std::map<std::string, std::string> options;  // the frontend's: "target", "build-arg:K", "label:K"
  std::vector<std::string> secrets;            // ids
  std::vector<std::string> agents;             // ids of SSH agents
  std::vector<Material> materials;
  bool hermetic = false;                                   // no step could use the network
  std::string dockerfile;                                  // its text
  std::vector<std::pair<std::string, std::string>> steps;  // instruction, digest of its layer or ""
};

const char* provenance_type(const AttestationRequest& request);
Json provenance(const BuildFacts& facts, const AttestationRequest& request);

// "https://user:secret@host/path" without the user and the secret.
std::string without_credentials(const std::string& url);
// The package URL of an image.
std::string image_purl(const std::string& familiar_name, const std::string& tag, const std::string& platform);

}  // namespace stack::builder
