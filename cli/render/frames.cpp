#include "cli/render/frames.h"

#include <algorithm>

namespace stack::cli {

namespace {
constexpr size_t kHeaderSize = 8;

uint32_t length_of(std::string_view header) {
  uint32_t length = 0;
  for (size_t i = 4; i < kHeaderSize; ++i) length = (length << 8) | static_cast<unsigned char>(header[i]);
  return length;
}
}  // namespace

Result<> FrameReader::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      std::string_view content = bytes.substr(0, std::min<size_t>(left_, bytes.size()));
      left_ -= static_cast<uint32_t>(content.size());
      // Stream 0 is stdin, which some engines echo on stdout.
      sink(stream_ == 0 ? 1 : stream_, content);
      bytes.remove_prefix(content.size());
      continue;
    }
    size_t wanted = std::min(kHeaderSize - header_.size(), bytes.size());
    header_.append(bytes.substr(0, wanted));
    bytes.remove_prefix(wanted);
    if (header_.size() < kHeaderSize) break;
    stream_ = static_cast<unsigned char>(header_[0]);
    if ((stream_ > 2 && stream_ != kExitStream) || header_[1] != 0 || header_[2] != 0 || header_[3] != 0) {
      return Error("invalid frame in the engine's output");
    }
    left_ = length_of(header_);
    header_.clear();
  }
  return {};
}

Result<> EntryReader::feed(std::string_view bytes, const FrameReader::Sink& sink) {
  return frames_.feed(bytes, [&](int stream, std::string_view content) {
    entry_ += content;
    if (!frames_.at_end_of_frame()) return;
    sink(stream, entry_);
    entry_.clear();
  });
}

}  // namespace stack::cli
