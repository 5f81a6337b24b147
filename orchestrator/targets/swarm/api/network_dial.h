// Streams to a Docker engine over TCP, with or without TLS, by libcurl.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace stack::targets::swarm {

struct TcpEndpoint {
  std::string host;  // "10.0.0.1:2376", "[::1]:2375"
  bool tls = false;
  bool verify = true;
  std::string authority;  // files in PEM format; "" = the system's, or none
  std::string certificate;
  std::string key;
};

// A stream socket; a thread passes its bytes on until either side ends.
Result<Fd> dial_tcp(const TcpEndpoint& endpoint);

}  // namespace stack::targets::swarm
