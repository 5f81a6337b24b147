#include "images/layer/layer_stream.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "images/archive/inflate.h"
#include "images/layer/layer_unpack.h"

namespace stack::images {

namespace {

constexpr size_t kMostWaiting = size_t{4} << 20;
constexpr size_t kHead = 6;

// Pieces of the tar stream from the writing thread to the reading one, which also digests them because inflating
// keeps the first one busy.
class PieceQueue {
 public:
  explicit PieceQueue(Sha256& digest) : digest_(digest) {}
  // False once the reader has left.
  bool push(std::string_view bytes) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return reader_left_ || waiting_ < kMostWaiting; });
    if (reader_left_) return false;
    waiting_ += bytes.size();
    std::string piece = take_spare();
    lock.unlock();
    piece.assign(bytes);
    lock.lock();
    pieces_.push_back(std::move(piece));
    arrived_.notify_one();
    return true;
  }
  void end(bool aborted) {
    std::lock_guard lock(mutex_);
    ended_ = true;
    aborted_ = aborted;
    arrived_.notify_one();
  }
  void leave() {
    std::lock_guard lock(mutex_);
    reader_left_ = true;
    room_.notify_one();
  }
  // Adds the rest that the reader did not consume (usually padding after the archive) to the digest. Only after the
  // thread is joined.
  void digest_rest() {
    for (const std::string& piece : pieces_) digest_.update(piece);
    pieces_.clear();
  }
  // TarReader's source.
  Result<size_t> read(char* buffer, size_t size) {
    if (position_ == current_.size()) TRY(take());
    size_t n = std::min(size, current_.size() - position_);
    std::memcpy(buffer, current_.data() + position_, n);
    position_ += n;
    return n;
  }

 private:
  Result<> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return ended_ || !pieces_.empty(); });
    if (aborted_) return Error(ErrorKind::Canceled, "the stream was canceled");
    if (current_.capacity() > 0) spare_.push_back(std::move(current_));
    current_.clear();
    position_ = 0;
    if (pieces_.empty()) return {};
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    waiting_ -= current_.size();
    room_.notify_one();
    lock.unlock();
    digest_.update(current_);
    return {};
  }

  // Reuses buffers: fresh memory of this size costs a page fault every 4 KiB.
  std::string take_spare() {
    if (spare_.empty()) return {};
    std::string out = std::move(spare_.back());
    spare_.pop_back();
    return out;
  }

  Sha256& digest_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable arrived_;
  std::deque<std::string> pieces_;
  std::vector<std::string> spare_;
  size_t waiting_ = 0;
  bool ended_ = false;
  bool aborted_ = false;
  bool reader_left_ = false;
  std::string current_;  // the reader's
  size_t position_ = 0;
};

}  // namespace

struct LayerStream::State {
  StreamLimits limits;
  std::optional<Fd> directory;
  Sha256 digest;  // of the tar stream; owned by the second thread while it runs
  PieceQueue queue{digest};
  std::thread unpacker;
  Result<> unpacked;  // set by the second thread, valid after it is joined
  UnpackReport report;

  std::string head;  // the first bytes, until the compression can be detected
  std::unique_ptr<Inflater> inflater;
  int64_t compressed = 0;
  ReceivedLayer out;

  void run() {
    TarReader reader([this](char* buffer, size_t size) { return queue.read(buffer, size); });
    UnpackOptions options;
    // Gives this thread its own file mode creation mask; other threads keep theirs.
    options.mask_is_zero = ::unshare(CLONE_FS) == 0;
    if (options.mask_is_zero) ::umask(0);
    unpacked = unpack_tar(reader, directory->get(), options, &report);
    queue.leave();
  }

  Result<> join(bool aborted) {
    if (!unpacker.joinable()) return {};
    queue.end(aborted);
    unpacker.join();
    queue.digest_rest();
    return std::move(unpacked);
  }

  Result<> take(std::string_view bytes) {
    out.tar_size += static_cast<int64_t>(bytes.size());
    if (out.tar_size > limits.unsuspected && out.tar_size / limits.ratio > compressed)
      return invalid("the layer inflates to more than " + std::to_string(limits.ratio) + " times its size");
    if (unpacker.joinable()) {
      if (queue.push(bytes)) return {};
      // The reader has finished: after an error, or at the end of the archive.
      TRY(join(false));
    }
    digest.update(bytes);
    return {};
  }

  Result<> inflate(std::string_view bytes) {
    if (!inflater) {
      TRY_ASSIGN(inflater, make_inflater(bytes));
    }
    return inflater->push(bytes, [this](std::string_view piece) { return take(piece); });
  }
};

LayerStream::LayerStream(std::unique_ptr<State> state) : state_(std::move(state)) {}

LayerStream::~LayerStream() { (void)state_->join(true); }

Result<std::unique_ptr<LayerStream>> LayerStream::start(const std::string& directory,
                                                        const StreamLimits& limits) {
  auto state = std::make_unique<State>();
  state->limits = limits;
  if (!directory.empty()) {
    TRY_ASSIGN(state->directory, open_file(directory, O_RDONLY | O_DIRECTORY));
    state->unpacker = std::thread([running = state.get()] { running->run(); });
  }
  return std::unique_ptr<LayerStream>(new LayerStream(std::move(state)));
}

Result<> LayerStream::write(std::string_view compressed) {
  State& state = *state_;
  state.compressed += static_cast<int64_t>(compressed.size());
  if (state.inflater) return state.inflate(compressed);
  state.head += compressed;
  if (state.head.size() < kHead) return {};
  std::string head = std::move(state.head);
  return state.inflate(head);
}

Result<ReceivedLayer> LayerStream::finish() {
  State& state = *state_;
  if (!state.inflater) TRY(state.inflate(state.head));
  TRY(state.inflater->finish());
  TRY(state.join(false));
  state.out.diff_id = "sha256:" + state.digest.finish_hex();
  state.out.size = state.report.content_size;
  state.out.implied_directories = std::move(state.report.implied_directories);
  return std::move(state.out);
}

}  // namespace stack::images
