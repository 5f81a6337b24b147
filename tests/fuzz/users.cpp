// "user:group", a passwd file, and a group file, separated by zero bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "runtime/spec/users.h"

using namespace stack;
using namespace stack::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  std::string_view parts[3];
  for (std::string_view& part : parts) {
    part = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  auto user = resolve_user(parts[0], parts[1], parts[2]);
  if (!user) return 0;
  // 2^32-1 means "leave as it is" to the kernel: it must never be a result.
  if (user->uid == 0xffffffff || user->gid == 0xffffffff) std::abort();
  for (uint32_t gid : user->additional_gids)
    if (gid == 0xffffffff) std::abort();
  // Only explicit forms of root give root: no overflow, sign, or other text.
  std::string_view name = parts[0].substr(0, parts[0].find(':'));
  bool zeros = name.find_first_not_of('0') == std::string_view::npos;
  bool listed = parts[1].find(name) != std::string_view::npos;
  if (user->uid == 0 && !zeros && !listed) std::abort();
  return 0;
}
