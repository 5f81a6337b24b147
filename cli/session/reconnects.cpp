#include "cli/session/reconnects.h"

#include "cli/session/engine_start.h"

namespace stack::cli {

bool Reconnects::allow(const Error& error) { return is_broken_connection(error) && allow_another(); }

}  // namespace stack::cli
