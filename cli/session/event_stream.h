// The engine's events, across engines.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "cli/session/session.h"

namespace stack::cli {

// Calls take() with each event of GET /events until the stream ends or take() returns false. `parameters` are encoded and
// without "since". If the engine dies, continues with the events of the next one.
Result<> follow_events(Session& session, const std::string& parameters, std::string since,
                       const std::function<bool(const Json& event)>& take);

}  // namespace stack::cli
