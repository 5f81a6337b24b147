// ${...} in any text.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "orchestrator/compose/interpolate.h"

using namespace stack::compose;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const std::map<std::string, std::string, std::less<>> values{
      {"A", "a"}, {"E", ""}, {"LONG", std::string(100, 'x')}};
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  expand(text, [](std::string_view name) -> const std::string* {
    auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
  });
  MentionedVariables mentioned;
  note_mentioned_variables(text, mentioned);
  return 0;
}
