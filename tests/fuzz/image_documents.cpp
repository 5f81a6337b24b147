// Documents of images: configurations, manifests, indexes, layer descriptions, and the package databases inside them. The
// first byte chooses the reader.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "images/builder/attest/package_list.h"
#include "images/store/attestation.h"
#include "images/store/image.h"
#include "images/store/index_file.h"
#include "images/store/manifest.h"

using namespace stack;
using namespace stack::images;

namespace {

void read_configuration(std::string_view text) {
  Result<ImageDocument> document = parse_image_document(text);
  if (!document) return;
  std::string written = to_json_text(*document);
  Result<ImageDocument> again = parse_image_document(written);
  // Equal documents give equal bytes.
  if (!again || to_json_text(*again) != written) std::abort();
  (void)docker_config(document->config);
  (void)with_origin(std::string(text), origin_of(text));
}

void read_manifest(std::string_view text) {
  Result<ImageManifest> manifest = parse_image_manifest(text);
  if (manifest)
    for (const BlobDescriptor& layer : manifest->layers)
      if (layer.size < 0 || !layer.digest.starts_with("sha256:") || layer.digest.size() != 71) std::abort();
  Result<Json> json = parse_json(text);
  if (json) (void)attestations_in(*json);
}

void read_packages(std::string_view text) {
  builder::Distribution distribution = builder::parse_os_release(text);
  for (auto* parse : {builder::parse_dpkg_status, builder::parse_apk_installed})
    for (const builder::InstalledPackage& package : parse(text)) {
      if (package.name.empty()) std::abort();
      std::string purl = builder::package_purl(package, distribution);
      if (purl.find_first_of(" \n\t\"<>") != std::string::npos) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      read_configuration(text);
      break;
    case 1:
      read_manifest(text);
      break;
    case 2:
      (void)parse_layer_description(text);
      break;
    default:
      read_packages(text);
  }
  return 0;
}
