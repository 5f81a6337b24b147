// The fast YAML reader against yaml-cpp: whatever it does not leave must be told alike.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/files.h"
#include "tests/unit/compose/yaml_events.h"

using namespace stack;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  // Control characters are refused before any reader sees the text.
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') return 0;
  std::string ours = compose::events_of_common_yaml(text);
  if (ours.empty()) return 0;
  std::string theirs = compose::events_of_yaml_cpp(text);
  if (ours == theirs) return 0;
  write_all(2, text + "\n--- ours\n" + ours + "--- yaml-cpp\n" + theirs);
  std::abort();
}
