#include "cli/cluster/swarm/docker_endpoint.h"

#include <sys/socket.h>

#include "base/files.h"
#include "base/process.h"
#include "cli/session/docker_context.h"
#include "cli/session/ssh_connection.h"
#include "http/wire/unix_socket.h"
#include "orchestrator/targets/swarm/api/network_dial.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

constexpr const char* kDefaultHost = "unix:///var/run/docker.sock";

struct DockerEndpoint {
  std::string host;
  bool tls = false;
  bool verify = true;
  std::string certificates = {};  // folder with ca.pem, cert.pem, key.pem
};

// TLS as the environment of docker sets it.
DockerEndpoint with_environment(const Session& session, std::string host) {
  const Environment& environment = session.environment();
  DockerEndpoint out{std::move(host)};
  out.verify = !setting(environment, "DOCKER_TLS_VERIFY").empty();
  out.tls = out.verify || !setting(environment, "DOCKER_TLS").empty();
  if (!out.tls) return out;
  out.certificates = setting(environment, "DOCKER_CERT_PATH");
  if (out.certificates.empty()) out.certificates = docker_cli::docker_config_folder(environment);
  return out;
}

// What chooses the endpoint: the name of a context, or a URL.
struct EndpointChoice {
  std::string context = {};
  std::string host = {};
};

Result<EndpointChoice> choose_endpoint(const Session& session) {
  const ClusterOptions& cluster = session.globals().cluster;
  if (!cluster.host.empty() && !cluster.context.empty())
    return invalid("--host and --context cannot be used together");
  EndpointChoice out;
  out.host = cluster.host;
  out.context = cluster.context;
  if (out.host.empty() && out.context.empty()) out.host = setting(session.environment(), "DOCKER_HOST");
  if (out.host.empty() && out.context.empty())
    out.context = docker_cli::ContextStore(session.environment()).current();
  if (out.context == "default") out = {.host = kDefaultHost};
  return out;
}

Result<DockerEndpoint> endpoint_of_context(const Session& session, const std::string& name) {
  TRY_ASSIGN(docker_cli::ContextEntry entry, docker_cli::ContextStore(session.environment()).find(name));
  DockerEndpoint out{entry.host};
  out.certificates = entry.tls_folder;
  out.tls = path_exists(entry.tls_folder);
  out.verify = !entry.skip_tls_verify;
  return out;
}

Result<DockerEndpoint> find_endpoint(const Session& session) {
  TRY_ASSIGN(EndpointChoice choice, choose_endpoint(session));
  if (choice.context.empty()) return with_environment(session, choice.host);
  return endpoint_of_context(session, choice.context);
}

Result<Fd> dial_over_ssh(const std::string& url) {
  SpawnRequest request;
  request.program = "ssh";
  TRY_ASSIGN(request.args, ssh_arguments(url));
  // Its last words are the command for an engine of stack.
  constexpr size_t kCommandWords = 2;
  request.args.resize(request.args.size() - kCommandWords);
  request.args.insert(request.args.end(), {"docker", "system", "dial-stdio"});
  TRY_ASSIGN(SocketPair pair, make_socket_pair(SOCK_STREAM));
  request.fds = {{0, pair.theirs.get()}, {1, pair.theirs.get()}};
  // It ends with the connection.
  TRY(spawn(request).in("ssh").map([](pid_t) {}));
  return std::move(pair.ours);
}

Result<swarm::Dial> dial_of(const DockerEndpoint& endpoint) {
  const std::string& host = endpoint.host;
  if (host.starts_with("unix://") || host.starts_with('/')) {
    std::string path = host.starts_with('/') ? host : host.substr(7);
    return swarm::Dial([path] { return http::connect_unix(path); });
  }
  if (is_ssh_url(host)) {
    TRY(ssh_arguments(host).map([](auto&&) {}));
    return swarm::Dial([host] { return dial_over_ssh(host); });
  }
  constexpr std::string_view kTcp = "tcp://";
  if (!host.starts_with(kTcp))
    return invalid("invalid Docker host \"" + host +
                   "\": must be unix:///PATH, tcp://HOST:PORT, or ssh://HOST");
  swarm::TcpEndpoint tcp;
  tcp.host = host.substr(kTcp.size());
  while (tcp.host.ends_with('/')) tcp.host.pop_back();
  tcp.tls = endpoint.tls;
  tcp.verify = endpoint.verify;
  if (tcp.host.rfind(':') == std::string::npos || tcp.host.ends_with(']'))
    tcp.host += tcp.tls ? ":2376" : ":2375";
  auto file = [&](const char* name) {
    std::string path = endpoint.certificates + "/" + name;
    return path_exists(path) ? path : std::string();
  };
  if (tcp.tls) {
    tcp.authority = file("ca.pem");
    tcp.certificate = file("cert.pem");
    tcp.key = file("key.pem");
  }
  return swarm::Dial([tcp] { return swarm::dial_tcp(tcp); });
}

}  // namespace

Result<std::unique_ptr<swarm::DockerConnection>> connect_docker(const Session& session) {
  TRY_ASSIGN(DockerEndpoint endpoint, find_endpoint(session));
  TRY_ASSIGN(swarm::Dial dial, dial_of(endpoint));
  auto connection = std::make_unique<swarm::DockerConnection>(std::move(dial), endpoint.host);
  TRY(connection->negotiate());
  return connection;
}

KnownCluster known_swarm(const Session& session) {
  KnownCluster out;
  out.target = "swarm";
  auto choice = choose_endpoint(session);
  if (!choice) return out;
  bool by_context = !choice->context.empty();
  out.place = by_context ? "context " + choice->context : choice->host;
  out.options = {by_context ? "--context" : "--host", by_context ? choice->context : choice->host};
  for (const char* name : {"DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG"}) {
    std::string value = setting(session.environment(), name);
    if (!value.empty()) out.variables[name] = value;
  }
  return out;
}

}  // namespace stack::cli::cluster
