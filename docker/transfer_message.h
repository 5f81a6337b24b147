// The lines of the response to a pull or push in Docker's format (JSONMessage).
// https://docs.docker.com/reference/api/engine/version/v1.50/#tag/Image/operation/ImageCreate
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace stack::docker {

// {"status":"Pulling fs layer","progressDetail":{},"id":"a2abf6c4d29d"}
OrderedJson status_message(const std::string& status, const std::string& id = {});
// {"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"[=>  ]  1B/2B","id":...}; bytes.
OrderedJson progress_message(const std::string& status, const std::string& id, int64_t current,
                             int64_t total);
// {"errorDetail":{"message":...},"error":...}
OrderedJson error_message(const std::string& text);
// The message as sent, without the newline. Never throws: invalid UTF-8 is replaced.
std::string message_text(const OrderedJson& message);

}  // namespace stack::docker
