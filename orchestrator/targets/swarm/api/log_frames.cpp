#include "orchestrator/targets/swarm/api/log_frames.h"

#include <cstdint>
#include <utility>

namespace stack::targets::swarm {

namespace {

constexpr size_t kHead = 8;

}  // namespace

void LogFrames::add(std::string_view bytes) {
  if (raw_) return text(false, bytes);
  pending_ += bytes;
  while (pending_.size() >= kHead) {
    auto byte = [&](size_t i) { return static_cast<uint8_t>(pending_[i]); };
    if (byte(0) > 2 || byte(1) != 0 || byte(2) != 0 || byte(3) != 0) {
      raw_ = true;
      return text(false, std::exchange(pending_, {}));
    }
    size_t size = size_t{byte(4)} << 24 | size_t{byte(5)} << 16 | size_t{byte(6)} << 8 | size_t{byte(7)};
    if (pending_.size() < kHead + size) return;
    text(byte(0) == 2, std::string_view(pending_).substr(kHead, size));
    pending_.erase(0, kHead + size);
  }
}

void LogFrames::text(bool error, std::string_view piece) {
  std::string& line = lines_[error ? 1 : 0];
  for (char c : piece) {
    if (c == '\n') {
      if (line.ends_with('\r')) line.pop_back();
      on_line_(error, std::exchange(line, {}));
    } else {
      line += c;
    }
  }
}

void LogFrames::finish() {
  if (!raw_ && !pending_.empty()) text(false, std::exchange(pending_, {}));
  for (bool error : {false, true})
    if (std::string& line = lines_[error ? 1 : 0]; !line.empty()) on_line_(error, std::exchange(line, {}));
}

}  // namespace stack::targets::swarm
