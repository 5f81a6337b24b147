// .dockerignore: the rules before the first NUL, then paths, one a line.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/glob.h"
#include "base/text.h"

using namespace stack;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  size_t end = text.find('\0');
  Result<IgnoreRules> rules = IgnoreRules::parse(text.substr(0, end));
  if (!rules) return 0;
  std::string paths = "a/b/c.txt\nnode_modules/x\n.git";
  if (end != std::string_view::npos) paths += "\n" + std::string(text.substr(end + 1));
  for (const std::string& path : split(paths, '\n')) {
    bool excluded = rules->excluded(path);
    if (excluded != (rules->excluding_line(path) > 0)) std::abort();
    if (excluded && rules->empty()) std::abort();
    (void)rules->may_reinclude_below(path);
  }
  return 0;
}
