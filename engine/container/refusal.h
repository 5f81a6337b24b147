// Docker's texts for requests that a container's phase does not allow (Verdict::Refuse). Each is a Conflict.
#pragma once

#include "engine/container/container.h"

namespace stack::engine {

Error refusal(const Container& container, LifeEvent request);
// The error of a start preempted by a stop, kill, or removal.
Error start_canceled(const Container& container);

}  // namespace stack::engine
