// Sends a folder's files to a client, as fsutil's stream (`--output type=local`).
#pragma once

#include <string>

#include "base/async.h"
#include "http/grpc/connection.h"

namespace stack::engine {

// Ends the call. Directories, files and symbolic links; all files belong to the client that receives them.
Task<Result<>> send_folder(asio::thread_pool& pool, grpc::CallPtr call, std::string directory);

}  // namespace stack::engine
