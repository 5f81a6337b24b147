// Credentials as clients send them in headers and in config.json. The first byte chooses the reader.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/base64.h"
#include "docker/registry_auth.h"

using namespace stack;

namespace {

// What was read can be written and read again.
void check(const RegistryCredentials& credentials) {
  if (!docker::read_auth_header(docker::auth_header(credentials, "registry.test"))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Also as the JSON inside the encoding, which random bytes rarely are.
  std::string header = data[0] % 2 == 0 ? std::string(text) : encode_base64(text);
  if (Result<RegistryCredentials> read = docker::read_auth_header(header)) check(*read);
  if (Result<RegistryKeyring> ring = docker::read_config_header(header))
    if (!docker::read_config_header(docker::config_header(*ring))) std::abort();
  if (Result<Json> json = parse_json(text)) (void)docker::credentials_from_json(*json);
  return 0;
}
