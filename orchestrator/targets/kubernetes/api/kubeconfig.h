// How to reach a cluster: kubeconfig files, or the service account of the pod in which this runs.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace stack::targets::kubernetes {

// A program that supplies credentials (client.authentication.k8s.io).
struct CredentialProgram {
  std::string command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string api_version;
  std::string install_hint;
};

// The context of programs in a pod, without kubeconfig file.
inline constexpr const char* kInCluster = "in-cluster";

struct Access {
  std::string context;
  std::string server;  // "https://host:port", perhaps with a path
  std::string name_space = "default";
  std::string authority;  // PEM; "" = the host's
  bool verify = true;
  std::string server_name;  // for TLS, if not the server's
  std::string proxy;
  std::string certificate;  // PEM
  std::string key;          // PEM
  std::string token;
  std::string user;  // basic authentication
  std::string password;
  CredentialProgram program;  // "" command: none
};

// How to reach the server under the name that its certificate is checked against (tls-server-name).
struct ServerRoute {
  std::string server;      // "https://name:port/path"
  std::string connect_to;  // the address for CURLOPT_CONNECT_TO, "::host:port"; "" = that of `server`
};
ServerRoute route_to(const Access& access);

struct AccessRequest {
  std::string files;    // paths separated by ':'; "" = `home`/.kube/config
  std::string context;  // "" = the current one
  std::string home;
  std::map<std::string, std::string> environment;
  std::string current_directory;
};

// Reads the files, and runs the credential program if there is one. Errors name the file, and the context that is missing.
// Several files are merged; the first one that defines a name wins.
Result<Access> find_access(const AccessRequest& request);

// The part without I/O: the context's access in the text of one file. `read` reads the files that it names.
Result<Access> access_of(const std::string& text, const std::string& file, const std::string& context);

// Adds the answer of a credential program (an ExecCredential object).
Result<> add_credential(Access& access, const std::string& answer);

}  // namespace stack::targets::kubernetes
