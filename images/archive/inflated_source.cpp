#include "images/archive/inflated_source.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "images/archive/inflate.h"

namespace stack::images {

namespace {

constexpr size_t kPiece = size_t{256} * 1024;

struct InflatedSource {
  ByteSource source;
  std::unique_ptr<Inflater> inflater;
  std::string in = std::string(kPiece, '\0');
  std::string ready;
  size_t position = 0;
  bool ended = false;

  Result<> push(std::string_view bytes) {
    return inflater->push(bytes, [this](std::string_view piece) -> Result<> {
      ready += piece;
      return {};
    });
  }

  Result<size_t> read(char* buffer, size_t size) {
    while (position == ready.size() && !ended) {
      ready.clear();
      position = 0;
      TRY_ASSIGN(size_t n, source(in.data(), in.size()));
      ended = n == 0;
      TRY(ended ? inflater->finish() : push({in.data(), n}));
    }
    size_t n = std::min(size, ready.size() - position);
    std::memcpy(buffer, ready.data() + position, n);
    position += n;
    return n;
  }
};

}  // namespace

Result<ByteSource> inflated_source(ByteSource source) {
  auto state = std::make_shared<InflatedSource>();
  std::string head(512, '\0');
  size_t done = 0;
  while (done < head.size()) {
    TRY_ASSIGN(size_t n, source(head.data() + done, head.size() - done));
    if (n == 0) break;
    done += n;
  }
  head.resize(done);
  state->source = std::move(source);
  TRY_ASSIGN(state->inflater, make_inflater(head));
  TRY(state->push(head));
  return ByteSource([state](char* buffer, size_t size) { return state->read(buffer, size); });
}

}  // namespace stack::images
