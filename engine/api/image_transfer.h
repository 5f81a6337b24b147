// Pulls or pushes several images for our own clients: a plan with one action per image, executed in parallel,
// reported as the events of docs/API.md.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/api.h"

namespace stack::engine {

struct ImageTransfer {
  bool push = false;
  std::vector<std::string> references;
  std::string platform;          // for pulls; "" = the host's
  bool ignore_failures = false;  // report them as warnings
  Caller caller;
  std::stop_token stop;
};

Task<> transfer_images(Services& services, ImageTransfer transfer, Sink sink);

// Docker's POST /images/create?fromImage=...
Task<> pull_image(Services& services, http::Request& request, http::Response& response);

// The event of one layer of action `id`.
OrderedJson transfer_event(bool push, int64_t id, const TransferEvent& event);

}  // namespace stack::engine
