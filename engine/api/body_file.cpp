#include "engine/api/body_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::engine {

Task<Result<Fd>> spool_body(http::Request& request, std::string folder) {
  Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) co_return Error::last_errno("temporary file in " + folder);
  for (;;) {
    Result<std::string> piece = co_await request.body.read();
    CO_TRY(piece);
    if (piece->empty()) break;
    Result<> written = write_all(file.get(), *piece);
    CO_TRY(written);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) co_return Error::last_errno("seek");
  co_return file;
}

}  // namespace stack::engine
