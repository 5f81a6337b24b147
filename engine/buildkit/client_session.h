// What a BuildKit client offers to the engine during a build: its folders, secrets, SSH agent and credentials, and a place for
// results (moby/buildkit, session). The client opens a connection by POST /session and answers calls on it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/async.h"
#include "http/grpc/connection.h"
#include "http/server/request.h"
#include "model/registry_credentials.h"

namespace stack::engine {

// Which files of a client's folder are wanted.
struct FolderRequest {
  std::string folder;                // as the client named it: "context", "dockerfile"
  std::vector<std::string> only;     // paths, with what links among them lead to; empty: all
  std::vector<std::string> exclude;  // patterns of a .dockerignore
};

class ClientSession {
 public:
  ClientSession(std::shared_ptr<grpc::Connection> connection, std::set<std::string> methods)
      : connection_(std::move(connection)), methods_(std::move(methods)) {}

  bool open() const { return connection_->open(); }
  // "/moby.filesync.v1.FileSync/DiffCopy".
  bool offers(const std::string& method) const { return methods_.contains(method); }

  // Copies the folder's files into `directory`. NotFound where the client does not offer the folder.
  Task<Result<>> sync(asio::thread_pool& pool, FolderRequest request, std::string directory);
  // nullopt where the client has no such secret.
  Task<Result<std::optional<std::string>>> secret(std::string id);
  // Empty for a registry that the client has no credentials for.
  Task<RegistryCredentials> credentials(std::string registry);
  // A context that the client streams: the bytes go to this file.
  Task<Result<>> download(asio::thread_pool& pool, std::string id, std::string path);
  // Sends a file as the result of exporter `exporter`.
  Task<Result<>> send_file(asio::thread_pool& pool, std::string path, int exporter);
  // Sends all files of a folder as the result of exporter `exporter`.
  Task<Result<>> send_folder(asio::thread_pool& pool, std::string directory, int exporter);
  // A connection to the SSH agent with this id; an error where the client has none.
  Task<Result<>> check_agent(std::string id);
  Result<grpc::CallPtr> connect_agent(const std::string& id);

 private:
  std::shared_ptr<grpc::Connection> connection_;
  std::set<std::string> methods_;
};
using SessionPtr = std::shared_ptr<ClientSession>;

class ClientSessions {
 public:
  explicit ClientSessions(asio::io_context& io) : io_(io), changed_(io) {}

  // Serves the client's connection until it ends.
  Task<> serve(const http::Headers& headers, http::RawStream stream);
  // Waits a few seconds for a session that is about to be opened.
  Task<Result<SessionPtr>> wait_for(std::string id, std::stop_token stop);

 private:
  asio::io_context& io_;
  Signal changed_;
  std::map<std::string, SessionPtr> sessions_;
};

}  // namespace stack::engine
