// The bill of materials of an image as an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/).
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "images/layer/layer_view.h"

namespace stack::builder {

inline constexpr const char* kSpdxType = "https://spdx.dev/Document";

struct SbomSubject {
  std::string name;     // of the image
  std::string digest;   // of its manifest
  std::string created;  // RFC 3339
};

// The packages of the image's package databases; without any database, its files with their checksums.
Result<Json> make_sbom(const images::LayerView& view, const SbomSubject& subject);

}  // namespace stack::builder
