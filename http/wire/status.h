// HTTP status codes and their mapping to kinds of errors, used by both sides.
#pragma once

#include <string_view>

#include "base/result.h"

namespace stack::http {

// "Not Found" for 404; "Unknown" for codes without a registered phrase (RFC 9110 section 15).
std::string_view reason_phrase(int status);

// Invalid 400, NotFound 404, Conflict 409, Unsupported 501, NotExecutable and NoCommand 400, all others 500. Docker's
// clients derive exit codes 126 and 127 from the message, not from the status.
int status_of(ErrorKind kind);

// The reverse mapping, for clients: 304 and below are not errors; 404 NotFound, 409 Conflict, 501 Unsupported, other 4xx
// Invalid, otherwise Internal.
ErrorKind kind_of(int status);

}  // namespace stack::http
