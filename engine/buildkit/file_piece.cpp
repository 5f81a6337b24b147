#include "engine/buildkit/file_piece.h"

#include <unistd.h>

namespace stack::engine {

namespace {

constexpr size_t kPieceBytes = 32 * 1024;

}  // namespace

Task<Result<std::string>> read_file_piece(asio::thread_pool& pool, std::shared_ptr<Fd> file) {
  auto work = [file]() -> Result<std::string> {
    std::string piece(kPieceBytes, '\0');
    ssize_t n = ::read(file->get(), piece.data(), piece.size());
    if (n < 0) return Error::last_errno("read file");
    piece.resize(static_cast<size_t>(n));
    return piece;
  };
  co_return co_await offload(pool, std::move(work));
}

}  // namespace stack::engine
