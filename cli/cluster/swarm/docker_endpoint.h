// The manager of the session's swarm: --host, --context, DOCKER_HOST, DOCKER_CONTEXT, the current context of docker, or
// /var/run/docker.sock.
#pragma once

#include <memory>

#include "cli/session/known_clusters.h"
#include "cli/session/session.h"
#include "orchestrator/targets/swarm/api/docker_connection.h"

namespace stack::cli::cluster {

// Connected, with a known API version. Supports unix://, tcp:// (with TLS as for docker: DOCKER_TLS_VERIFY,
// DOCKER_CERT_PATH, or the context's files), and ssh://, where ssh(1) runs `docker system dial-stdio`.
Result<std::unique_ptr<targets::swarm::DockerConnection>> connect_docker(const Session& session);

// How another command finds the same swarm.
KnownCluster known_swarm(const Session& session);

}  // namespace stack::cli::cluster
