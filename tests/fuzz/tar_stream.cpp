// An archive, read like a layer: every member with all its content.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "images/archive/tar_reader.h"

using namespace stack;
using namespace stack::images;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  size_t used = 0;
  TarReader reader([&](char* buffer, size_t wanted) -> Result<size_t> {
    // In uneven pieces, like from a network.
    size_t n = std::min({wanted, size - used, size_t{700}});
    std::memcpy(buffer, bytes + used, n);
    used += n;
    return n;
  });
  for (;;) {
    auto member = reader.next();
    if (!member || !*member) return 0;
    if ((*member)->size < 0) std::abort();
    char buffer[512];
    for (size_t total = 0;;) {
      auto n = reader.read(buffer, sizeof buffer);
      if (!n || *n == 0) break;
      total += *n;
      if (total > size) std::abort();
    }
  }
}
