// Image names in the format of Docker's distribution/reference: [domain/]path[:tag][@digest].
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// A normalized reference. A plain value, compared by all parts.
struct Reference {
  std::string domain;  // "docker.io", "localhost:5000"
  std::string path;    // "library/debian"
  std::string tag;     // "latest"; empty only with a digest and no tag
  std::string digest;  // "sha256:..." or empty; has precedence over the tag when pulling

  // "docker.io/library/debian:bookworm-slim", with "@digest" if present.
  std::string full() const;
  // Docker's display form: "debian:bookworm-slim".
  std::string familiar() const;
  // familiar() without tag and digest: "debian".
  std::string familiar_name() const;

  auto operator<=>(const Reference&) const = default;
};

// Parses and normalizes: default domain docker.io, "library/" for its single-component names, tag "latest" without tag and
// digest. Otherwise ErrorKind::Invalid with Docker's wording ("invalid reference format ...").
Result<Reference> parse_reference(std::string_view text);

// "sha256:" and 64 lowercase hexadecimal digits. Check this before a digest becomes part of a path.
bool is_sha256_digest(std::string_view text);

}  // namespace stack
