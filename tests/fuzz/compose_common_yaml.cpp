// The fast YAML reader against yaml-cpp: both must agree on every text that the fast reader accepts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/files.h"
#include "tests/unit/compose/yaml_events.h"

using namespace stack;

namespace {

// Valid UTF-8 without control characters.
bool is_text(std::string_view text) {
  size_t more = 0;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (more > 0) {
      if ((byte & 0xC0U) != 0x80U) return false;
      --more;
    } else if (byte >= 0x80) {
      if (byte < 0xC2 || byte > 0xF4) return false;
      more = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    } else if (byte == 0x7f || (byte < 0x20 && c != '\n' && c != '\t' && c != '\r')) {
      return false;
    }
  }
  return more == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  // Other texts are rejected before any reader sees them.
  if (!is_text(text)) return 0;
  std::string ours = compose::events_of_common_yaml(text);
  if (ours.empty()) return 0;
  std::string theirs = compose::events_of_yaml_cpp(text);
  if (ours == theirs) return 0;
  (void)write_all(2, text + "\n--- ours\n" + ours + "--- yaml-cpp\n" + theirs);
  std::abort();
}
