// Docker's framing of stdout and stderr on one connection: {stream, 0, 0, 0, length as 32 bits big-endian}
// bytes...
// https://docs.docker.com/reference/api/engine/version/v1.50/#tag/Container/operation/ContainerAttach
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::cli {

// The exit code of a resumable exec stream, as big-endian u32 (docs/API.md).
constexpr int kExitStream = 5;

class FrameReader {
 public:
  // `stream` is 1 for stdout, 2 for stderr, or kExitStream.
  using Sink = std::function<void(int stream, std::string_view bytes)>;
  // Accepts input split at any byte. Passes content on immediately, without waiting for the end of a frame. An
  // unknown stream number is an error.
  Result<> feed(std::string_view bytes, const Sink& sink);
  // Whether the content passed on last was the end of its frame. For sinks.
  bool at_end_of_frame() const { return left_ == 0; }

 private:
  std::string header_;  // header of the current frame
  int stream_ = 0;
  uint32_t left_ = 0;  // content bytes still to come
};

// Collects whole frames, each of which is an entry of a log.
class EntryReader {
 public:
  Result<> feed(std::string_view bytes, const FrameReader::Sink& sink);

 private:
  FrameReader frames_;
  std::string entry_;  // begun
};

}  // namespace stack::cli
