// The short notations: ports, volumes, devices, commands, hosts, restart policies, sizes, durations.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/units.h"
#include "orchestrator/compose/values.h"

using namespace stack;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (auto ports = compose::parse_port(text))
    for (const compose::PortMapping& port : *ports)
      if (port.target == 0 || port.target > 65535) std::abort();
  if (auto volume = compose::parse_volume(text); volume && volume->target.empty()) std::abort();
  if (auto duration = parse_duration(text); duration && !parse_duration(go_duration(*duration))) std::abort();
  (void)compose::parse_device(text);
  (void)compose::split_words(text);
  (void)compose::parse_extra_host(text);
  (void)compose::parse_restart(text);
  (void)parse_byte_size(text);
  return 0;
}
