// .env files in both formats.
#include <cstdint>
#include <string>

#include "orchestrator/compose/dotenv.h"

using namespace stack::compose;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Sources sources;
  Report report(sources);
  uint32_t file =
      sources.add("x.env", "/x.env", "/", std::string(reinterpret_cast<const char*>(bytes), size));
  static const std::string value = "outer";
  Lookup lookup = [](std::string_view name) { return name == "OUT" ? &value : nullptr; };
  parse_dotenv(sources, file, lookup, report);
  parse_raw_env(sources, file, lookup, report);
  render(report.take_errors());
  return 0;
}
