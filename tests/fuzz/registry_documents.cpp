// Texts of registries and administrators: the first byte chooses the reader.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "images/source/registry/auth.h"
#include "images/source/registry/challenge.h"
#include "images/source/registry/manifest.h"
#include "images/source/registry/registries_conf.h"
#include "images/source/registry/repository.h"
#include "images/source/registry/url.h"

using namespace stack::images;
using namespace stack::images::registry;

namespace {

void read_manifest(std::string_view text) {
  auto document = parse_manifest(text, "");
  if (!document) return;
  if (const auto* index = std::get_if<Index>(&*document)) {
    const Descriptor* best = choose_image(*index, host_platform());
    if (best != nullptr && best->attestation) std::abort();
  }
}

void read_location(std::string_view text) {
  Url base = *parse_url("https://a.test/v2/?x=1");
  std::optional<Url> next = resolve_location(base, text);
  // A parsed value must parse again with the same result.
  if (next && parse_url(next->text())->text() != next->text()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      for (const Challenge& challenge : parse_challenges(text))
        if (challenge.scheme.empty()) std::abort();
      break;
    case 1:
      read_manifest(text);
      break;
    case 2:
      (void)parse_registries_conf(text);
      break;
    case 3:
      read_location(text);
      break;
    case 4:
      (void)parse_token(text);
      break;
    default:
      (void)error_body_text(text);
      (void)parse_retry_after(text, 0);
      (void)parse_platform(text);
  }
  return 0;
}
