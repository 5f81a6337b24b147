// Names of images, as Docker's distribution/reference reads them: [domain/]path[:tag][@digest].
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// A normalised reference. Plain value; compares by all its parts.
struct Reference {
  std::string domain;  // "docker.io", "localhost:5000"
  std::string path;    // "library/debian"
  std::string tag;     // "latest"; empty only where a digest stands alone
  std::string digest;  // "sha256:..." or empty; it wins over the tag for fetching

  // "docker.io/library/debian:bookworm-slim", with "@digest" where present.
  std::string full() const;
  // What Docker shows: "debian:bookworm-slim".
  std::string familiar() const;
  // familiar() without tag and digest: "debian".
  std::string familiar_name() const;

  auto operator<=>(const Reference&) const = default;
};

// Parses and normalises: default domain docker.io, "library/" for its single-component names, tag "latest"
// where neither tag nor digest is given. ErrorKind::Invalid with Docker's wording otherwise ("invalid
// reference format ...").
Result<Reference> parse_reference(std::string_view text);

// "sha256:" and 64 lower-case hexadecimal digits. Check this before a digest becomes part of a path.
bool is_sha256_digest(std::string_view text);

}  // namespace stack
