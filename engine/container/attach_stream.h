// The bytes between an attached client and a process: Docker's frames, and pumps in both directions.
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
std::string stream_frame(int stream, std::string_view payload);

// Turns the monitor's frames (runtime::Attached) into what a client gets.
class FrameSelector {
 public:
  // `raw`: payloads alone, for terminals. A gap, which Docker's clients do not know, becomes a line on
  // stderr.
  FrameSelector(bool raw, bool out, bool err) : raw_(raw), out_(out), err_(err) {}
  // What to pass on of the next bytes, wherever they are cut. Payloads go on before their frame is complete
  // only for terminals.
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

// From the monitor to the client, until one of both ends.
Task<> pump_frames(Source source, Client client, FrameSelector selector);

// From a process to the client, framed as `kind` unless it is 0, to the source's end: what comes after the
// client has gone is read and dropped, because the process must not block for that.
struct PumpState {
  explicit PumpState(asio::io_context& io) : changed(io) {}
  int open = 0;     // pumps whose source has not ended
  int writing = 0;  // pumps that wait for the client
  Signal changed;
};
Task<> pump_out(Source source, Client client, int kind, std::shared_ptr<PumpState> state);

// From the client to a process, until the client has no more, or typed the keys. Ends a socket's sending half
// then. true: detached.
Task<bool> pump_in(Client client, Source sink, DetachKeys keys, bool is_socket);

// Calls `gone` once the client is gone in both directions; ends when the client's stream is closed.
Task<> watch_client(Client client, std::function<void()> gone);

}  // namespace stack::engine
