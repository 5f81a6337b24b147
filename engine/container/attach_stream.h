// Streams between an attached client and a process: Docker's frames, and pumps in both directions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/detach_keys.h"
#include "http/server/stream.h"

namespace stack::engine {

// Docker's 8-byte header {stream, 0, 0, 0, length as big-endian u32}, and the payload. 1: stdout, 2: stderr.
// 5, only in resumable exec streams: the exit code as big-endian u32.
constexpr int kExitFrame = 5;
std::string stream_frame(int stream, std::string_view payload);

// Converts the monitor's frames (runtime::Attached) to the client's stream.
class FrameSelector {
 public:
  // `raw`: only payloads, for terminals. A gap, which Docker's clients do not support, becomes a line on stderr.
  FrameSelector(bool raw, bool out, bool err) : raw_(raw), out_(out), err_(err) {}
  // The output for the next bytes, which may be split anywhere. Only for terminals, payloads are passed on before their
  // frame is complete.
  std::string take(std::string_view bytes);

 private:
  void frame(int stream, std::string_view payload, std::string& to) const;

  bool raw_;
  bool out_;
  bool err_;
  std::string pending_;
};

using Source = std::shared_ptr<asio::posix::stream_descriptor>;
using Client = std::shared_ptr<http::RawStream>;

// Copies from the monitor to the client until either ends.
Task<> pump_frames(Source source, Client client, FrameSelector selector);

// Copies from a process to the client until the source ends, framed as `kind` unless it is 0. After the client has left,
// reads and drops the output, because the process must not block.
struct PumpState {
  explicit PumpState(asio::io_context& io) : changed(io) {}
  int open = 0;     // number of pumps whose source has not ended
  int writing = 0;  // number of pumps waiting for the client
  Signal changed;
};
Task<> pump_out(Source source, Client client, int kind, std::shared_ptr<PumpState> state);

// Copies from the client to a process until the client's input ends or the client types the detach keys. Then shuts down
// the sending half of a socket. Returns true if detached.
Task<bool> pump_in(Client client, Source sink, DetachKeys keys, bool is_socket);

// Calls `gone` once the client has closed both directions; ends when the client's stream is closed.
Task<> watch_client(Client client, std::function<void()> gone);

}  // namespace stack::engine
