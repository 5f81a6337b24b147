// POST /build?version=2: a build whose files come through a BuildKit session.
#pragma once

#include "docker/build_query.h"
#include "engine/api/api.h"
#include "engine/api/stream_queue.h"

namespace stack::engine {

Task<> build_of_session(Services& s, http::Request& request, http::Response& response,
                        docker::BuildQuery query);

}  // namespace stack::engine
