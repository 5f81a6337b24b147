#include "engine/logs/attached_output.h"

#include <chrono>

#include "engine/container/attach_stream.h"
#include "engine/container/container_run.h"

namespace stack::engine {

namespace {

constexpr size_t kFrameHeader = 8;
// A client that does not read must not fill the engine's memory.
constexpr size_t kMostEntries = 10'000;

size_t frame_length(std::string_view header) {
  size_t length = 0;
  for (size_t i = 4; i < kFrameHeader; ++i) length = length << 8 | static_cast<unsigned char>(header[i]);
  return length;
}

}  // namespace

void AttachedOutput::attach() {
  if (stopped_.stop_requested()) return;
  run_ = std::make_shared<Run>();
  runtime::AttachOptions options;
  options.output = true;
  Result<std::shared_ptr<PendingAttach>> pending = containers_.streams().begin_output(*container_, options);
  if (!pending) {
    run_->ended = true;
    return;
  }
  auto reading = [](std::shared_ptr<AttachedOutput> self, std::shared_ptr<PendingAttach> attach,
                    std::shared_ptr<Run> run) -> Task<> {
    co_await self->read(std::move(attach), std::move(run));
  };
  start(context_.io, reading(shared_from_this(), std::move(*pending), run_));
}

void AttachedOutput::stop() { stopped_.request_stop(); }

std::optional<logs::LogEntry> AttachedOutput::next() {
  if (entries_.empty()) return std::nullopt;
  logs::LogEntry entry = std::move(entries_.front());
  entries_.pop_front();
  return entry;
}

Task<> AttachedOutput::read(std::shared_ptr<PendingAttach> pending, std::shared_ptr<Run> run) {
  Result<Fd> stream =
      co_await containers_.streams().finish(container_, std::move(pending), stopped_.get_token());
  if (stream) co_await read_frames(std::move(*stream));
  finish_lines();
  run->ended = true;
  wake_();
}

Task<> AttachedOutput::read_frames(Fd stream) {
  asio::posix::stream_descriptor source(context_.io, stream.release());
  std::stop_callback cancel(stopped_.get_token(), [&source] { source.cancel(); });
  FrameSelector selector(false, true, true);
  std::string bytes(32768, '\0');
  asio::error_code code;
  while (!code && !stopped_.stop_requested()) {
    size_t n =
        co_await source.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, code));
    if (n == 0) continue;
    take(selector.take({bytes.data(), n}));
    wake_();
  }
}

void AttachedOutput::take(std::string_view bytes) {
  pending_frame_.append(bytes);
  size_t at = 0;
  while (pending_frame_.size() - at >= kFrameHeader) {
    std::string_view frame = std::string_view(pending_frame_).substr(at);
    const size_t length = frame_length(frame);
    if (frame.size() - kFrameHeader < length) break;
    const logs::LogStream stream = frame[0] == 2 ? logs::LogStream::Stderr : logs::LogStream::Stdout;
    std::string& line = lines_[stream];
    line.append(frame.substr(kFrameHeader, length));
    for (size_t end = line.find('\n'); end != std::string::npos || line.size() > logs::kLongestLine;
         end = line.find('\n')) {
      const size_t cut = std::min(end == std::string::npos ? line.size() : end + 1, logs::kLongestLine);
      entries_.push_back({stream, std::chrono::system_clock::now(), line.substr(0, cut), {}});
      line.erase(0, cut);
      if (entries_.size() > kMostEntries) entries_.pop_front();
    }
    at += kFrameHeader + length;
  }
  pending_frame_.erase(0, at);
}

void AttachedOutput::finish_lines() {
  for (auto& [stream, line] : std::exchange(lines_, {}))
    if (!line.empty()) entries_.push_back({stream, std::chrono::system_clock::now(), line, {}});
  pending_frame_.clear();
}

}  // namespace stack::engine
