#include "images/archive/inflate.h"

#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#if defined(STACK_HAS_ISAL)
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

namespace stack::images {

namespace {

using namespace std::string_view_literals;

constexpr size_t kOutput = size_t{256} * 1024;

Error damaged_stream(std::string_view what) { return invalid("decompress: " + std::string(what)); }

class NoInflater final : public Inflater {
 public:
  Result<> push(std::string_view bytes, const ByteSink& sink) override {
    while (!bytes.empty()) {
      TRY(sink(bytes.substr(0, kOutput)));
      bytes.remove_prefix(std::min(bytes.size(), kOutput));
    }
    return {};
  }
  Result<> finish() override { return {}; }
};

// Common part of the two gzip libraries: members are concatenated, and zeros may follow the last one.
class GzipInflater : public Inflater {
 public:
  Result<> push(std::string_view bytes, const ByteSink& sink) final {
    while (!bytes.empty()) {
      if (between_members_) {
        if (bytes.front() == '\0') padded_ = true;
        if (padded_) {
          if (bytes.find_first_not_of('\0') != std::string_view::npos)
            return damaged_stream("unexpected data after the gzip stream");
          return {};
        }
        begin_member();
        between_members_ = false;
      }
      TRY(member(bytes, sink));
    }
    return {};
  }
  Result<> finish() final {
    return between_members_ ? Result<>() : Result<>(damaged_stream("gzip stream ends early"));
  }

 protected:
  virtual void begin_member() = 0;
  // Consumes bytes from the front; calls end_member() at the end of a member.
  virtual Result<> member(std::string_view& bytes, const ByteSink& sink) = 0;
  void end_member() { between_members_ = true; }

 private:
  bool between_members_ = true;
  bool padded_ = false;
};

#if defined(STACK_HAS_ISAL)

class IsalInflater final : public GzipInflater {
 protected:
  void begin_member() override {
    ::isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }
  Result<> member(std::string_view& bytes, const ByteSink& sink) override {
    auto size = static_cast<uint32_t>(std::min<size_t>(bytes.size(), UINT32_MAX));
    // The library does not write to its input, but its interface has no const.
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
    state_->avail_in = size;
    do {
      state_->next_out = output_.data();
      state_->avail_out = static_cast<uint32_t>(output_.size());
      int status = ::isal_inflate(state_.get());
      if (status < 0)
        return damaged_stream(status == ISAL_INCORRECT_CHECKSUM ? "checksum mismatch" : "bad gzip data");
      size_t made = output_.size() - state_->avail_out;
      if (made > 0) TRY(sink({reinterpret_cast<const char*>(output_.data()), made}));
    } while (state_->block_state != ISAL_BLOCK_FINISH && (state_->avail_in > 0 || state_->avail_out == 0));
    bytes.remove_prefix(size - state_->avail_in);
    if (state_->block_state == ISAL_BLOCK_FINISH) end_member();
    return {};
  }

 private:
  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  std::vector<uint8_t> output_ = std::vector<uint8_t>(kOutput);
};

using FastestGzip = IsalInflater;

#else

class ZlibInflater final : public GzipInflater {
 public:
  ZlibInflater() { ready_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~ZlibInflater() override { ::inflateEnd(&stream_); }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;

 protected:
  void begin_member() override { ready_ = ready_ && ::inflateReset(&stream_) == Z_OK; }
  Result<> member(std::string_view& bytes, const ByteSink& sink) override {
    if (!ready_) return damaged_stream("zlib cannot be initialized");
    auto size = static_cast<uInt>(std::min<size_t>(bytes.size(), UINT32_MAX));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = size;
    int status = Z_OK;
    do {
      stream_.next_out = output_.data();
      stream_.avail_out = static_cast<uInt>(output_.size());
      status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return damaged_stream("bad gzip data");
      size_t made = output_.size() - stream_.avail_out;
      if (made > 0) TRY(sink({reinterpret_cast<const char*>(output_.data()), made}));
    } while (status != Z_STREAM_END && (stream_.avail_in > 0 || stream_.avail_out == 0));
    bytes.remove_prefix(size - stream_.avail_in);
    if (status == Z_STREAM_END) end_member();
    return {};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  std::vector<Bytef> output_ = std::vector<Bytef>(kOutput);
};

using FastestGzip = ZlibInflater;

#endif

class ZstdInflater final : public Inflater {
 public:
  Result<> push(std::string_view bytes, const ByteSink& sink) override {
    if (!context_) return damaged_stream("zstd cannot be initialized");
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool more = false;
    do {
      ZSTD_outBuffer out{output_.data(), output_.size(), 0};
      size_t status = ::ZSTD_decompressStream(context_.get(), &out, &in);
      if (::ZSTD_isError(status) != 0) return damaged_stream(::ZSTD_getErrorName(status));
      at_frame_end_ = status == 0;
      if (out.pos > 0) TRY(sink({output_.data(), out.pos}));
      more = out.pos == out.size;
    } while (in.pos < in.size || (more && !at_frame_end_));
    return {};
  }
  Result<> finish() override {
    return at_frame_end_ ? Result<>() : Result<>(damaged_stream("zstd stream ends early"));
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_{::ZSTD_createDCtx()};
  std::vector<char> output_ = std::vector<char>(kOutput);
  bool at_frame_end_ = true;
};

bool is_zstd(std::string_view head) {
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return true;
  // A skippable frame (184D2A50 to 184D2A5F, little endian) may come first.
  return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xf0) == 0x50 &&
         head.substr(1, 3) == "\x2a\x4d\x18"sv;
}

}  // namespace

Compression compression_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b"sv)) return Compression::Gzip;
  if (head.starts_with("\xfd\x37zXZ\0"sv)) return Compression::Xz;
  if (head.starts_with("BZh"sv)) return Compression::Bzip2;
  return is_zstd(head) ? Compression::Zstd : Compression::None;
}

Result<std::unique_ptr<Inflater>> make_inflater(std::string_view head) {
  switch (compression_of(head)) {
    case Compression::None:
      return std::unique_ptr<Inflater>(new NoInflater);
    case Compression::Gzip:
      return std::unique_ptr<Inflater>(new FastestGzip);
    case Compression::Zstd:
      return std::unique_ptr<Inflater>(new ZstdInflater);
    case Compression::Xz:
    case Compression::Bzip2:
      break;
  }
  return unsupported("layers must be compressed with gzip or zstd, not xz or bzip2");
}

}  // namespace stack::images
