#include "images/archive/deflate.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace stack::images {

namespace {

constexpr size_t kBlock = size_t{1} << 20;
constexpr size_t kWindow = size_t{32} << 10;
constexpr int kGzipLevel = 5;
constexpr int kZstdLevel = 3;

void append_little_endian(std::string& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((value >> shift) & 0xff);
}

struct DeflateStream {
  z_stream value{};
  bool ready = ::deflateInit2(&value, kGzipLevel, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  DeflateStream() = default;
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;
  ~DeflateStream() { ::deflateEnd(&value); }
};

// One block as raw deflate data that ends at a byte.
Result<std::string> deflate_block(const std::string& dictionary, const std::string& block, bool last) {
  DeflateStream stream;
  if (!stream.ready) return Error("zlib cannot be initialized");
  if (!dictionary.empty())
    ::deflateSetDictionary(&stream.value, reinterpret_cast<const Bytef*>(dictionary.data()),
                           static_cast<uInt>(dictionary.size()));
  std::string out(::deflateBound(&stream.value, block.size()) + 64, '\0');
  // zlib's interface has no const.
  stream.value.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
  stream.value.avail_in = static_cast<uInt>(block.size());
  stream.value.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.value.avail_out = static_cast<uInt>(out.size());
  int status = ::deflate(&stream.value, last ? Z_FINISH : Z_SYNC_FLUSH);
  bool whole = last ? status == Z_STREAM_END : status == Z_OK && stream.value.avail_in == 0;
  if (!whole) return Error("zlib: block was not compressed");
  out.resize(out.size() - stream.value.avail_out);
  return out;
}

class GzipDeflater final : public Deflater {
 public:
  Result<> push(std::string_view bytes, const ByteSink& sink) override {
    crc_ = static_cast<uint32_t>(::crc32_z(crc_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
    size_ += bytes.size();
    while (!bytes.empty()) {
      // A full block waits for the next byte: the last one is closed differently.
      if (block_.size() == kBlock) TRY(start_block(false, sink));
      size_t part = std::min(bytes.size(), kBlock - block_.size());
      block_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
    }
    return {};
  }

  Result<> finish(const ByteSink& sink) override {
    TRY(start_block(true, sink));
    while (!running_.empty()) TRY(take_block(sink));
    std::string end;
    append_little_endian(end, crc_);
    append_little_endian(end, static_cast<uint32_t>(size_));
    return sink(end);
  }

 private:
  Result<> start_block(bool last, const ByteSink& sink) {
    if (!started_) TRY(sink(std::string_view("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10)));
    started_ = true;
    if (running_.size() >= most_running_) TRY(take_block(sink));
    std::string dictionary = dictionary_;
    dictionary_ = block_.substr(block_.size() - std::min(block_.size(), kWindow));
    running_.push_back(
        std::async(std::launch::async, deflate_block, std::move(dictionary), std::move(block_), last));
    block_.clear();
    return {};
  }

  Result<> take_block(const ByteSink& sink) {
    Result<std::string> done = running_.front().get();
    running_.erase(running_.begin());
    if (!done) return std::move(done).error();
    return sink(*done);
  }

  size_t most_running_ = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);
  std::vector<std::future<Result<std::string>>> running_;
  std::string block_;
  std::string dictionary_;
  uint32_t crc_ = 0;
  size_t size_ = 0;
  bool started_ = false;
};

class ZstdDeflater final : public Deflater {
 public:
  ZstdDeflater() {
    ::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  Result<> push(std::string_view bytes, const ByteSink& sink) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (in.pos < in.size) TRY(step(in, ZSTD_e_continue, sink));
    return {};
  }
  Result<> finish(const ByteSink& sink) override {
    ZSTD_inBuffer nothing{"", 0, 0};
    for (;;) {
      TRY_ASSIGN(size_t left, step(nothing, ZSTD_e_end, sink));
      if (left == 0) return {};
    }
  }

 private:
  Result<size_t> step(ZSTD_inBuffer& in, ZSTD_EndDirective how, const ByteSink& sink) {
    ZSTD_outBuffer out{output_.data(), output_.size(), 0};
    size_t left = ::ZSTD_compressStream2(context_.get(), &out, &in, how);
    if (::ZSTD_isError(left) != 0) return Error(std::string("zstd: ") + ::ZSTD_getErrorName(left));
    if (out.pos > 0) TRY(sink({output_.data(), out.pos}));
    return left;
  }

  struct Free {
    void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{::ZSTD_createCCtx()};
  std::vector<char> output_ = std::vector<char>(size_t{256} << 10);
};

}  // namespace

Result<std::unique_ptr<Deflater>> make_deflater(Compression compression) {
  if (compression == Compression::Gzip) return std::unique_ptr<Deflater>(new GzipDeflater);
  if (compression == Compression::Zstd) return std::unique_ptr<Deflater>(new ZstdDeflater);
  return unsupported("layers are compressed by gzip or zstd");
}

}  // namespace stack::images
