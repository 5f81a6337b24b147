// A config.json: as a specification, and its resources as writes to control files of both versions.
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "runtime/cgroup/cgroup_limits.h"
#include "runtime/spec/spec.h"

using namespace stack;
using namespace stack::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  auto config = parse_json({reinterpret_cast<const char*>(bytes), size});
  if (!config) return 0;
  (void)parse_process(config->is_object() ? config->value("process", Json()) : Json());
  auto spec = parse_spec(*config);
  if (!spec) return 0;
  (void)writes_for_v1(spec->resources);
  (void)writes_for_v2(spec->resources);
  (void)parse_device_rules(spec->resources);
  return 0;
}
