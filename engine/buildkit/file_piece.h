// Reads files in pieces that fit a message of BuildKit's streams.
#pragma once

#include <memory>
#include <string>

#include "base/async.h"
#include "base/fd.h"

namespace stack::engine {

// The next piece, read on the pool; "" at the end of the file.
Task<Result<std::string>> read_file_piece(asio::thread_pool& pool, std::shared_ptr<Fd> file);

}  // namespace stack::engine
