// Messages of a monitor to the engine, with and without the announced descriptors.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runtime/monitor/client.h"

using namespace stack;
using namespace stack::runtime;

namespace {
// Counts closed descriptors: a message must own each at most once.
const int kNull = ::open("/dev/null", O_RDWR | O_CLOEXEC);
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  std::vector<Fd> fds;
  for (int i = 0; i < bytes[0] % 9; ++i) fds.emplace_back(::fcntl(kNull, F_DUPFD_CLOEXEC, 3));
  (void)decode_message(text, std::move(fds));
  // All are closed if the next free number is unchanged.
  int probe = ::fcntl(kNull, F_DUPFD_CLOEXEC, 3);
  static const int first = probe;
  if (probe != first) std::abort();
  ::close(probe);
  return 0;
}
